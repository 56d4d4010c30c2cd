"""A programme as it was read from its text: rules for reports and grants to everybody."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from bongsu.desk.compensation.condition import Condition
from bongsu.desk.compensation.vocabulary import Words

AMOUNT_MAX = 10**12  # of one benefit, smallest units


class Kind(StrEnum):
    """What can be given. Only `MONEY` leaves the house, through payout batches."""

    MONEY = "money"
    POINTS = "points"
    COUPON = "coupon"
    PLAN_CREDIT = "plan_credit"
    CHANNEL_CREDIT = "channel_credit"
    STICKER_PACK = "sticker_pack"


class Ask(StrEnum):
    """What a bracket does instead of giving by itself."""

    REVIEW = "review"  # a person decides
    EVIDENCE = "evidence"  # a person decides, once there is evidence


class Benefit(NamedTuple):
    """`amount` in smallest units of `unit`; `item` says which pack or coupon, with amount 1.

    `valid_days` counts from the day it is given; None: for ever. Nothing renews itself.
    """

    kind: Kind
    unit: str  # KRW for money; KRW.CHANNEL_CREDIT, POINTS, STICKER_PACK.name
    amount: int
    item: str = ""
    valid_days: int | None = None


class Bracket(NamedTuple):
    """What a rule gives up to a loss; `up_to` None: whatever the loss."""

    up_to: int | None
    gives: tuple[Benefit, ...]
    ask: Ask | None = None


class Rule(NamedTuple):
    """Of the rules of one `group` only the first that fits a report counts."""

    name: str
    title: Words
    condition: Condition | None  # None: every report
    group: str
    brackets: tuple[Bracket, ...]  # ascending, the first that is not exceeded counts


class Grant(NamedTuple):
    """Something for every account, taken by whoever asks for it until `claim_until_ts`."""

    name: str
    title: Words
    benefit: Benefit
    claim_until_ts: int


class Programme(NamedTuple):
    name: str
    title: Words
    currency: str
    exchange: Mapping[str, int]  # units of `currency` for one whole unit of another
    rules: tuple[Rule, ...]
    grants: tuple[Grant, ...]


class Problem(NamedTuple):
    """Something wrong in a programme's text, or (`is_warning`) worth a second look."""

    line: int
    column: int
    words: Words
    is_warning: bool = False


class ProgrammeRefused(Exception):
    """The text is no programme. `problems` name the lines."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        super().__init__(f"line {first.line}: {first.words.en}")
        self.problems = problems
