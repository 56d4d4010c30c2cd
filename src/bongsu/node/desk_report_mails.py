"""E-mail to reporters, wired."""

import secrets
from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import Metric

from bongsu.desk.reports.mailing import ReportMails
from bongsu.http.desk.endpoints import Area
from bongsu.http.desk.face import Entry
from bongsu.http.desk.report_mail_words import ReportMailWording
from bongsu.node.desk_metrics import counter, gauge, known
from bongsu.node.desk_parts import DeskParts
from bongsu.postgres.desk.report_mail_store import PostgresReportMails


class MailsToReporters:
    """Implements `DeskArea`. No pages: it only works in the background."""

    def __init__(self, parts: DeskParts) -> None:
        self.store = PostgresReportMails(parts.database, parts.sealer)
        holder = f"{parts.settings.site or 'one'}-{secrets.token_hex(4)}"
        self.mails = ReportMails(self.store, parts.mailer, ReportMailWording(parts.face), holder)

    def areas(self) -> Iterator[Area]:
        yield from ()

    def entries(self) -> Sequence[Entry]:
        return []

    async def measure(self) -> Iterator[Metric]:
        return self._measured(await known(self.store.count_waiting()))

    def _measured(self, waiting: int | None) -> Iterator[Metric]:
        told = {"sent": self.mails.sent_total, "failed": self.mails.failed_total}
        yield counter("bongsu_desk_mails", "Mails to reporters from this desk.", told, "outcome")
        if waiting is not None:
            yield gauge("bongsu_desk_mails_waiting", "Mails to reporters to be sent.", waiting)

    async def start(self) -> None:
        self.mails.start()

    async def stop(self) -> None:
        await self.mails.stop()
