"""Compensation, wired: rules over reports, a ledger, and pages for both."""

from collections.abc import Iterator, Sequence

from bongsu.desk.compensation.benefits import Benefits
from bongsu.desk.compensation.deciding import Deciding
from bongsu.desk.compensation.grants import Grants
from bongsu.desk.compensation.ledger import Ledger
from bongsu.desk.compensation.pain001 import Payer
from bongsu.desk.compensation.paying import Paying
from bongsu.desk.compensation.versions import Programmes
from bongsu.http.desk.compensation_api import CompensationApi
from bongsu.http.desk.compensation_benefits import BenefitPages
from bongsu.http.desk.compensation_grants import GrantPages
from bongsu.http.desk.compensation_ledger import LedgerPages
from bongsu.http.desk.compensation_payouts import PayoutPages
from bongsu.http.desk.compensation_programmes import HOME, READERS, ProgrammePages
from bongsu.http.desk.endpoints import Area
from bongsu.http.desk.face import Entry
from bongsu.http.desk.reports import ACCOUNT_SECONDS
from bongsu.http.desk.tickets import Tickets
from bongsu.node.desk_parts import DeskParts
from bongsu.postgres.desk.benefit_store import PostgresBenefits
from bongsu.postgres.desk.decision_store import PostgresDecisions
from bongsu.postgres.desk.grant_store import PostgresGrants
from bongsu.postgres.desk.ledger_store import PostgresLedger
from bongsu.postgres.desk.payee_reader import PostgresPayees
from bongsu.postgres.desk.payout_store import PostgresPayouts
from bongsu.postgres.desk.programme_store import PostgresProgrammes
from bongsu.postgres.desk.report_facts import PostgresReportFacts


class Compensation:
    """No background work: everything is done when somebody asks for it."""

    def __init__(self, parts: DeskParts) -> None:
        database, settings = parts.database, parts.settings
        facts = PostgresReportFacts(database)
        payer = Payer(
            settings.desk_payer_name or settings.desk_title or settings.server_name,
            settings.desk_payer_bank,
            settings.desk_payer_account,
        )
        self._keys = parts.sealer.file_keys
        self.programmes = Programmes(PostgresProgrammes(database), facts)
        self.deciding = Deciding(PostgresDecisions(database), self.programmes, facts)
        payees = PostgresPayees(database, parts.sealer)
        self.paying = Paying(PostgresPayouts(database), payees, parts.audit, payer)
        self.benefits = Benefits(PostgresBenefits(database))
        self.grants = Grants(PostgresGrants(database), self.programmes)
        self.ledger_store = PostgresLedger(database)
        self.ledger = Ledger(self.ledger_store)

    def areas(self) -> Iterator[Area]:
        yield ProgrammePages(self.programmes, self.deciding, self.grants)
        yield PayoutPages(self.programmes, self.deciding, self.paying)
        yield BenefitPages(self.benefits)
        yield CompensationApi(self.programmes, self.ledger_store)
        yield LedgerPages(self.ledger, self.ledger_store)
        # The same cookie as on the form for reports.
        accounts = Tickets(self._keys.derive("tickets"), "reporter", ACCOUNT_SECONDS)
        yield GrantPages(self.grants, accounts)

    def entries(self) -> Sequence[Entry]:
        return [Entry(HOME, "compensation.title", READERS)]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
