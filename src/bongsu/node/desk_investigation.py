"""Investigation, prevention and statements, wired: they share evidence, events and versions."""

from collections.abc import Iterator, Sequence

from bongsu.desk.investigation.cases import Cases, CaseStores
from bongsu.desk.investigation.health_events import HealthEvents
from bongsu.desk.investigation.machine_events import MachineEvents
from bongsu.desk.investigation.publishing import Publishing
from bongsu.desk.prevention.prevention import Prevention
from bongsu.desk.statements.briefings import Briefings
from bongsu.desk.statements.statements import Statements
from bongsu.host.scan_command import CommandScanner
from bongsu.http.desk.briefing_feed import BriefingFeed
from bongsu.http.desk.briefings import HOME as BRIEFINGS
from bongsu.http.desk.briefings import BriefingPages
from bongsu.http.desk.endpoints import Area
from bongsu.http.desk.face import Entry
from bongsu.http.desk.investigation_cases import HOME as INVESTIGATIONS
from bongsu.http.desk.investigation_cases import INVESTIGATORS, CasePages
from bongsu.http.desk.investigation_drafts import DraftPages
from bongsu.http.desk.investigation_evidence import EvidencePages
from bongsu.http.desk.investigation_public import InvestigationPages
from bongsu.http.desk.machine_api import MANAGERS, SENDERS, MachineApi
from bongsu.http.desk.openapi import OpenApiPage
from bongsu.http.desk.prevention import EDITORS, PreventionPages
from bongsu.http.desk.prevention import HOME as MEASURES
from bongsu.http.desk.statements import HOME as STATEMENTS
from bongsu.http.desk.statements import PUBLISHERS, StatementPages
from bongsu.http.desk.tickets import Tickets
from bongsu.node.desk_evidence import EvidenceStores
from bongsu.node.desk_parts import DeskParts
from bongsu.pdf.report import FpdfPrinter
from bongsu.postgres.desk.briefing_store import PostgresBriefings
from bongsu.postgres.desk.case_store import PostgresCases, PostgresEvidence, PostgresInterviews
from bongsu.postgres.desk.health_change_reader import PostgresHealthChanges
from bongsu.postgres.desk.machine_event_store import PostgresMachineEvents
from bongsu.postgres.desk.measure_store import PostgresMeasures
from bongsu.postgres.desk.publication_store import PostgresPublications
from bongsu.postgres.desk.statement_store import PostgresStatements

DOWNLOAD_SECONDS = 60


class Investigation:
    """Implements `DeskArea` for all three."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        database = parts.database
        # Apart from the reports' files, which are erased when their time is over.
        self._files = EvidenceStores(parts.settings, "investigation")
        cases = PostgresCases(database)
        stores = CaseStores(cases, PostgresEvidence(database), PostgresInterviews(database))
        self.cases = Cases(stores, parts.sealer)
        self.publishing = Publishing(cases, PostgresPublications(database))
        self.machine_events = MachineEvents(PostgresMachineEvents(database))
        changes = PostgresHealthChanges(database)
        self._health_events = HealthEvents(changes, self.machine_events)
        self.prevention = Prevention(PostgresMeasures(database))
        self.statements = Statements(PostgresStatements(database))
        self.briefings = Briefings(PostgresBriefings(database))
        self._feed = BriefingFeed(self.briefings)

    def areas(self) -> Iterator[Area]:
        parts, blobs = self._parts, self._files.blobs
        files_url = (parts.settings.desk_files_url or "").rstrip("/")
        tickets = Tickets(
            parts.sealer.file_keys.derive("tickets"), "investigation file", DOWNLOAD_SECONDS
        )
        command = parts.settings.desk_scan_command
        scanner = CommandScanner(command) if command else None
        yield InvestigationPages(self.publishing, blobs, FpdfPrinter(), files_url)
        yield CasePages(self.cases, self.machine_events)
        yield EvidencePages(self.cases, blobs, parts.audit, tickets, files_url, scanner)
        yield DraftPages(self.publishing)
        yield MachineApi(self.machine_events, self.prevention)
        yield PreventionPages(self.prevention, self.publishing, blobs)
        yield StatementPages(self.statements)
        yield BriefingPages(self.briefings, self._feed)
        yield OpenApiPage(parts.settings.desk_url)

    def entries(self) -> Sequence[Entry]:
        return [
            Entry(INVESTIGATIONS, "investigation.cases", INVESTIGATORS),
            Entry(SENDERS, "investigation.senders", MANAGERS),
            Entry(MEASURES, "prevention.title", EDITORS),
            Entry(STATEMENTS, "statements.title", PUBLISHERS),
            Entry(BRIEFINGS, "statements.briefings", PUBLISHERS),
        ]

    async def start(self) -> None:
        await self._files.start()
        self._health_events.start()

    async def stop(self) -> None:
        await self._feed.stop()
        await self._health_events.stop()
        await self._files.stop()
