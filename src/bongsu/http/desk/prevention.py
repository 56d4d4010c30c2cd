"""Measures: what the public sees of them, and how operators make, prove and drop them."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct
from starlette.responses import Response

from bongsu.desk.drill_report import REPORT_BYTES_MAX
from bongsu.desk.investigation.document import PublicCause
from bongsu.desk.investigation.publishing import Publishing, read
from bongsu.desk.prevention.measures import (
    HOWS,
    OWNER_CHARS_MAX,
    PATTERN_CHARS_MAX,
    PATTERNS_MAX,
    DrillAsked,
    Measure,
    Plan,
    ProofAsked,
    State,
    TestsAsked,
)
from bongsu.desk.prevention.measures import Role as SiteRole
from bongsu.desk.prevention.prevention import NAME_CHARS_MAX, REASON_CHARS_MAX, Prevention
from bongsu.desk.roles import Role
from bongsu.errors import NotFound
from bongsu.http.desk import wording
from bongsu.http.desk.downloads import FileStore
from bongsu.http.desk.endpoints import Endpoint, api, get, post
from bongsu.http.desk.visit import Visit
from bongsu.media.content import Blob

HOME = "/operator/measures"
EDITORS = frozenset({Role.INVESTIGATOR, Role.PUBLISHER})
FORM_BYTES = 64 * 1024


class ProofFiles(FileStore, Protocol):
    async def put(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Blob: ...


class ToldMeasure(Struct, frozen=True):
    """A measure for machines."""

    measure_id: str
    plan: Plan
    state: State
    changed_ts: int
    is_overdue: bool


class MeasureList(Struct, frozen=True):
    """Those that are overdue first, then by date."""

    measures: list[ToldMeasure]


class PreventionPages:
    def __init__(self, prevention: Prevention, publishing: Publishing, files: ProofFiles) -> None:
        self._prevention = prevention
        self._publishing = publishing
        self._files = files

    def endpoints(self) -> Iterator[Endpoint]:
        yield get("/measures", self.public_list)
        yield get("/measures/{measure}", self.public_show)
        yield api("GET", "/api/measures", self.machine_list)
        yield get(HOME, self.list, roles=EDITORS)
        yield get(f"{HOME}/new", self.new, roles=EDITORS)
        yield post(f"{HOME}/new", self.add, roles=EDITORS)
        yield get(f"{HOME}/{{measure}}", self.show, roles=EDITORS)
        yield post(f"{HOME}/{{measure}}", self.change, roles=EDITORS)
        yield post(
            f"{HOME}/{{measure}}/proof", self.prove, roles=EDITORS,
            body_bytes_max=REPORT_BYTES_MAX + FORM_BYTES, files_max=1,
        )  # fmt: skip
        yield post(f"{HOME}/{{measure}}/drop", self.drop, roles=EDITORS)

    async def public_list(self, visit: Visit) -> Response:
        measures = [one for one in await self._prevention.list_all() if one.plan.is_public]
        return visit.render(
            "prevention/measures.html",
            measures=measures,
            now=_now(),
            causes=await self._causes(visit),
        )

    async def public_show(self, visit: Visit) -> Response:
        measure = await self._prevention.get(visit.path["measure"])
        if not measure.plan.is_public:
            raise NotFound("There is no such measure")
        return visit.render(
            "prevention/measure.html",
            measure=measure,
            now=_now(),
            causes=await self._causes(visit),
            changes=await self._prevention.list_changes(measure.measure_id),
            proofs=await self._prevention.list_proofs(measure.measure_id),
        )

    async def machine_list(self, visit: Visit) -> Response:
        now = _now()
        told = [
            ToldMeasure(one.measure_id, one.plan, one.state, one.changed_ts, one.is_overdue(now))
            for one in await self._prevention.list_all()
            if one.plan.is_public
        ]
        return Response(msgspec.json.encode(MeasureList(told)), media_type="application/json")

    async def list(self, visit: Visit) -> Response:
        return visit.render(
            "prevention/operator_list.html", measures=await self._prevention.list_all(), now=_now()
        )

    async def new(self, visit: Visit) -> Response:
        return await self._form(visit, None)

    async def add(self, visit: Visit) -> Response:
        measure_id = await self._prevention.put(visit.operator, _plan(visit))
        return visit.redirect(f"{HOME}/{measure_id}")

    async def show(self, visit: Visit) -> Response:
        return await self._form(visit, await self._prevention.get(visit.path["measure"]))

    async def change(self, visit: Visit) -> Response:
        measure_id = await self._prevention.put(
            visit.operator,
            _plan(visit),
            measure_id=visit.path["measure"],
            version=wording.number(visit, "version"),
        )
        return visit.redirect(f"{HOME}/{measure_id}")

    async def prove(self, visit: Visit) -> Response:
        """The report is read first: what is none is not kept."""
        measure_id = visit.path["measure"]
        files = visit.files("proof")
        if not files:
            raise visit.refuse("base.field_missing", name="proof")
        body = await files[0].read(REPORT_BYTES_MAX + 1)
        await self._prevention.check(measure_id, body)
        await self._files.put(_once(body), bytes_max=REPORT_BYTES_MAX)
        name = (files[0].filename or "report")[-NAME_CHARS_MAX:]
        await self._prevention.prove(visit.operator.user_id, measure_id, name, body)
        return visit.redirect(f"{HOME}/{measure_id}")

    async def drop(self, visit: Visit) -> Response:
        measure_id = visit.path["measure"]
        reason = visit.text("reason", REASON_CHARS_MAX, required=True)
        await self._prevention.drop(visit.operator, measure_id, reason)
        return visit.redirect(f"{HOME}/{measure_id}")

    async def _form(self, visit: Visit, measure: Measure | None) -> Response:
        measure_id = measure.measure_id if measure else ""
        return visit.render(
            "prevention/operator_measure.html",
            measure=measure,
            now=_now(),
            causes=await self._causes(visit),
            hows=HOWS,
            roles=list(SiteRole),
            changes=await self._prevention.list_changes(measure_id),
            proofs=await self._prevention.list_proofs(measure_id),
        )

    async def _causes(self, visit: Visit) -> dict[str, tuple[str, str]]:
        """Title and page of every published cause, by case/cause."""
        found: dict[str, tuple[str, str]] = {}
        for publication in await self._publishing.list_latest():
            page = f"/investigations/{publication.case_id}/{publication.version}"
            for cause in _flat(read(publication).causes):
                title = cause.title.said(visit.language)
                key = f"{publication.case_id}/{cause.cause_id}"
                found[key] = title, f"{page}#cause-{cause.cause_id}"
        return found


def _plan(visit: Visit) -> Plan:
    due = visit.time("due", required=True)
    assert due is not None, "required"
    return Plan(
        title=wording.title(visit, "title"),
        description=wording.text(visit, "description"),
        owner=visit.text("owner", OWNER_CHARS_MAX, required=True),
        due_ts=due,
        cause=visit.text("cause", 100, required=True),
        asked=_asked(visit),
        is_public=visit.text("is_public", 5) == "yes",
    )


def _asked(visit: Visit) -> ProofAsked:
    if visit.text("asked", 10, required=True) == "tests":
        chars = PATTERNS_MAX * PATTERN_CHARS_MAX
        lines = visit.text("patterns", chars).splitlines()
        return TestsAsked(tuple(line.strip() for line in lines if line.strip()))
    role = visit.text("role", 10) or SiteRole.ANY
    if role not in set(SiteRole):
        raise visit.refuse("base.field_wrong", name="role")
    return DrillAsked(wording.number(visit, "drills", 1), visit.text("how", 10), SiteRole(role))


def _flat(causes: Sequence[PublicCause]) -> Iterator[PublicCause]:
    for cause in causes:
        yield cause
        yield from _flat(cause.causes)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _now() -> int:
    return time.time_ns() // 1_000_000
