"""A report as PDF, A4, with an outline of its headings."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TextStyle

from bongsu.desk.investigation.printing import Line, Print, Style
from bongsu.errors import Unavailable

# It warns of every private table of a font that it leaves out.
logging.getLogger("fontTools.subset").setLevel(logging.ERROR)

FAMILY = "report"
# As Debian's package fonts-nanum has them.
FONTS = Path("/usr/share/fonts/truetype/nanum")
REGULAR, BOLD = "NanumGothic.ttf", "NanumGothicBold.ttf"

MARGIN_MM = 20.0
INDENT_MM = 6.0
DEPTH_MAX = 12
INK, FAINT_INK = 28, 100

_SIZES = {
    Style.HEADING: 14.0, Style.SUBHEADING: 11.5, Style.TEXT: 10.0, Style.ITEM: 10.0,
    Style.FAINT: 8.5,
}  # fmt: skip
_BOLD = {Style.HEADING, Style.SUBHEADING}


class FpdfPrinter:
    """Implements `desk.investigation.printing.Printer`. `fonts`: the folder of NanumGothic."""

    def __init__(self, fonts: Path = FONTS) -> None:
        self._fonts = fonts

    def print(self, report: Print) -> bytes:
        page = self._page(report)
        page.set_font(FAMILY, "B", 20)
        _write(page, report.title, 9.5)
        page.set_font(FAMILY, "", 10)
        page.set_text_color(FAINT_INK)
        _write(page, report.subtitle, 5.5)
        for line in report.lines:
            _line(page, line)
        return bytes(page.output())

    def _page(self, report: Print) -> "_Page":
        page = _Page(report.foot)
        for style, name in (("", REGULAR), ("B", BOLD)):
            path = self._fonts / name
            if not path.is_file():
                raise Unavailable(f"No font for Korean: {path} is missing (Debian: fonts-nanum)")
            page.add_font(FAMILY, style, path)
        page.set_lang(report.language)
        page.set_title(report.title)
        page.set_creation_date(datetime.fromtimestamp(report.made_ts / 1000, UTC))
        page.set_margin(MARGIN_MM)
        page.set_auto_page_break(True, MARGIN_MM)
        page.alias_nb_pages("{pages}")
        page.set_section_title_styles(_heading(Style.HEADING), _heading(Style.SUBHEADING))
        page.add_page()
        return page


class _Page(FPDF):
    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(FAMILY, "", 8)
        self.set_text_color(FAINT_INK)
        self.cell(0, 8, self._foot.replace("{page}", str(self.page_no())), align="C")


def _line(page: FPDF, line: Line) -> None:
    if line.style in _BOLD:
        page.start_section(line.text or "-", level=0 if line.style is Style.HEADING else 1)
        return
    size = _SIZES[line.style]
    page.set_font(FAMILY, "", size)
    page.set_text_color(FAINT_INK if line.style is Style.FAINT else INK)
    page.set_x(MARGIN_MM + INDENT_MM * min(line.depth, DEPTH_MAX))
    _write(page, f"• {line.text}" if line.style is Style.ITEM else line.text, size * 0.56)


def _write(page: FPDF, text: str, height_mm: float) -> None:
    page.multi_cell(0, height_mm, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _heading(style: Style) -> TextStyle:
    return TextStyle(FAMILY, "B", _SIZES[style], INK, t_margin=5.0, b_margin=2.0)
