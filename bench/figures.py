"""The figures that are promised, what is asked of each, and whether a run kept it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Aim(Enum):
    """How a figure is judged; `bound` is a factor or a plain value."""

    TIMES_LESS = "times less"
    TIMES_MORE = "times more"
    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True)
class Figure:
    """One line of the table; `key` is what a scenario gives."""

    key: str
    title: str
    unit: str
    aim: Aim
    bound: float

    def ratio(self, ours: float, rival: float) -> float:
        """How many times better ours is."""
        more_is_better = self.aim in (Aim.TIMES_MORE, Aim.AT_LEAST)
        good, bad = (ours, rival) if more_is_better else (rival, ours)
        return good / bad if bad else float("inf")

    def kept(self, ours: float, rival: float | None) -> bool | None:
        """Whether the aim is met; None where that takes a rival who was not measured."""
        if self.aim is Aim.AT_LEAST:
            return ours >= self.bound
        if self.aim is Aim.AT_MOST:
            return ours <= self.bound
        return None if rival is None else self.ratio(ours, rival) >= self.bound

    @property
    def aim_text(self) -> str:
        if self.aim in (Aim.AT_LEAST, Aim.AT_MOST):
            sign = "≥" if self.aim is Aim.AT_LEAST else "≤"
            return f"{sign} {self.bound:g} {self.unit}"
        return f"{self.bound:g}x {'less' if self.aim is Aim.TIMES_LESS else 'more'}"


FIGURES = (
    Figure("send_cpu_per_1000", "CPU of 1,000 sends, 64 in flight", "s", Aim.TIMES_LESS, 100),
    Figure("sends_per_second", "sends, one process", "/s", Aim.AT_LEAST, 3000),
    Figure("latency_p50_ms", "latency of one sender, p50", "ms", Aim.TIMES_LESS, 20),
    Figure("latency_p99_ms", "latency of one sender, p99", "ms", Aim.TIMES_LESS, 20),
    Figure("busy_room_cpu_per_1000", "CPU of 1,000 sends to 50 pollers", "s", Aim.TIMES_LESS, 100),
    Figure("busy_room_delivery_p50_ms", "delivery to 50 pollers, p50", "ms", Aim.TIMES_LESS, 20),
    Figure("first_sync_p50_ms", "first sync, 50 rooms of 50 events", "ms", Aim.TIMES_LESS, 20),
    Figure("create_rooms_per_second", "rooms created", "/s", Aim.TIMES_MORE, 20),
    Figure("joins_per_second", "joins", "/s", Aim.TIMES_MORE, 20),
    Figure("idle_poll_kb", "memory of an idle long poll", "KB", Aim.AT_MOST, 16),
    Figure("hot_room_sends_per_second", "sends into one hot room", "/s", Aim.AT_LEAST, 1500),
    Figure("large_account_sync_seconds", "first sync, 2,000 rooms", "s", Aim.AT_MOST, 2),
    Figure("large_account_growth_mb", "memory growth during it", "MB", Aim.AT_MOST, 50),
    Figure("key_query_p50_ms", "key query, 1,000 members", "ms", Aim.AT_MOST, 200),
    Figure("key_share_p50_ms", "key share to 2,000 devices", "ms", Aim.AT_MOST, 500),
    Figure("sliding_first_p50_ms", "sliding sync, first 20 of 2,000", "ms", Aim.AT_MOST, 100),
    Figure("sliding_step_p50_ms", "sliding sync, a message of 2,000", "ms", Aim.AT_MOST, 25),
    Figure("history_cost_percent", "dearer send, 5M events stored", "%", Aim.AT_MOST, 20),
)  # fmt: skip


def table(ours: Mapping[str, float], rival: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Rows of text: figure, ours, Synapse's, ratio, aim, verdict; only what was measured."""
    rows: list[tuple[str, ...]] = [("figure", "Bongsu", "Synapse", "ratio", "aim", "")]
    for figure in FIGURES:
        mine, theirs = ours.get(figure.key), rival.get(figure.key)
        if mine is None and theirs is None:
            continue
        rows.append((
            figure.title,
            _value(mine, figure.unit),
            _value(theirs, figure.unit),
            _ratio(figure, mine, theirs),
            figure.aim_text,
            _verdict(figure, mine, theirs),
        ))  # fmt: skip
    return rows


def as_text(rows: list[tuple[str, ...]]) -> str:
    """The rows as a Markdown table with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.3g} {unit}" if abs(value) < 1000 else f"{value:,.0f} {unit}"


def _ratio(figure: Figure, mine: float | None, theirs: float | None) -> str:
    return "" if mine is None or theirs is None else f"{figure.ratio(mine, theirs):,.1f}x"


def _verdict(figure: Figure, mine: float | None, theirs: float | None) -> str:
    if mine is None or (kept := figure.kept(mine, theirs)) is None:
        return ""
    return "kept" if kept else "MISSED"
