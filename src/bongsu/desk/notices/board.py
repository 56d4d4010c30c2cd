"""The board: everything the public pages show, as one value.

It is read from the database whenever something changed, kept in memory, and written to disk, so
that the pages stand when the database, or this process, does not.
"""

from collections.abc import Sequence

from msgspec import Struct

from bongsu.desk.notices.words import ENDS, Health, Kind, Phase, Texts, over_sites, worst


class Component(Struct, frozen=True):
    """A service at one site. `probe_url` is asked; "" if an operator says how it is."""

    service_id: str
    site: str
    probe_url: str
    probed: Health
    probed_ts: int | None
    by_hand: Health | None
    by_hand_note: Texts
    by_hand_ts: int | None

    @property
    def health(self) -> Health:
        return self.by_hand or self.probed


class Service(Struct, frozen=True):
    service_id: str
    names: Texts
    components: Sequence[Component]


class Update(Struct, frozen=True):
    """What was published at `ts`; never changed afterwards."""

    update_id: int
    incident_id: str
    phase: Phase
    ts: int
    texts: Texts


class Incident(Struct, frozen=True):
    """An incident or planned work. `ends_ts`: when it ended, or is to end."""

    incident_id: str
    kind: Kind
    impact: Health
    titles: Texts
    services: Sequence[str]
    started_ts: int
    ends_ts: int | None
    phase: Phase
    updates: Sequence[Update]  # latest first

    @property
    def is_over(self) -> bool:
        return self.phase in ENDS

    def weighs_at(self, now: int) -> bool:
        """Whether it decides how its services are shown at `now`."""
        if self.is_over or now < self.started_ts:
            return False
        return self.kind is Kind.INCIDENT or self.ends_ts is None or now < self.ends_ts

    @property
    def changed_ts(self) -> int:
        return max((update.ts for update in self.updates), default=self.started_ts)


class Change(Struct, frozen=True):
    """From `ts` on a component was so."""

    service_id: str
    site: str
    ts: int
    health: Health


class Board(Struct, frozen=True):
    """`read_ts`: when the database said so; 0 if it never did."""

    version: int
    read_ts: int
    services: Sequence[Service]
    incidents: Sequence[Incident]  # latest start first
    changes: Sequence[Change]  # in order of time, as far back as uptime is shown

    def health_of(self, service: Service, now: int) -> Health:
        """Of a service: its components, and the incidents that weigh on it."""
        healths = [over_sites(component.health for component in service.components)]
        healths += [
            incident.impact
            for incident in self.incidents
            if service.service_id in incident.services and incident.weighs_at(now)
        ]
        return worst(healths)

    def health(self, now: int) -> Health:
        """Of everything: the worst of it."""
        return worst(self.health_of(service, now) for service in self.services)

    def current(self, now: int) -> list[Incident]:
        """Incidents and planned work under way, latest first."""
        return [
            incident
            for incident in self.incidents
            if not incident.is_over
            and (incident.kind is Kind.INCIDENT or incident.started_ts <= now)
        ]

    def planned(self, now: int) -> list[Incident]:
        """Planned work to come, the next first."""
        return [
            incident
            for incident in reversed(self.incidents)
            if incident.kind is Kind.PLANNED and not incident.is_over and now < incident.started_ts
        ]

    def past(self) -> list[Incident]:
        return [incident for incident in self.incidents if incident.is_over]

    def find(self, incident_id: str) -> Incident | None:
        return next((each for each in self.incidents if each.incident_id == incident_id), None)


EMPTY = Board(0, 0, (), (), ())
