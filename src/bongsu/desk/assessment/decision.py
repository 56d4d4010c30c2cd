"""A decision: what it sets, on what it was based, and when it may be taken."""

from typing import Annotated

import msgspec

from bongsu.desk.reports.money import AMOUNT_MAX
from bongsu.desk.reports.words import Category, Status
from bongsu.errors import InvalidParam

REASON_CHARS_MAX = 2_000
# What an operator may set directly. Questions set their own status, reporters set the others.
SETTABLE = (Status.IN_REVIEW, Status.ACCEPTED, Status.REFUSED, Status.DUPLICATE)


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None leaves a thing as it is. `loss_amount` 0: no loss is believed."""

    status: Status | None = None
    category: Category | None = None
    is_paid: bool | None = None
    loss_amount: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)] | None = None
    duplicate_of: str | None = None  # report id

    @property
    def is_empty(self) -> bool:
        return self == Change()


class Base(msgspec.Struct, frozen=True):
    """What the operator saw: the versions of the report and of its assessment."""

    version: int
    assessment: int


class Decision(msgspec.Struct, frozen=True):
    """A version of the assessment."""

    version: int
    report_version: int
    decided_ts: int
    operator: str
    status: Status
    category: Category
    is_paid: bool
    loss_amount: int | None
    duplicate_of: str | None
    reason: str
    bulk_id: str | None


def check(change: Change, reason: str, *, files: bool = False) -> None:
    """`InvalidParam` for a decision that says nothing, or not why."""
    if not reason.strip():
        raise InvalidParam("A decision needs its reason", code="DESK_NO_REASON")
    if change.is_empty and not files:
        raise InvalidParam("A decision sets something", code="DESK_NO_CHANGE")
    if change.status is not None and change.status not in SETTABLE:
        raise InvalidParam("Operators do not set this status", code="DESK_STATUS")
    if (change.status is Status.DUPLICATE) != (change.duplicate_of is not None):
        raise InvalidParam("A duplicate names its original, and only that", code="DESK_ORIGINAL")
