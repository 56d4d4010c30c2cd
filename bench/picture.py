"""The table as a picture: how many times better each figure is, on a logarithmic scale."""

from collections.abc import Mapping
from pathlib import Path

from bench.figures import FIGURES, Aim


def draw(ours: Mapping[str, float], rival: Mapping[str, float], path: Path) -> None:
    """Write an SVG or PNG (by the suffix) of the ratios; the promised factor is a mark."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figures = [f for f in FIGURES if f.key in ours and f.key in rival]
    if not figures:
        return
    ratios = [f.ratio(ours[f.key], rival[f.key]) for f in figures]
    chart, axes = pyplot.subplots(figsize=(9, 0.5 * len(figures) + 1.2))
    places = range(len(figures))
    axes.barh(places, ratios, color="#d9480f", height=0.6)
    for place, figure, ratio in zip(places, figures, ratios, strict=True):
        axes.text(ratio, place, f" {ratio:,.0f}x", va="center", fontsize=9)
        if figure.aim in (Aim.TIMES_LESS, Aim.TIMES_MORE):
            axes.plot([figure.bound] * 2, [place - 0.4, place + 0.4], color="#343a40", lw=2)
    axes.set_yticks(list(places), [figure.title for figure in figures], fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(1, max(ratios) * 4)
    axes.invert_yaxis()
    axes.set_xlabel("times better than Synapse 1.163.2, one process each (dark mark: the promise)")
    axes.spines[["top", "right"]].set_visible(False)
    chart.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path)
    pyplot.close(chart)
