"""Published reports: the page, the paper, the machine's version, and what changed."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import Struct
from starlette.responses import Response

from bongsu.desk.investigation import differences
from bongsu.desk.investigation.drafts import Publication
from bongsu.desk.investigation.printing import Printer
from bongsu.desk.investigation.publishing import Publishing, read
from bongsu.errors import NotFound
from bongsu.http.desk import wording
from bongsu.http.desk.downloads import FileStore, attachment
from bongsu.http.desk.endpoints import Endpoint, api, get
from bongsu.http.desk.investigation_paper import paper, when
from bongsu.http.desk.visit import Visit

PAPERS_MAX = 20  # kept in memory


class _Key(NamedTuple):
    case_id: str
    version: int
    language: str


class ToldReport(Struct, frozen=True):
    """A published report for machines. `hash`: SHA-256 of its JSON."""

    case_id: str
    version: int
    hash: str
    published_ts: int
    summary: str


class InvestigationList(Struct, frozen=True):
    """The latest version of each, the newest first."""

    investigations: list[ToldReport]


class InvestigationPages:
    """`files_url`: where files are downloaded from; "" for this origin."""

    def __init__(
        self, publishing: Publishing, files: FileStore, printer: Printer, files_url: str
    ) -> None:
        self._publishing = publishing
        self._files = files
        self._printer = printer
        self._files_url = files_url
        self._papers: OrderedDict[_Key, bytes] = OrderedDict()
        self._printing = asyncio.Lock()  # one at a time: it takes a core for a second

    def endpoints(self) -> Iterator[Endpoint]:
        yield get("/investigations", self.list)
        yield get("/investigations/{case}", self.latest)
        yield get("/investigations/{case}/{version:int}", self.show)
        yield get("/investigations/{case}/{version:int}/changes", self.changes)
        yield get("/investigations/{case}/{version:int}/report.pdf", self.pdf)
        yield get("/files/investigations/{case}/{number}", self.file)
        yield api("GET", "/api/investigations", self.machine_list)
        yield api("GET", "/api/investigations/{case}/{version:int}", self.machine)

    async def list(self, visit: Visit) -> Response:
        latest = [(one, read(one)) for one in await self._publishing.list_latest()]
        return visit.render("investigation/list.html", latest=latest)

    async def latest(self, visit: Visit) -> Response:
        versions = await self._publishing.list_published(visit.path["case"])
        if not versions:
            raise NotFound("Nothing is published of this")
        return visit.redirect(f"/investigations/{versions[-1].case_id}/{versions[-1].version}")

    async def show(self, visit: Visit) -> Response:
        publication = await self._publication(visit)
        versions = await self._publishing.list_published(publication.case_id)
        return visit.render(
            "investigation/report.html",
            publication=publication,
            document=read(publication),
            versions=versions,
            when=partial(when, visit),
            files_url=self._files_url,
        )

    async def changes(self, visit: Visit) -> Response:
        new = await self._publication(visit)
        before = visit.query.get("from", str(new.version - 1))
        if not (before.isascii() and before.isdigit() and len(before) <= 9):
            raise NotFound("There is no such version")
        old = await self._publishing.get_published(new.case_id, int(before))
        found = differences.compare(*(_blocks(visit, one) for one in (old, new)))
        return visit.render("investigation/changes.html", old=old, new=new, changes=found)

    async def pdf(self, visit: Visit) -> Response:
        publication = await self._publication(visit)
        key = _Key(publication.case_id, publication.version, visit.language)
        async with self._printing:
            body = self._papers.get(key)
            if body is None:
                body = await asyncio.to_thread(self._printer.print, paper(visit, publication))
                self._papers[key] = body
            self._papers.move_to_end(key)
            if len(self._papers) > PAPERS_MAX:
                self._papers.popitem(last=False)
        name = f"{publication.case_id}-{publication.version}-{visit.language}.pdf"
        headers = {"Content-Disposition": f'inline; filename="{name}"'}
        return Response(body, headers=headers, media_type="application/pdf")

    async def file(self, visit: Visit) -> Response:
        """Evidence that a published version names: this, and no other."""
        number = wording.path_number(visit, "number")
        one = await self._publishing.public_file(visit.path["case"], number)
        return await attachment(self._files, bytes.fromhex(one.sha256), one.size, one.name)

    async def machine_list(self, visit: Visit) -> Response:
        latest = await self._publishing.list_latest()
        told = [
            ToldReport(one.case_id, one.version, one.hash, one.published_ts, one.summary)
            for one in latest
        ]
        body = msgspec.json.encode(InvestigationList(told))
        return Response(body, media_type="application/json")

    async def machine(self, visit: Visit) -> Response:
        """The very bytes whose hash is shown."""
        publication = await self._publication(visit)
        headers = {"X-Content-SHA256": publication.hash}
        return Response(publication.body, headers=headers, media_type="application/json")

    async def _publication(self, visit: Visit) -> Publication:
        version = int(visit.path["version"])
        if version > 2**31 - 1:
            raise NotFound("There is no such version")
        return await self._publishing.get_published(visit.path["case"], version)


def _blocks(visit: Visit, publication: Publication) -> "list[differences.Block]":
    document = read(publication)
    return differences.blocks(document, visit.language, partial(wording.moment, visit))
