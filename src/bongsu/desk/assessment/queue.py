"""The queue: which reports are looked for, and where in the list somebody is."""

from typing import NamedTuple

import msgspec

from bongsu.desk.reports.facts import ReportFacts

PAGE_ROWS = 50
IDS_MAX = 500


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is set must hold. Texts of a search come as keyed hashes."""

    statuses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    claimed_categories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()  # one of them
    damages: tuple[str, ...] = ()
    is_own: bool | None = None
    is_paid: bool | None = None
    has_loss: bool | None = None
    loss_min: int | None = None
    loss_max: int | None = None
    has_evidence: bool | None = None
    is_assessed: bool | None = None
    is_amended: bool | None = None  # changed by the reporter since it was assessed
    received_from: int | None = None
    received_to: int | None = None  # exclusive
    country: str | None = None
    account_id: str | None = None
    receipt: str | None = None
    words: tuple[int, ...] = ()
    contact_mark: int | None = None  # or the contact, where words are searched for
    mark: tuple[int, int] | None = None  # kind and mark of a cluster
    report_ids: tuple[str, ...] = ()


class Cursor(NamedTuple):
    """The last row that was shown."""

    received_ts: int
    report_id: str


class Row(NamedTuple):
    """A report in the list. `alike`: other reports by kind of what they share."""

    facts: ReportFacts
    is_amended: bool
    alike: dict[int, int]


def encode_cursor(cursor: Cursor) -> str:
    return f"{cursor.received_ts}-{cursor.report_id}"


def parse_cursor(text: str) -> Cursor | None:
    ts, _, report_id = text[:80].partition("-")
    if not (ts.isascii() and ts.isdigit() and len(ts) < 17 and report_id.isalnum()):
        return None
    return Cursor(int(ts), report_id)
