"""What rules may know of a report: no name, no contact, no free text.

`ReportFacts` is the stable read model for compensation and statistics. It is made of the latest
version and the latest assessment; what is assessed goes before what was claimed.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from bongsu.desk.reports.words import Category, Damage, Status

MINUTE_MS = 60_000


class ReportFacts(msgspec.Struct, frozen=True, gc=False):
    """One report as it stands now. Money in the currency's smallest unit, times in ms, UTC."""

    report_id: str
    receipt: str
    received_ts: int
    version: int  # of what the reporter says, from 1
    assessment: int  # version of the assessment; 0: nobody has assessed it
    status: Status
    category: Category  # as assessed, else as claimed
    claimed_category: Category
    services: tuple[str, ...]
    is_own: bool  # about a service that the operator itself runs, not a partner's
    is_paid: bool  # the reporter paid for one of the services
    damage: Damage
    started_ts: int
    ended_ts: int | None  # None: not over when it was reported
    loss_amount: int | None  # as assessed, else as claimed; None: no loss in money
    claimed_loss_amount: int | None
    loss_currency: str | None
    evidence_count: int
    evidence_accepted: int
    country: str  # ISO 3166-1 alpha-2; "" unknown
    account_id: str | None  # of this server; None without an account

    @property
    def duration_minutes(self) -> int | None:
        return None if self.ended_ts is None else (self.ended_ts - self.started_ts) // MINUTE_MS

    @property
    def has_evidence(self) -> bool:
        return self.evidence_count > 0

    @property
    def has_loss(self) -> bool:
        return bool(self.loss_amount)


class FactsSource(Protocol):
    def stream_facts(self) -> AsyncIterator[ReportFacts]:
        """Each report once, in the order of ids, in bounded memory.

        It is no snapshot: a report that changes meanwhile is seen either before or after that.
        """
        ...

    async def load_facts(self, report_ids: Sequence[str]) -> dict[str, ReportFacts]:
        """Those of the reports that exist."""
        ...
