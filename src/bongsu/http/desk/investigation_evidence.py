"""Evidence and interviews of a case: files under the chain, words under a seal."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from starlette.datastructures import UploadFile
from starlette.responses import Response

from bongsu.desk.audit import Act
from bongsu.desk.investigation.cases import INTERVIEW_CHARS_MAX, Cases
from bongsu.desk.investigation.evidence import FILE_BYTES_MAX, NAME_CHARS_MAX, NewEvidence
from bongsu.desk.reports.scanning import Scan, Scanner
from bongsu.errors import NotFound, Unavailable
from bongsu.http.desk import wording
from bongsu.http.desk.downloads import FileStore, attachment
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.investigation_cases import HOME, INVESTIGATORS
from bongsu.http.desk.tickets import Tickets
from bongsu.http.desk.visit import Visit
from bongsu.media.content import Blob

CHUNK_BYTES = 256 * 1024
DESCRIPTION_CHARS_MAX = 2_000
FILES_AT_ONCE_MAX = 10


class EvidenceFiles(FileStore, Protocol):
    async def put(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Blob: ...


class AuditRecorder(Protocol):
    async def record(self, act: Act) -> int: ...


class EvidencePages:
    """`files_url`: where files are downloaded from, whatever cookies there are; "": this origin.

    Without a `scanner` files are taken as they come.
    """

    def __init__(
        self, cases: Cases, files: EvidenceFiles, audit: AuditRecorder, tickets: Tickets,
        files_url: str, scanner: Scanner | None = None,
    ) -> None:  # fmt: skip
        self._cases = cases
        self._files = files
        self._audit = audit
        self._tickets = tickets
        self._files_url = files_url
        self._scanner = scanner

    def endpoints(self) -> Iterator[Endpoint]:
        roles = INVESTIGATORS
        yield post(
            f"{HOME}/{{case}}/evidence", self.add, roles=roles,
            body_bytes_max=FILE_BYTES_MAX + CHUNK_BYTES, files_max=FILES_AT_ONCE_MAX,
        )  # fmt: skip
        yield post(f"{HOME}/{{case}}/evidence/{{number}}", self.show, roles=roles)
        yield post(f"{HOME}/{{case}}/evidence/{{number}}/file", self.ask, roles=roles)
        yield get("/files/evidence/{ticket}", self.download)
        yield get(f"{HOME}/{{case}}/interviews", self.interviews, roles=roles)
        yield post(f"{HOME}/{{case}}/interviews", self.add_interview, roles=roles)
        yield post(f"{HOME}/{{case}}/interviews/{{interview}}", self.open_interview, roles=roles)

    async def add(self, visit: Visit) -> Response:
        case_id = visit.path["case"]
        await self._cases.load(case_id)
        description = visit.text("description", DESCRIPTION_CHARS_MAX, required=True)
        files = visit.files("file")
        if not files:
            raise visit.refuse("base.field_missing", name="file")
        for file in files:
            blob = await self._files.put(_chunks(file), bytes_max=FILE_BYTES_MAX)
            await self._scan(visit, blob)
            new = NewEvidence(
                visit.operator.user_id, blob.sha256, blob.size, _name(file), description
            )
            await self._cases.add_evidence(case_id, new)
        return visit.redirect(f"{HOME}/{case_id}")

    async def _scan(self, visit: Visit, blob: Blob) -> None:
        """Before it is evidence: afterwards it could not be taken back."""
        if self._scanner is None:
            return
        verdict = await self._scanner.scan(self._files.stream(blob.sha256, 0, blob.size))
        if verdict is Scan.INFECTED:
            raise visit.refuse("investigation.infected")
        if verdict is not Scan.CLEAN:
            raise Unavailable("The scanner gave no verdict")

    async def show(self, visit: Visit) -> Response:
        case_id = visit.path["case"]
        await self._cases.show_evidence(
            visit.operator,
            case_id,
            wording.path_number(visit, "number"),
            is_public=visit.text("is_public", 5) == "yes",
            name=visit.text("public_name", NAME_CHARS_MAX),
            caption=wording.title(visit, "caption"),
        )
        return visit.redirect(f"{HOME}/{case_id}")

    async def ask(self, visit: Visit) -> Response:
        """Looking at a file is an act; its address is good for a minute and tells nothing."""
        case_id, number = visit.path["case"], wording.path_number(visit, "number")
        case = await self._cases.load(case_id)
        if all(one.number != number for one in case.evidence):
            raise NotFound("There is no such evidence")
        detail = {"number": number}
        actor = visit.operator.user_id
        await self._audit.record(Act(actor, "investigation.look_at_evidence", case_id, detail))
        path = f"/files/evidence/{self._tickets.make(f'{case_id}/{number}')}"
        return Response(None, 303, {"Location": f"{self._files_url}{path}"})

    async def download(self, visit: Visit) -> Response:
        case_id, _, number = (self._tickets.open(visit.path["ticket"]) or "").rpartition("/")
        if not case_id:
            raise NotFound("This address is not good any more")
        for one in (await self._cases.load(case_id)).evidence:
            if str(one.number) == number:
                return await attachment(self._files, one.sha256, one.size, one.name)
        raise NotFound("There is no such evidence")

    async def interviews(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        interviews = await self._cases.list_interviews(case.case_id)
        return visit.render(
            "investigation/interviews.html", case=case, interviews=interviews, opened=None
        )

    async def add_interview(self, visit: Visit) -> Response:
        case_id = visit.path["case"]
        held = visit.time("held", required=True)
        assert held is not None, "required"
        await self._cases.add_interview(
            visit.operator,
            case_id,
            held,
            visit.text("person", NAME_CHARS_MAX, required=True),
            visit.text("said", INTERVIEW_CHARS_MAX, required=True),
        )
        return visit.redirect(f"{HOME}/{case_id}/interviews")

    async def open_interview(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        opened = await self._cases.open_interview(visit.operator, visit.path["interview"])
        interviews = await self._cases.list_interviews(case.case_id)
        return visit.render(
            "investigation/interviews.html", case=case, interviews=interviews, opened=opened
        )


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk


def _name(file: UploadFile) -> str:
    """What the file was called, without its folders."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2].strip()
    printable = "".join(char for char in name if char.isprintable())
    return printable[:NAME_CHARS_MAX] or f"file-{secrets.token_hex(4)}"
