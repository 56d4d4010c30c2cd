"""Charts as SVG: made here, without script, and readable without sight.

Colours and fonts come from the page's stylesheet by class; nothing is styled inline, so the strict
content security policy holds.
"""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

BARS_MAX = 30

_WIDTH, _ROW, _BAR = 640, 30, 16
_LABEL_WIDTH, _VALUE_WIDTH = 190, 120


class Bar(NamedTuple):
    """`said`: the value as people read it."""

    label: str
    value: int
    said: str


def bar_chart(bars: Sequence[Bar], *, chart_id: str, title: str, summary: str) -> str:
    """Horizontal bars, the longest as wide as there is room. The first `BARS_MAX` are drawn.

    `chart_id` is unique in the page; title and summary are what a screen reader says.
    """
    bars = bars[:BARS_MAX]
    height = _ROW * max(1, len(bars)) + 8
    most = max((bar.value for bar in bars), default=0) or 1
    name, text = f"{chart_id}-title", f"{chart_id}-summary"
    rows = "".join(_row(index, bar, most) for index, bar in enumerate(bars))
    return (
        f'<svg class="chart" role="img" viewBox="0 0 {_WIDTH} {height}" '
        f'aria-labelledby="{escape(name)} {escape(text)}">'
        f'<title id="{escape(name)}">{escape(title)}</title>'
        f'<desc id="{escape(text)}">{escape(summary)}</desc>{rows}</svg>'
    )


def _row(index: int, bar: Bar, most: int) -> str:
    top = index * _ROW + 4
    middle = top + _BAR - 3
    room = _WIDTH - _LABEL_WIDTH - _VALUE_WIDTH
    width = max(1, bar.value * room // most) if bar.value else 0
    return (
        f'<text class="chart-label" x="{_LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">'
        f"{escape(bar.label)}</text>"
        f'<rect class="chart-bar" x="{_LABEL_WIDTH}" y="{top}" width="{width}" height="{_BAR}"/>'
        f'<text class="chart-value" x="{_LABEL_WIDTH + width + 8}" y="{middle}">'
        f"{escape(bar.said)}</text>"
    )
