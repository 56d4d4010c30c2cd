"""What a reporter may do after the report: follow, amend, answer, appeal, withdraw, erase.

The private link is all that is asked for; whoever has it is the reporter. It is looked up by its
hash, so a forged one finds nothing, and tells nothing either. Somebody who reported with an account
is given links to the own reports, too.
"""

from collections.abc import Mapping, Sequence

import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.reports.claim import Claim, PayoutDetails, Personal, StagedFile
from bongsu.desk.reports.intake import EvidencePlacer
from bongsu.desk.reports.keys import hash_link, is_link_token
from bongsu.desk.reports.preparing import Preparer, entry_context
from bongsu.desk.reports.stores import EvidenceGone, NewEntry, OwnReport, ReportStore
from bongsu.desk.reports.view import Report, SealedReport, open_report
from bongsu.desk.reports.words import APPEALABLE, WITHDRAWABLE, Kind, Party, Status
from bongsu.desk.sealing import KeyUnknown, Sealer
from bongsu.errors import NotFound, Refused, Unavailable
from bongsu.users.tokens import Clock, now_ms

VERSIONS_MAX = 50
ENTRIES_MAX = 100
FILES_MAX_TOTAL = 40
PUT_TRIES = 3  # of evidence whose bytes another report's erasure removes meanwhile
OWN_LISTED_MAX = 100

_FROM = {
    Kind.ANSWER: frozenset({Status.QUESTION, Status.ANSWERED, Status.APPEALED}),
    Kind.APPEAL: APPEALABLE,
    Kind.WITHDRAWAL: WITHDRAWABLE,
}
_TO = {
    Kind.ANSWER: Status.ANSWERED,
    Kind.APPEAL: Status.APPEALED,
    Kind.WITHDRAWAL: Status.WITHDRAWN,
}


class Following:
    def __init__(
        self,
        store: ReportStore,
        sealer: Sealer,
        preparer: Preparer,
        placer: EvidencePlacer,
        *,
        clock: Clock = now_ms,
    ) -> None:
        self._store, self._sealer = store, sealer
        self._preparer, self._placer = preparer, placer
        self._clock = clock

    async def open(self, token: str) -> Report:
        """The report of this link; `NotFound`."""
        found = await self._store.find(hash_link(token)) if is_link_token(token) else None
        sealed = None if found is None else await self._store.load(found)
        if sealed is None:
            raise NotFound("There is no report under this link")
        return opened(sealed, self._sealer)

    async def open_own(self, report_id: str) -> Report:
        """The same for an account's own report: the caller knows whose it is."""
        sealed = await self._store.load(report_id)
        if sealed is None:
            raise NotFound("There is no such report")
        return opened(sealed, self._sealer)

    async def list_own(self, account_id: str) -> tuple[list[OwnReport], bool]:
        """An account's latest reports, and whether there are more."""
        found = await self._store.list_own(account_id, OWN_LISTED_MAX + 1)
        return found[:OWN_LISTED_MAX], len(found) > OWN_LISTED_MAX

    async def amend(
        self,
        report: Report,
        base: int,
        claim: Claim,
        personal: Personal,
        *,
        files: Sequence[StagedFile] = (),
        withdrawn: Sequence[int] = (),
    ) -> None:
        """A new version of `report`, made from version `base` of it."""
        is_full = base >= VERSIONS_MAX or len(report.files) + len(files) > FILES_MAX_TOTAL
        if is_full:
            raise Refused("It was amended too often", code="DESK_TOO_MANY", status=409)
        facts = report.facts
        earlier = sum(1 for file in report.files if file.version <= base)
        removals: Mapping[bytes, int] = {}
        for tries_left in reversed(range(PUT_TRIES)):
            placed = await self._placer.place(files)
            version = self._preparer.version(
                facts.report_id, base + 1, facts.account_id, claim, personal, placed,
                first_number=earlier + 1,
            )  # fmt: skip
            try:
                await self._store.amend(
                    facts.report_id, version, withdrawn, self._clock(), removals
                )
                return
            except EvidenceGone as error:  # the same bytes, of a report that was erased
                removals = error.removals
                if not tries_left:
                    raise Unavailable(str(error)) from error
            except Refused:
                await self._store.let_go([file.sha256 for file in placed], self._clock())
                raise

    async def set_payout(self, report: Report, base: int, payout: PayoutDetails) -> None:
        """Say where a payment goes, or put it right: a version in which nothing else is new, so
        what was assessed stays assessed."""
        if base >= VERSIONS_MAX:
            raise Refused("It was amended too often", code="DESK_TOO_MANY", status=409)
        facts, latest = report.facts, report.latest
        personal = msgspec.structs.replace(latest.personal, payout=payout)
        version = self._preparer.version(
            facts.report_id, base + 1, facts.account_id, latest.claim, personal, [],
            first_number=len(report.files) + 1,
        )  # fmt: skip
        await self._store.amend(facts.report_id, version, [], self._clock(), payout_only=True)

    async def write(self, report: Report, kind: Kind, text: str, entry_key: str) -> None:
        """Answer, appeal or withdraw."""
        if len(report.entries) >= ENTRIES_MAX:
            raise Refused("Too much was written already", code="DESK_TOO_MANY", status=409)
        report_id = report.facts.report_id
        sealed = self._sealer.seal(text, entry_context(report_id, entry_key))
        entry = NewEntry(entry_key, Party.REPORTER, None, kind, sealed)
        await self._store.write(report_id, entry, _FROM[kind], _TO[kind], self._clock())

    async def erase(self, report: Report) -> None:
        """Erase at the reporter's wish."""
        report_id = report.facts.report_id
        act = Act("reporter", "reports.erase", report_id)
        await self._store.erase(report_id, Status.ERASED, self._clock(), act)


def opened(sealed: SealedReport, sealer: Sealer) -> Report:
    """`Unavailable` while this process has not learnt of the key yet."""
    try:
        return open_report(sealed, sealer)
    except KeyUnknown as error:
        raise Unavailable(str(error)) from error
