"""What waits in this server's spool of reports, for operators."""

from collections.abc import Iterator

from starlette.responses import Response

from bongsu.desk.reports.forwarding import Forwarder
from bongsu.desk.reports.intake import Intake
from bongsu.desk.reports.spooling import Spool
from bongsu.http.desk.assessment import QUEUE_PATH, READERS
from bongsu.http.desk.endpoints import Endpoint, get
from bongsu.http.desk.visit import Visit


class WaitingPage:
    def __init__(self, spool: Spool, intake: Intake, forwarder: Forwarder) -> None:
        self._spool = spool
        self._intake = intake
        self._forwarder = forwarder

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(f"{QUEUE_PATH}/waiting", self.show, roles=READERS)

    async def show(self, visit: Visit) -> Response:
        return visit.render(
            "assessment/waiting.html", waiting=await self._spool.look(), intake=self._intake,
            forwarder=self._forwarder,
        )  # fmt: skip
