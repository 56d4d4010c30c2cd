"""What the assessment needs of the database. Every act comes with its audit entry."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.assessment.decision import Base, Change, Decision
from bongsu.desk.assessment.queue import Cursor, Filter, Row
from bongsu.desk.audit import Act
from bongsu.desk.reports.stores import NewEntry


class Cluster(NamedTuple):
    """Reports that share one mark; `sample` are the first receipts of them."""

    kind: int
    mark: int
    size: int
    sample: tuple[str, ...]


class Alike(NamedTuple):
    """Another report that shares marks, and the kinds of those."""

    report_id: str
    receipt: str
    status: str
    received_ts: int
    kinds: tuple[int, ...]


class Counts(NamedTuple):
    """The intake in numbers. Losses in the smallest unit, by currency."""

    by_day: Sequence[tuple[str, int]]  # ISO date in the desk's zone
    by_service: Sequence[tuple[str, int]]
    by_status: Sequence[tuple[str, int]]
    by_category: Sequence[tuple[str, int, int]]  # as claimed, as assessed; the operator's own
    by_loss: Sequence[tuple[bool, bool, int]]  # paid, with a loss; the operator's own
    loss_total: Sequence[tuple[str, int]]


class QueueStore(Protocol):
    async def list_page(
        self, wanted: Filter, after: Cursor | None, limit: int, *, newest_first: bool
    ) -> Sequence[Row]: ...

    async def count(self, wanted: Filter) -> int: ...

    async def find_receipt(self, receipt: str) -> str | None:
        """Id of the report with this receipt number."""
        ...

    async def list_clusters(self, kind: int, limit: int) -> Sequence[Cluster]:
        """The largest first."""
        ...

    async def list_alike(self, report_id: str, limit: int) -> Sequence[Alike]: ...

    async def count_all(self, zone: str) -> Counts: ...


class AssessmentStore(Protocol):
    async def list_decisions(self, report_id: str) -> Sequence[Decision]:
        """The latest last."""
        ...

    async def decide(
        self,
        report_id: str,
        base: Base,
        change: Change,
        files: Mapping[int, bool],
        reason: str,
        message: NewEntry | None,
        now: int,
        act: Act,
    ) -> None:
        """Add a version to the assessment. `Refused` when something changed since `base`."""
        ...

    async def decide_bulk(
        self,
        bulk_id: str,
        wanted: Filter,
        expected: int,
        change: Change,
        reason: str,
        now: int,
        act: Act,
    ) -> int:
        """The same for each report of `wanted`; gives how many, also when it was done before.

        `Refused`, and nothing done, when there are not `expected` of them.
        """
        ...


class AuditRecorder(Protocol):
    async def record(self, act: Act) -> int:
        """An act that changes nothing else, such as looking at what is sealed."""
        ...
