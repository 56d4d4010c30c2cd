"""The investigators' pages of a case: its items and the machine events that it may take up."""

from collections.abc import Iterator
from functools import partial

from starlette.responses import Response

from bongsu.desk.investigation import causes, document, evidence
from bongsu.desk.investigation.cases import Cases
from bongsu.desk.investigation.document import Case
from bongsu.desk.investigation.items import Cause, Event, Item, Source
from bongsu.desk.investigation.machine_events import MachineEvents
from bongsu.desk.roles import Role
from bongsu.errors import NotFound
from bongsu.http.desk import wording
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.investigation_items import KINDS, kind_of, note, read_item
from bongsu.http.desk.visit import Visit

INVESTIGATORS = frozenset({Role.INVESTIGATOR})
MACHINE_EVENTS_SHOWN = 1_000
HOUR_MS = 3600 * 1000
HOME = "/operator/investigations"


class CasePages:
    def __init__(self, cases: Cases, machine_events: MachineEvents) -> None:
        self._cases = cases
        self._machine_events = machine_events

    def endpoints(self) -> Iterator[Endpoint]:
        roles = INVESTIGATORS
        yield get(HOME, self.list, roles=roles)
        yield post(HOME, self.open, roles=roles)
        yield get(f"{HOME}/{{case}}", self.show, roles=roles)
        yield post(f"{HOME}/{{case}}", self.change, roles=roles)
        yield get(f"{HOME}/{{case}}/new/{{kind}}", self.new_item, roles=roles)
        yield post(f"{HOME}/{{case}}/new/{{kind}}", self.add_item, roles=roles)
        yield get(f"{HOME}/{{case}}/items/{{item}}", self.show_item, roles=roles)
        yield post(f"{HOME}/{{case}}/items/{{item}}", self.change_item, roles=roles)
        yield get(f"{HOME}/{{case}}/machine", self.machine, roles=roles)
        yield post(
            f"{HOME}/{{case}}/machine", self.take, roles=roles, fields_max=MACHINE_EVENTS_SHOWN + 10
        )

    async def list(self, visit: Visit) -> Response:
        return visit.render("investigation/cases.html", cases=await self._cases.list_all())

    async def open(self, visit: Visit) -> Response:
        began, ended = _window(visit)
        case_id = await self._cases.open(
            visit.operator, wording.title(visit, "title"), began, ended
        )
        return visit.redirect(f"{HOME}/{case_id}")

    async def show(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        live = [item for item in case.items if not item.is_withdrawn]
        found = {one.item_id: one.content for one in live if isinstance(one.content, Cause)}
        kinds = {kind: [one for one in live if kind_of(one.content) == kind] for kind in KINDS}
        kinds["event"].sort(key=_at)
        kinds["section"].sort(key=lambda one: getattr(one.content, "place", 0))
        return visit.render(
            "investigation/case.html",
            case=case,
            kinds=kinds,
            items={item.item_id: item for item in case.items},
            tree=causes.tree(found),
            loops=causes.loops(found),
            withdrawn=[item for item in case.items if item.is_withdrawn],
            complaints=[visit.say(one) for one in document.complaints(case)],
            broken=evidence.first_break(case.case_id, case.evidence),
            moment=partial(wording.moment, visit),
            moment_input=partial(wording.moment_input, visit),
        )

    async def change(self, visit: Visit) -> Response:
        case_id = visit.path["case"]
        await self._cases.change(
            visit.operator, case_id, wording.title(visit, "title"), *_window(visit)
        )
        return visit.redirect(f"{HOME}/{case_id}")

    async def new_item(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        kind = visit.path["kind"]
        if kind not in KINDS:
            raise NotFound("There is no such kind of item")
        return self._form(visit, case, kind, None)

    async def add_item(self, visit: Visit) -> Response:
        case_id = visit.path["case"]
        await self._cases.write(
            visit.operator,
            case_id,
            read_item(visit, visit.path["kind"]),
            is_public=visit.text("is_public", 5) == "yes",
            note=note(visit),
        )
        return visit.redirect(f"{HOME}/{case_id}")

    async def show_item(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        item = _item(case, visit.path["item"])
        return self._form(
            visit, case, kind_of(item.content), item,
            await self._cases.list_versions(case.case_id, item.item_id),
        )  # fmt: skip

    async def change_item(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        item = _item(case, visit.path["item"])
        await self._cases.write(
            visit.operator,
            case.case_id,
            read_item(visit, kind_of(item.content)),
            item_id=item.item_id,
            version=wording.number(visit, "version"),
            is_public=visit.text("is_public", 5) == "yes",
            is_withdrawn=visit.text("is_withdrawn", 5) == "yes",
            note=note(visit),
        )
        return visit.redirect(f"{HOME}/{case.case_id}")

    async def machine(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        known = {item.content.machine for item in case.items if isinstance(item.content, Event)}
        events = await self._machine_events.list_between(*_around(case), MACHINE_EVENTS_SHOWN)
        return visit.render(
            "investigation/machine.html",
            case=case,
            events=events,
            known=known,
            moment=partial(wording.moment, visit),
        )

    async def take(self, visit: Visit) -> Response:
        case = await self._cases.load(visit.path["case"])
        chosen = set(visit.texts("event", MACHINE_EVENTS_SHOWN))
        events = await self._machine_events.list_between(*_around(case), MACHINE_EVENTS_SHOWN)
        await self._cases.take(
            visit.operator,
            case.case_id,
            [event for event in events if event.key in chosen],
            visit.text("is_public", 5) == "yes",
        )
        return visit.redirect(f"{HOME}/{case.case_id}")

    def _form(
        self, visit: Visit, case: Case, kind: str, item: Item | None, versions: object = ()
    ) -> Response:
        others = [one for one in case.items if not one.is_withdrawn and one is not item]
        return visit.render(
            "investigation/item.html",
            case=case,
            kind=kind,
            item=item,
            content=item.content if item else None,
            versions=versions,
            sources=list(Source),
            causes=[one for one in others if isinstance(one.content, Cause)],
            events=sorted((one for one in others if isinstance(one.content, Event)), key=_at),
            moment=partial(wording.moment, visit),
            moment_input=partial(wording.moment_input, visit),
        )


def _item(case: Case, item_id: str) -> Item:
    for item in case.items:
        if item.item_id == item_id:
            return item
    raise NotFound("There is no such item")


def _at(item: Item) -> tuple[int, str]:
    return (item.content.at if isinstance(item.content, Event) else 0, item.item_id)


def _window(visit: Visit) -> tuple[int, int | None]:
    began = visit.time("began", required=True)
    assert began is not None, "required"
    return began, visit.time("ended")


def _around(case: Case) -> tuple[int, int]:
    """An hour before it until an hour after it."""
    ended = 2**53 if case.ended is None else case.ended + HOUR_MS
    return case.began - HOUR_MS, ended
