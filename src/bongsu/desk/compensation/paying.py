"""Paying: batches of what is owed, written for a bank, and its answers taken in."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.compensation.accounts import Case
from bongsu.desk.compensation.csv_files import read_results, write_payments
from bongsu.desk.compensation.pain001 import Payer, write_pain001
from bongsu.desk.compensation.pain002 import read_pain002
from bongsu.desk.compensation.payouts import (
    BATCH_LINES_MAX,
    Batch,
    Line,
    LineChange,
    LineState,
    ResultFile,
    ResultRefused,
    reconcile,
)
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.desk.reports.claim import PayoutDetails
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import now_ms

_BATCH_ID = re.compile(r"[A-Z0-9]{8,24}\Z")  # with five digits more an EndToEndId of at most 35


class Waiting(NamedTuple):
    """What is owed and not under way: with payout details, the first of them for a batch, and
    without."""

    ready: int
    batch: Sequence[Case]
    without_details: int


class BatchState(NamedTuple):
    """A batch with its lines by state: (count, sum)."""

    batch: Batch
    states: Mapping[str, tuple[int, int]]


class Taken(NamedTuple):
    """What an answer changed. `known`: the file was given in before."""

    paid: int
    returned: int
    known: bool = False


class PayoutStore(Protocol):
    def stream_owed(self, currency: str) -> AsyncIterator[Sequence[Case]]:
        """All cases that are owed money of which nothing is under way, some thousand at once."""
        ...

    async def make(
        self, batch_id: str, currency: str, cases: Sequence[Case], act: Act, now: int
    ) -> Batch | None:
        """A batch of what these cases are owed; the same one if it was made before, None if
        nothing is owed."""
        ...

    async def list_batches(self) -> Sequence[BatchState]: ...
    async def load(self, batch_id: str) -> tuple[Batch, Sequence[Line]] | None: ...
    async def take(
        self, batch: Batch, sha256: bytes, changes: Sequence[LineChange], act: Act, now: int
    ) -> Taken | None:
        """Apply an answer; None if a line is not any more as `changes` say."""
        ...

    async def reissue(self, line: Line, act: Act, now: int) -> bool: ...


class Payees(Protocol):
    """The payout details of the reports, which are sealed."""

    async def having_details(self, report_ids: Collection[str]) -> set[str]:
        """Those that have them and are not out of the count."""
        ...

    async def open_details(self, report_ids: Collection[str]) -> dict[str, PayoutDetails]: ...


class AuditRecorder(Protocol):
    async def record(self, act: Act) -> int: ...


class Paying:
    def __init__(
        self,
        store: PayoutStore,
        payees: Payees,
        audit: AuditRecorder,
        payer: Payer,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._payees = payees
        self._audit = audit
        self._payer = payer
        self._clock = clock

    async def waiting(self, currency: str) -> Waiting:
        if currency not in CURRENCIES:
            raise InvalidParam(Sentence("{currency!r} is no currency", currency=currency[:10]))
        ready = without_details = 0
        batch: list[Case] = []
        async for owed in self._store.stream_owed(currency):
            able = await self._payees.having_details({case.report_id for case in owed})
            payable = [case for case in owed if case.report_id in able]
            ready += len(payable)
            without_details += len(owed) - len(payable)
            batch += payable[: BATCH_LINES_MAX - len(batch)]
        return Waiting(ready, batch, without_details)

    async def make_batch(self, operator: str, batch_id: str, currency: str) -> Batch:
        """A batch of all that can be paid now, at most `BATCH_LINES_MAX` lines. `batch_id` is
        chosen with the form: sent twice, it is the same batch."""
        if not _BATCH_ID.match(batch_id):
            raise InvalidParam("The form is not ours")
        if (known := await self._store.load(batch_id)) is not None:
            return known[0]
        cases = (await self.waiting(currency)).batch
        act = Act(operator, "compensation.make_batch", batch_id, {"currency": currency})
        batch = await self._store.make(batch_id, currency, cases, act, self._clock())
        if batch is None:
            raise Refused(
                "Nothing can be paid now: nothing is owed to anybody who gave payout details",
                code="COMPENSATION_NOTHING_OWED",
                status=409,
            )
        return batch

    async def list_batches(self) -> Sequence[BatchState]:
        return await self._store.list_batches()

    async def batch(self, batch_id: str) -> tuple[Batch, Sequence[Line]]:
        found = await self._store.load(batch_id)
        if found is None:
            raise NotFound(f"There is no batch {batch_id[:40]}")
        return found

    async def export(self, operator: str, batch_id: str, form: str) -> bytes:
        """The batch as `pain.001` or `csv`. Who looks at payout details is in the audit log before
        they are opened."""
        batch, lines = await self.batch(batch_id)
        lines = [line for line in lines if line.state is LineState.SENT]
        if form != "csv" and not (self._payer.account and self._payer.bank):
            raise Refused(
                "Whose account pays is not set: desk_payer_account and desk_payer_bank",
                code="COMPENSATION_NO_PAYER",
                status=409,
            )
        if not lines:
            raise Refused("All lines are answered", code="COMPENSATION_ANSWERED", status=409)
        detail = {"batch": batch_id, "form": form, "lines": len(lines)}
        await self._audit.record(Act(operator, "compensation.open_payout", batch_id, detail))
        payees = await self._payees.open_details({line.case.report_id for line in lines})
        missing = sum(line.case.report_id not in payees for line in lines)
        if missing:
            raise Refused(
                Sentence(
                    "{count} lines have no payout details any more: answer them as returned",
                    count=missing,
                ),
                code="COMPENSATION_NO_DETAILS",
                status=409,
            )
        left = batch._replace(line_count=len(lines), total=sum(line.amount for line in lines))
        if form == "csv":
            return write_payments(left, lines, payees)
        return write_pain001(left, lines, payees, self._payer)

    async def take_result(self, operator: str, batch_id: str, content: bytes) -> Taken:
        """A bank's answer to this batch, as pain.002 or CSV. `ResultRefused`: nothing changed."""
        result = _read(content)
        batch, lines = await self.batch(batch_id)
        changes = reconcile(batch, lines, result)
        digest = hashlib.sha256(content).digest()
        detail = {"sha256": digest.hex(), "changes": len(changes)}
        act = Act(operator, "compensation.take_result", batch_id, detail)
        taken = await self._store.take(batch, digest, changes, act, self._clock())
        if taken is None:
            raise Refused(
                "Somebody gave in an answer at the same time: try again",
                code="COMPENSATION_CONFLICT",
                status=409,
            )
        return taken

    async def reissue(self, operator: str, batch_id: str, line_id: str) -> None:
        """Owe a returned line again, so that the next batch takes it; once."""
        _, lines = await self.batch(batch_id)
        line = next((line for line in lines if line.line_id == line_id), None)
        if line is None:
            raise NotFound(f"{batch_id} has no line {line_id[:40]}")
        if line.state is not LineState.RETURNED:
            raise Refused("Only what came back is owed again", code="COMPENSATION_NOT_RETURNED")
        detail = {"line": line_id, "amount": line.amount}
        act = Act(operator, "compensation.reissue", line.case.report_id, detail)
        if not await self._store.reissue(line, act, self._clock()):
            raise Refused("It is owed again already", code="COMPENSATION_REISSUED", status=409)


def _read(content: bytes) -> ResultFile:
    if not content.strip():
        raise ResultRefused(Sentence("The file is empty"))
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    return read_pain002(content) if start.startswith(b"<") else read_results(content)
