"""A dry run as people see it: sums, brackets and two charts, in the visitor's language."""

from typing import NamedTuple

from markupsafe import Markup

from bongsu.desk.compensation.chart import BARS_MAX, Bar, bar_chart
from bongsu.desk.compensation.explaining import explain_bracket
from bongsu.desk.compensation.programme import Programme
from bongsu.desk.compensation.versions import StoredRun
from bongsu.desk.reports.money import format_amount
from bongsu.http.desk.visit import Visit


class Row(NamedTuple):
    """A bracket of a rule."""

    rule: str
    outcome: str
    reports: int
    asked: int
    sums: str


class Picture(NamedTuple):
    sums: str
    rows: list[Row]
    by_bracket: Markup
    by_money: Markup
    money_rows: list[tuple[str, int]]


def picture_of(visit: Visit, programme: Programme, run: StoredRun) -> Picture:
    rows = [
        Row(
            rule.title.in_language(visit.language),
            explain_bracket(rule, index, programme.currency, visit.language),
            total.reports,
            total.asked,
            said_sums(visit, total.sums),
        )
        for rule in programme.rules
        for index in range(len(rule.brackets))
        for total in (run.result.brackets[f"{rule.name}/{index}"],)
    ]
    bars = [
        Bar(_short(row), each, f"{each:,}") for row in rows for each in (row.reports + row.asked,)
    ]
    money = list(run.result.by_money.items())[:BARS_MAX]
    money_bars = [
        Bar(format_amount(amount, programme.currency), count, f"{count:,}")
        for amount, count in money
    ]
    summary = visit.t(
        "compensation.chart_summary",
        counted=f"{run.result.counted:,}", given=f"{run.result.given:,}",
        asked=f"{run.result.asked:,}", nothing=f"{run.result.nothing:,}",
    )  # fmt: skip
    return Picture(
        said_sums(visit, run.result.sums),
        rows,
        _chart(visit, bars, "brackets", summary),
        _chart(visit, money_bars, "money", summary),
        [(bar.label, bar.value) for bar in money_bars],
    )


def said_sums(visit: Visit, sums: dict[str, int]) -> str:
    """Amounts by unit in words, each unit for itself."""
    return " · ".join(said_amount(visit, unit, amount) for unit, amount in sorted(sums.items()))


def said_amount(visit: Visit, unit: str, amount: int) -> str:
    """`30,000 KRW`; credits, points and packs by their names."""
    head, _, rest = unit.partition(".")
    if head in ("COUPON", "STICKER_PACK"):
        return f"{visit.t(f'compensation.kind.{head.lower()}')} {rest}: {amount:,}"
    if head == "POINTS":
        return f"{visit.t('compensation.kind.points')}: {amount:,}"
    money = format_amount(amount, head)
    return f"{visit.t(f'compensation.kind.{rest.lower()}')}: {money}" if rest else money


def _chart(visit: Visit, bars: list[Bar], name: str, summary: str) -> Markup:
    title = visit.t(f"compensation.chart_{name}")
    # Escaped where it is made.
    return Markup(bar_chart(bars, chart_id=f"chart-{name}", title=title, summary=summary))


def _short(row: Row) -> str:
    text = f"{row.rule}: {row.outcome}" if row.outcome else row.rule
    return text if len(text) <= 26 else text[:25] + "…"
