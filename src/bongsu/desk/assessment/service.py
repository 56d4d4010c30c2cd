"""What operators do with reports: look, ask, decide, decide many."""

from collections.abc import Mapping

import msgspec

from bongsu.desk.assessment.decision import Base, Change, check
from bongsu.desk.assessment.queue import Filter
from bongsu.desk.assessment.stores import AssessmentStore, QueueStore
from bongsu.desk.audit import Act
from bongsu.desk.people import Operator
from bongsu.desk.reports.following import opened
from bongsu.desk.reports.marks import Marker, squeeze
from bongsu.desk.reports.preparing import entry_context
from bongsu.desk.reports.receipt import parse_receipt
from bongsu.desk.reports.stores import NewEntry, ReportStore
from bongsu.desk.reports.view import Report
from bongsu.desk.reports.words import CLOSED, Kind, Party, Status
from bongsu.desk.sealing import Sealer
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import Clock, now_ms

BULK_MAX = 10_000  # reports of one act: it is one transaction
SEARCH_CHARS_MAX = 200
CONTACT_CHARS_MIN = 6

_ASKABLE = frozenset(Status) - CLOSED


class Assessment:
    def __init__(
        self,
        reports: ReportStore,
        queue: QueueStore,
        assessments: AssessmentStore,
        sealer: Sealer,
        marker: Marker,
        *,
        clock: Clock = now_ms,
    ) -> None:
        self._reports, self._assessments = reports, assessments
        self.queue = queue
        self._sealer, self._marker = sealer, marker
        self._clock = clock

    def search(self, wanted: Filter, text: str) -> Filter:
        """`wanted`, narrowed to a receipt number, an account, a contact, or words."""
        text = text.replace("\x00", "").strip()[:SEARCH_CHARS_MAX]
        if not text:
            return wanted
        if receipt := parse_receipt(text):
            return replace(wanted, receipt=receipt)
        if text.startswith("@") and ":" in text:
            return replace(wanted, account_id=text)
        words = tuple(self._marker.words(text))
        contact = None
        if len(squeeze(text)) >= CONTACT_CHARS_MIN:
            contact = self._marker.contact_mark(text)
        if not words and contact is None:
            raise InvalidParam("There is nothing to search for", code="DESK_NO_WORDS")
        return replace(wanted, words=words, contact_mark=contact)

    async def open(self, report_id: str) -> Report:
        """A report with its texts; who shows it to somebody writes that into the audit log."""
        sealed = await self._reports.load(report_id)
        if sealed is None:
            raise NotFound("There is no such report")
        return opened(sealed, self._sealer)

    async def ask(self, operator: Operator, report_id: str, text: str, entry_key: str) -> None:
        """A question that the reporter finds under the private link."""
        entry = self._entry(operator, report_id, Kind.QUESTION, text, entry_key)
        act = Act(operator.user_id, "assessment.ask", report_id)
        await self._reports.write(
            report_id, entry, _ASKABLE, Status.QUESTION, self._clock(), act
        )  # fmt: skip

    async def decide(
        self,
        operator: Operator,
        report_id: str,
        base: Base,
        change: Change,
        *,
        reason: str,
        files: Mapping[int, bool],
        message: str,
        entry_key: str,
    ) -> None:
        """One decision; `message` is for the reporter, `reason` for the record."""
        check(change, reason, files=bool(files))
        if change.duplicate_of == report_id:
            raise InvalidParam("A report is no duplicate of itself", code="DESK_ORIGINAL")
        told = None
        if message:
            told = self._entry(operator, report_id, Kind.DECISION, message, entry_key)
        act = Act(
            operator.user_id, "assessment.decide", report_id,
            {"version": base.assessment + 1, "change": _told(change)},
        )  # fmt: skip
        await self._assessments.decide(
            report_id, base, change, files, reason, told, self._clock(), act
        )

    async def decide_bulk(
        self, operator: Operator, bulk_id: str, wanted: Filter, expected: int, change: Change,
        reason: str,
    ) -> int:  # fmt: skip
        """One decision on all reports of a filter."""
        check(change, reason)
        if change.loss_amount is not None or change.duplicate_of is not None:
            raise InvalidParam("Losses and duplicates are decided one by one", code="DESK_SINGLE")
        if expected > BULK_MAX:
            raise Refused("Too many at once", code="DESK_TOO_MANY", status=409)
        act = Act(
            operator.user_id, "assessment.decide_bulk", bulk_id,
            {"count": expected, "change": _told(change)},
        )  # fmt: skip
        return await self._assessments.decide_bulk(
            bulk_id, wanted, expected, change, reason, self._clock(), act
        )

    def _entry(
        self, operator: Operator, report_id: str, kind: Kind, text: str, entry_key: str
    ) -> NewEntry:
        sealed = self._sealer.seal(text, entry_context(report_id, entry_key))
        return NewEntry(entry_key, Party.OPERATOR, operator.user_id, kind, sealed)


def replace(wanted: Filter, **changed: object) -> Filter:
    return msgspec.structs.replace(wanted, **changed)


def _told(change: Change) -> dict[str, object]:
    """For the audit log: what is set."""
    fields = msgspec.structs.asdict(change)
    return {name: value for name, value in fields.items() if value is not None}
