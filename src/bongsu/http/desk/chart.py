"""A bar chart as SVG, without any style of its own. The same numbers stand in a table beside it."""

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT, LABEL = 640, 200, 40


def bars(counts: Sequence[tuple[str, int]]) -> Markup:
    """One bar a name. The page says in words what it shows (aria-labelledby)."""
    if not counts:
        return Markup("")
    most = max(1, *(count for _, count in counts))
    step = WIDTH / len(counts)
    every = max(1, len(counts) // 10)
    pieces = [Markup('<line x1="0" y1="{y}" x2="{x}" y2="{y}"/>').format(x=WIDTH, y=HEIGHT - LABEL)]
    for place, (name, count) in enumerate(counts):
        height = (HEIGHT - LABEL - 20) * count / most
        x, y = place * step, HEIGHT - LABEL - height
        pieces.append(
            Markup(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {:,}</title>'
                "</rect>"
            ).format(x + step * 0.1, y, step * 0.8, height, name, count)
        )
        if place % every == 0:
            pieces.append(
                Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                    x + step / 2, HEIGHT - LABEL + 16, name[-5:]
                )
            )
    top = Markup('<text x="0" y="12">{:,}</text>').format(most)
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="chart-title">{}{}</svg>'
    ).format(WIDTH, HEIGHT, Markup("").join(pieces), top)
