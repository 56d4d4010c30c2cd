"""What a publisher does: services, health by hand, incidents and their updates."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Protocol

from bongsu.desk.audit import Act
from bongsu.desk.notices import drafts
from bongsu.desk.notices.stores import IncidentStore, ServiceStore
from bongsu.desk.notices.words import Health, Kind, Phase, checked_texts
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, NotFound
from bongsu.users.tokens import Clock, now_ms

ID_BYTES = 9


class Kinds(Protocol):
    async def kind_of(self, incident_id: str) -> Kind | None: ...


class IncidentsAndKinds(IncidentStore, Kinds, Protocol):
    pass


class Publishing:
    """Each act is one transaction with its audit entry; `actor` is the publisher."""

    def __init__(
        self, services: ServiceStore, incidents: IncidentsAndKinds, clock: Clock = now_ms
    ) -> None:
        self._services = services
        self._incidents = incidents
        self._clock = clock

    async def put_service(self, actor: str, service_id: str, names: Mapping[str, str]) -> None:
        service_id, texts = drafts.checked_service(service_id, names)
        act = Act(actor, "notices.put_service", service_id, {"names": texts})
        await self._services.put_service(service_id, texts, act)

    async def retire_service(self, actor: str, service_id: str) -> None:
        act = Act(actor, "notices.retire_service", service_id)
        if not await self._services.retire_service(service_id, self._clock(), act):
            raise NotFound("No such service")

    async def put_component(self, actor: str, service_id: str, site: str, probe_url: str) -> None:
        site, url = drafts.checked_component(site, probe_url)
        act = Act(actor, "notices.put_component", service_id, {"site": site, "probe": url})
        await self._services.put_component(service_id, site, url, self._clock(), act)

    async def remove_component(self, actor: str, service_id: str, site: str) -> None:
        act = Act(actor, "notices.remove_component", service_id, {"site": site})
        if not await self._services.remove_component(service_id, site, act):
            raise NotFound("No such component")

    async def set_by_hand(
        self, actor: str, service_id: str, site: str, health: str, note: Mapping[str, str]
    ) -> None:
        """Say how a component is; "" leaves it to the probe again."""
        if health and health not in set(Health):
            raise InvalidParam(
                Sentence("The health must be one of {known}", known=", ".join(Health))
            )
        given = Health(health) if health else None
        texts = (
            checked_texts(note, drafts.NOTE_CHARS_MAX, Sentence("Note"))
            if any(note.values())
            else {}
        )
        detail = {"site": site, "health": health, "note": texts}
        act = Act(actor, "notices.set_by_hand", service_id, detail)
        at = self._clock()
        if not await self._services.set_by_hand(service_id, site, given, texts, at, act):
            raise NotFound("No such component")

    async def publish(
        self,
        actor: str,
        *,
        kind: str,
        impact: str,
        titles: Mapping[str, str],
        services: Sequence[str],
        started_ts: int | None,
        ends_ts: int | None,
        post_key: str,
        phase: str,
        texts: Mapping[str, str],
    ) -> str:
        """Publish an incident or planned work; gives its id. The same form again publishes once."""
        now = self._clock()
        draft = drafts.checked_incident(
            kind=kind, impact=impact, titles=titles, services=services, started_ts=started_ts,
            ends_ts=ends_ts, post_key=post_key, phase=phase, texts=texts, now=now,
        )  # fmt: skip
        incident_id = secrets.token_urlsafe(ID_BYTES)
        detail = {"kind": draft.kind, "impact": draft.impact, "titles": draft.titles}
        act = Act(actor, "notices.publish", incident_id, detail)
        return await self._incidents.publish(incident_id, draft, actor, now, act)

    async def add_update(
        self, actor: str, incident_id: str, *, post_key: str, phase: str, texts: Mapping[str, str]
    ) -> None:
        kind = await self._incidents.kind_of(incident_id)
        if kind is None:
            raise NotFound("No such incident")
        draft = drafts.checked_update(kind, post_key, phase, texts)
        act = Act(actor, "notices.add_update", incident_id, {"phase": Phase(phase)})
        await self._incidents.add_update(incident_id, draft, actor, self._clock(), act)
