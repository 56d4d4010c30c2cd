"""What a report was given, for its reporter."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.compensation.payouts import LineState


class GivenAward(NamedTuple):
    unit: str
    amount: int
    valid_until_ts: int | None


class Payment(NamedTuple):
    """A line of a payout batch. Of what came back nothing is said but that it did."""

    state: LineState
    currency: str
    amount: int
    changed_ts: int


class Given(NamedTuple):
    """The latest decision of one programme, and its payments. `is_asked`: a person is to decide
    something still. `is_owed_money`: money of it waits to be paid, or came back."""

    programme: str
    decided_ts: int
    awards: Sequence[GivenAward]
    is_asked: bool
    payments: Sequence[Payment]
    is_owed_money: bool


class GivenReader(Protocol):
    async def list_given(self, report_id: str) -> Sequence[Given]: ...
