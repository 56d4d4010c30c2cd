"""For machines: events and reports of drills come in, measures and events go out."""

from collections.abc import Iterator

from msgspec import Struct
from starlette.responses import Response

from bongsu.desk import drill_report
from bongsu.desk.investigation.importing import of_drills, of_witness_log
from bongsu.desk.investigation.machine_events import (
    EVENTS_AT_ONCE_MAX,
    MachineEvent,
    MachineEvents,
    Received,
)
from bongsu.desk.prevention.prevention import Prevention
from bongsu.desk.roles import Role
from bongsu.http.desk.endpoints import Endpoint, api, get, post
from bongsu.http.desk.investigation_cases import INVESTIGATORS
from bongsu.http.desk.json_bodies import answer_json, read_json
from bongsu.http.desk.visit import Visit

EVENTS_BYTES_MAX = 4 * 1024 * 1024
SENDER_CHARS_MAX = 60
SENDERS = "/operator/machines"
MANAGERS = frozenset({Role.INVESTIGATOR, Role.ADMIN})


class EventBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """All of these events, or none of them."""

    events: list[MachineEvent]


class DrillsTaken(Struct, frozen=True):
    """What a drill's report brought: events, and measures that it opened again."""

    new: int
    known: int
    reopened: list[str]


class ToldEvent(Struct, frozen=True):
    """A machine event as it is kept."""

    sender: str
    received_ts: int
    event: MachineEvent


class EventList(Struct, frozen=True):
    """In the order of their times."""

    events: list[ToldEvent]


class MachineApi:
    def __init__(self, machine_events: MachineEvents, prevention: Prevention) -> None:
        self._machine_events = machine_events
        self._prevention = prevention

    def endpoints(self) -> Iterator[Endpoint]:
        yield api("POST", "/api/machine-events", self.take_events, body_bytes_max=EVENTS_BYTES_MAX)
        yield api(
            "POST", "/api/drill-reports", self.take_drills,
            body_bytes_max=drill_report.REPORT_BYTES_MAX,
        )  # fmt: skip
        yield api("POST", "/api/witness-logs", self.take_log, body_bytes_max=EVENTS_BYTES_MAX)
        yield api("GET", "/api/machine-events", self.list_events, roles=INVESTIGATORS)
        yield get(SENDERS, self.senders, roles=MANAGERS)
        yield post(SENDERS, self.add_sender, roles=MANAGERS)
        yield post(f"{SENDERS}/revoke", self.revoke, roles=MANAGERS)

    async def take_events(self, visit: Visit) -> Response:
        sender = await self._machine_events.who(visit.session or "")
        batch = await read_json(visit, EventBatch, "a batch of events")
        return answer_json(await self._machine_events.take(sender, batch.events))

    async def take_drills(self, visit: Visit) -> Response:
        sender = await self._machine_events.who(visit.session or "")
        drills = drill_report.parse(await visit.body())
        taken = await self._machine_events.take_many(sender, of_drills(drills))
        reopened = await self._prevention.take_drills(drills)
        return answer_json(DrillsTaken(taken.new, taken.known, reopened))

    async def take_log(self, visit: Visit) -> Response:
        """Lines of JSON as `bongsu witness` logs them; others are let pass."""
        sender = await self._machine_events.who(visit.session or "")
        lines = (await visit.body()).decode("utf-8", "replace").splitlines()
        return answer_json(
            await self._machine_events.take_many(sender, list(of_witness_log(lines)))
        )

    async def list_events(self, visit: Visit) -> Response:
        began, ended = (_moment(visit, name, at) for name, at in (("from", 0), ("to", 2**53)))
        found = await self._machine_events.list_between(began, ended, EVENTS_AT_ONCE_MAX)
        return answer_json(EventList([_told(one) for one in found]))

    async def senders(self, visit: Visit) -> Response:
        return await self._senders(visit, sender="", token="")

    async def add_sender(self, visit: Visit) -> Response:
        """The token stands on this page and nowhere else."""
        sender = visit.text("sender", SENDER_CHARS_MAX, required=True)
        token = await self._machine_events.add_sender(visit.operator.user_id, sender)
        return await self._senders(visit, sender=sender, token=token)

    async def revoke(self, visit: Visit) -> Response:
        sender = visit.text("sender", SENDER_CHARS_MAX, required=True)
        await self._machine_events.revoke_sender(visit.operator.user_id, sender)
        return visit.redirect(SENDERS)

    async def _senders(self, visit: Visit, *, sender: str, token: str) -> Response:
        senders = await self._machine_events.list_senders()
        return visit.render(
            "investigation/senders.html", senders=senders, sender=sender, token=token
        )


def _moment(visit: Visit, name: str, default: int) -> int:
    given = visit.query.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 15):
        raise visit.refuse("base.field_wrong", name=name)
    return int(given)


def _told(received: Received) -> ToldEvent:
    return ToldEvent(received.sender, received.received_ts, received.event)
