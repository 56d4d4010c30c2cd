"""What notices need of their tables. All writes that the pages show raise the board's version."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.notices.board import Board
from bongsu.desk.notices.drafts import IncidentDraft, UpdateDraft
from bongsu.desk.notices.subscribers import Delivery, Subscriber
from bongsu.desk.notices.words import Health, Texts


class Probed(NamedTuple):
    """What a probe found. `gap_ts`: since then nobody looked, if that was too long."""

    service_id: str
    site: str
    health: Health
    ts: int
    gap_ts: int | None


class BoardStore(Protocol):
    async def load_version(self) -> int: ...
    async def load_board(self, since: int, now: int) -> Board:
        """With what changed since `since` and incidents that were not over before it."""
        ...


class ServiceStore(Protocol):
    async def put_service(self, service_id: str, names: Texts, act: Act) -> None: ...
    async def retire_service(self, service_id: str, at: int, act: Act) -> bool: ...
    async def put_component(
        self, service_id: str, site: str, probe_url: str, at: int, act: Act
    ) -> None: ...
    async def remove_component(self, service_id: str, site: str, act: Act) -> bool: ...
    async def set_by_hand(
        self, service_id: str, site: str, health: Health | None, note: Texts, at: int, act: Act
    ) -> bool: ...
    async def hold_lease(self, name: str, holder: str, now: int, until: int) -> bool:
        """Take or renew it; False while another holds it."""
        ...

    async def record(self, holder: str, found: Sequence[Probed]) -> None:
        """Write what probes found, if `holder` still has the lease."""
        ...


class IncidentStore(Protocol):
    async def publish(
        self, incident_id: str, draft: IncidentDraft, author: str, at: int, act: Act
    ) -> str:
        """Make the incident with its first update and the deliveries of it; gives its id, or that
        of the one that this form made before."""
        ...

    async def add_update(
        self, incident_id: str, draft: UpdateDraft, author: str, at: int, act: Act
    ) -> bool:
        """Whether there is such an incident; a form that was sent before changes nothing."""
        ...


class SubscriberStore(Protocol):
    async def ask(self, subscriber: Subscriber, now: int, again_after: int) -> None:
        """Keep it as waiting, with a delivery of the question; nothing for one that is live, or
        that was asked after `again_after`."""
        ...

    async def confirm(self, subscriber_id: str, asked_after: int) -> Subscriber | None: ...
    async def end(self, subscriber_id: str) -> None: ...
    async def put_live(self, subscriber: Subscriber, now: int) -> None: ...
    async def sweep(self, asked_before: int, done_before: int) -> None:
        """Forget who never confirmed, and deliveries that are long done."""
        ...

    async def count(self) -> dict[str, int]:
        """Live subscribers by kind."""
        ...


class DeliveryStore(Protocol):
    async def claim(self, holder: str, now: int, until: int, limit: int) -> Sequence[Delivery]:
        """Deliveries that are due and nobody is at; they are `holder`'s until then."""
        ...

    async def finish(self, delivery_id: int, holder: str, now: int, outcome: str) -> None: ...
    async def postpone(self, delivery_id: int, holder: str, due: int) -> None: ...
    async def next_due(self) -> int | None: ...
    async def count_due(self) -> int: ...
