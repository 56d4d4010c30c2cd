"""Evidence of reports for who assesses them: downloaded, never shown, from an origin of its own."""

from collections.abc import Iterator

from starlette.responses import Response

from bongsu.desk.assessment.service import Assessment
from bongsu.desk.assessment.stores import AuditRecorder
from bongsu.desk.audit import Act
from bongsu.desk.reports.scanning import Scan
from bongsu.desk.reports.view import File
from bongsu.errors import NotFound, Refused
from bongsu.http.desk.assessment import QUEUE_PATH, READERS
from bongsu.http.desk.assessment_told import FileAddress
from bongsu.http.desk.downloads import FileStore, attachment
from bongsu.http.desk.endpoints import Endpoint, api, get
from bongsu.http.desk.json_bodies import answer_json
from bongsu.http.desk.tickets import Tickets
from bongsu.http.desk.visit import Visit


class ReportFilePages:
    """`files_url`: where files are downloaded from, whatever cookies there are; "": this origin."""

    def __init__(
        self, assessment: Assessment, files: FileStore, audit: AuditRecorder, tickets: Tickets,
        files_url: str,
    ) -> None:  # fmt: skip
        self._assessment = assessment
        self._files = files
        self._audit = audit
        self._tickets = tickets
        self._files_url = files_url

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(f"{QUEUE_PATH}/r/{{id}}/files/{{number}}", self.ask, roles=READERS)
        yield api("POST", "/api/reports/{id}/files/{number}", self.tell_address, roles=READERS)
        yield get("/files/report/{ticket}", self.download)

    async def ask(self, visit: Visit) -> Response:
        return Response(None, 303, {"Location": self._files_url + await self._address(visit)})

    async def tell_address(self, visit: Visit) -> Response:
        origin = self._files_url or visit.face.public_url
        url = origin + await self._address(visit)
        return answer_json(FileAddress(url, self._tickets.seconds))

    async def _address(self, visit: Visit) -> str:
        """Looking at a file is an act; its address is good for a minute and tells nothing."""
        report_id, number = visit.path["id"], visit.path["number"]
        file = await self._find(visit, report_id, number)
        detail = {"number": file.number}
        await self._audit.record(
            Act(visit.operator.user_id, "assessment.look_at_file", report_id, detail)
        )
        ticket = self._tickets.make(f"{report_id}/{number}")
        return f"/files/report/{ticket}"

    async def download(self, visit: Visit) -> Response:
        report_id, _, number = (self._tickets.open(visit.path["ticket"]) or "").rpartition("/")
        file = await self._find(visit, report_id, number)
        return await attachment(self._files, file.sha256, file.size, file.name)

    async def _find(self, visit: Visit, report_id: str, number: str) -> File:
        if not report_id:
            raise NotFound("This address is not good any more")
        report = await self._assessment.open(report_id)
        for file in report.kept_files:
            if str(file.number) == number and report.erased_ts is None:
                if file.scan == Scan.INFECTED:
                    raise Refused(visit.t("assessment.infected"), code="DESK_INFECTED", status=403)
                return file
        raise NotFound("There is no such file")
