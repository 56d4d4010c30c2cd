"""What the services of this area need of the database."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.reports.preparing import PreparedReport, PreparedVersion
from bongsu.desk.reports.view import SealedReport
from bongsu.desk.reports.words import Category, Damage, Kind, Party, Status
from bongsu.errors import BongsuError, Unavailable
from bongsu.media.content import Blob


class NotStorable(BongsuError):
    """The tables refuse what a report holds: trying again is no use."""


class EvidenceLeaving(Unavailable):
    """Bytes that a row would name are being removed at this moment: wait and put them again."""


class EvidenceGone(BongsuError):
    """Bytes that a row would name may have been removed since they were put. Put them again, and
    say which removals were seen before that."""

    def __init__(self, removals: Mapping[bytes, int]) -> None:
        super().__init__(f"{len(removals)} files must be put again")
        self.removals = removals


class IntakeStore(Protocol):
    async def insert(
        self, reports: Sequence[PreparedReport], now: int, removals: Mapping[bytes, int] = ...
    ) -> set[str]:
        """Store those reports that are not there yet, in one transaction; gives their ids.

        `EvidenceLeaving` and `EvidenceGone`: nothing is stored. `Unavailable`: perhaps stored,
        perhaps not. The same call later does no harm.
        `NotStorable`: nothing is stored, for what one of them holds.
        """
        ...


class EvidenceStore(Protocol):
    """The media stores, as `media.stores.SiteStores` or `files.blob_store` has them."""

    async def put(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Blob: ...


class NewEntry(msgspec.Struct, frozen=True):
    """Something to be written in a report's conversation. A doubled submit has the same key."""

    entry_key: str
    party: Party
    author: str | None
    kind: Kind
    sealed: bytes


class OwnReport(msgspec.Struct, frozen=True):
    """What somebody with an account sees of a report in a list."""

    report_id: str
    receipt: str
    received_ts: int
    changed_ts: int
    status: Status
    category: Category
    services: tuple[str, ...]
    damage: Damage


class ReportStore(Protocol):
    """One report at a time. Each change is one transaction, with its audit entry if it has one."""

    async def find(self, link_hash: bytes) -> str | None:
        """Id of the report that a private link opens."""
        ...

    async def load(self, report_id: str) -> SealedReport | None: ...

    async def list_own(self, account_id: str, limit: int) -> list[OwnReport]:
        """Reports that came with this account, the latest first."""
        ...

    async def amend(
        self,
        report_id: str,
        version: PreparedVersion,
        withdrawn: Sequence[int],
        now: int,
        removals: Mapping[bytes, int] = ...,
        *,
        payout_only: bool = False,
    ) -> None:
        """Add `version`, which must follow the latest; files with `withdrawn` numbers go.
        `payout_only`: only where a payment goes is new, which may be said later, too, and leaves
        what was assessed assessed.

        `EvidenceLeaving` and `EvidenceGone`: nothing is done. Nothing is done either if that very
        version is there already. `Refused` when another one is, or when the status allows no
        amendment.
        """
        ...

    async def write(
        self,
        report_id: str,
        entry: NewEntry,
        allowed: frozenset[Status],
        status: Status,
        now: int,
        act: Act | None = None,
    ) -> None:
        """Add an entry and move the report to `status`, from one of `allowed` or it is `Refused`.

        Nothing is done if the entry is there already.
        """
        ...

    async def erase(self, report_id: str, status: Status | None, now: int, act: Act) -> None:
        """Erase what is personal; files that no other report has leave the stores after that."""
        ...

    async def let_go(self, hashes: Collection[bytes], now: int) -> None:
        """These bytes were put and no row names them after all."""
        ...

    async def list_expired(self, before: int, limit: int) -> list[str]:
        """Reports that nothing has changed since `before`, and that are not erased."""
        ...
