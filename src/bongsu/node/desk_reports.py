"""Damage reports: taken in, followed, erased when their time is over."""

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import Metric

from bongsu.desk.reports.blob_removal import BlobRemoval
from bongsu.desk.reports.following import Following
from bongsu.desk.reports.forwarding import Forwarder
from bongsu.desk.reports.intake import EvidencePlacer, Intake
from bongsu.desk.reports.marks import Marker
from bongsu.desk.reports.preparing import Preparer
from bongsu.desk.reports.retention import Retention
from bongsu.desk.reports.scanning import Scanning
from bongsu.desk.reports.spooling import Box, Waiting
from bongsu.files.report_spool import ReportSpool
from bongsu.host.scan_command import CommandScanner
from bongsu.http.desk.assessment_files import ReportFilePages
from bongsu.http.desk.endpoints import Area
from bongsu.http.desk.face import Entry
from bongsu.http.desk.report_account import AccountPages, ReporterTickets
from bongsu.http.desk.report_following import FollowingPages
from bongsu.http.desk.report_waiting import WaitingPage
from bongsu.http.desk.reports import ACCOUNT_SECONDS, ReportPages
from bongsu.http.desk.tickets import Tickets
from bongsu.node.desk_assessment import assessment_of
from bongsu.node.desk_evidence import EvidenceStores
from bongsu.node.desk_metrics import counter, gauge, known
from bongsu.node.desk_parts import DeskParts
from bongsu.postgres.desk.given_reader import PostgresGiven
from bongsu.postgres.desk.report_blob_store import PostgresBlobEnds
from bongsu.postgres.desk.report_intake_store import PostgresReportIntake
from bongsu.postgres.desk.report_scan_store import PostgresReportScans
from bongsu.postgres.desk.report_store import PostgresReports
from bongsu.postgres.short_token_store import PostgresShortTokenStore
from bongsu.users.openid import OpenId

FILE_SECONDS = 60  # how long the address of a file is good


class Reports:
    """The spool is `DATA/desk/spool`: processes of one machine share it."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        settings, keys = parts.settings, parts.sealer.file_keys
        self.spool = ReportSpool(
            settings.desk_data / "spool", bytes_max=settings.desk_spool_mb * 1024 * 1024
        )
        self._evidence = EvidenceStores(settings)
        self.preparer = Preparer(parts.sealer, Marker(keys.derive("report marks")))
        placer = EvidencePlacer(self.spool, self._evidence.blobs)
        store = PostgresReportIntake(parts.database)
        self.intake = Intake(store, self.spool, placer, self.preparer, Box(keys))
        self.forwarder = Forwarder(store, self.spool, placer, self.preparer, Box(keys))
        self._reports = PostgresReports(parts.database)
        self._following = Following(self._reports, parts.sealer, self.preparer, placer)
        self._retention = Retention(self._reports, settings.desk_retention_days)
        self._removal = BlobRemoval(PostgresBlobEnds(parts.database), self._evidence.blobs)

        self._scanning = self._scanner(settings.desk_scan_command)
        self._assessment = assessment_of(parts)

    def _scanner(self, command: str | None) -> Scanning | None:
        if command is None:
            return None
        store = PostgresReportScans(self._parts.database)
        return Scanning(store, self._evidence.blobs, CommandScanner(command))

    def areas(self) -> Iterator[Area]:
        settings = self._parts.settings
        openid = OpenId(
            PostgresShortTokenStore(self._parts.messenger), server_name=settings.server_name
        )
        key = self._parts.sealer.file_keys.derive("tickets")
        tickets = ReporterTickets(key, ACCOUNT_SECONDS)
        yield ReportPages(self.intake, tickets.accounts, site=settings.site)
        yield AccountPages(self._following, openid, tickets, server_name=settings.server_name)
        yield FollowingPages(
            self._following,
            self.intake,
            self._removal.remove_soon,
            tickets.links,
            PostgresGiven(self._parts.database),
        )
        yield WaitingPage(self.spool, self.intake, self.forwarder)
        yield ReportFilePages(
            self._assessment,
            self._evidence.blobs,
            self._parts.audit,
            Tickets(key, "report file", FILE_SECONDS),
            (settings.desk_files_url or "").rstrip("/"),
        )

    def entries(self) -> Sequence[Entry]:
        return []

    async def measure(self) -> Iterator[Metric]:
        return self._measured(await known(self.spool.look()))

    def _measured(self, waiting: Waiting | None) -> Iterator[Metric]:
        """The spool is shared by the desks of a machine, the counts are of this one."""
        taken = {
            "accepted": self.intake.confirmed_total,
            "spooled": self.intake.spooled_total,
            "forwarded": self.forwarder.forwarded_total,
        }
        yield counter("bongsu_desk_reports", "Reports, and what became of them.", taken, "outcome")
        if waiting is not None:
            yield gauge("bongsu_desk_spool_batches", "Batches to be forwarded.", waiting.batches)
            yield gauge("bongsu_desk_spool_broken", "Batches set aside.", waiting.broken)
            yield gauge("bongsu_desk_spool_bytes", "Room taken by the spool.", waiting.used_bytes)
            yield gauge("bongsu_desk_spool_bytes_max", "Room it may take.", waiting.bytes_max)

    async def start(self) -> None:
        await self._evidence.start()
        await self.intake.start()
        await self.forwarder.start()
        await self._retention.start()
        await self._removal.start()
        if self._scanning:
            await self._scanning.start()

    async def stop(self) -> None:
        if self._scanning:
            await self._scanning.stop()
        await self._removal.stop()
        await self._retention.stop()
        await self.forwarder.stop()
        await self.intake.stop()
        await self.spool.close()
        await self._evidence.stop()
