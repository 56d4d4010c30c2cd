"""Machine events: what happened, said by a machine that was there.

A sender (a health check, a witness, a drill) has a name and a token. It gives each event an id of
its own; sending it again changes nothing, and sending something else under the same id is refused.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from bongsu.desk.audit import Act
from bongsu.desk.investigation.items import TS_MAX, UNCERTAINTY_MS_MAX
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, Refused, UnknownToken
from bongsu.users.tokens import Clock, hash_token, new_token, now_ms

TOKEN_PREFIX = "bge_"
TOKEN_CHARS_MAX = 100
EVENTS_AT_ONCE_MAX = 1_000
FUTURE_MS_MAX = 24 * 3600 * 1000
ID_CHARS_MAX = 100
NAME_CHARS_MAX = 60
WHAT_CHARS_MAX = 500
DETAILS_MAX = 20


class MachineEvent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`at`: ms since 1970; ± `uncertainty_ms`. `kind` says what sort of thing, such as failover."""

    id: str
    at: int
    what: str
    kind: str = ""
    site: str = ""
    part: str = ""
    uncertainty_ms: int = 0
    detail: dict[str, str] = {}

    @property
    def digest(self) -> bytes:
        """To know another event under the same id."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).digest()


class Received(NamedTuple):
    """A machine event as it is kept."""

    sender: str
    received_ts: int
    event: MachineEvent

    @property
    def key(self) -> str:
        return f"{self.sender}/{self.event.id}"


class Taken(Struct, frozen=True):
    """How many events were new, and how many were known already."""

    new: int
    known: int


class Sender(NamedTuple):
    sender: str
    made_ts: int
    made_by: str
    revoked_ts: int | None


class MachineEventStore(Protocol):
    async def add(self, sender: str, events: Sequence[MachineEvent], now: int) -> list[str]:
        """Store in one transaction those that are not there; gives the ids of those that were
        there with another digest, and stores nothing if there are any."""
        ...

    async def count(self, sender: str, event_ids: Sequence[str]) -> int: ...
    async def list_between(self, began: int, ended: int, limit: int) -> list[Received]: ...
    async def find_sender(self, token_hash: bytes) -> str | None: ...
    async def put_sender(self, sender: str, token_hash: bytes, now: int, act: Act) -> None: ...
    async def revoke_sender(self, sender: str, now: int, act: Act) -> bool: ...
    async def list_senders(self) -> list[Sender]: ...


class MachineEvents:
    def __init__(self, store: MachineEventStore, clock: Clock = now_ms) -> None:
        self._store = store
        self._clock = clock

    async def who(self, token: str) -> str:
        """The sender with this token; `UnknownToken`."""
        if not token.startswith(TOKEN_PREFIX) or len(token) > TOKEN_CHARS_MAX:
            raise UnknownToken("This is no token of a sender of machine events")
        sender = await self._store.find_sender(hash_token(token))
        if sender is None:
            raise UnknownToken("This token is not known, or not any more")
        return sender

    async def take(self, sender: str, events: Sequence[MachineEvent]) -> Taken:
        """All of `events` or none of them. The same call later does no harm."""
        now = self._clock()
        _check(events, now)
        unique = {event.id: event for event in events}
        if any(unique[event.id].digest != event.digest for event in events):
            raise _conflict([event.id for event in events if unique[event.id] is not event])
        before = await self._store.count(sender, list(unique))
        if others := await self._store.add(sender, list(unique.values()), now):
            raise _conflict(others)
        return Taken(len(unique) - before, before)

    async def take_many(self, sender: str, events: Sequence[MachineEvent]) -> Taken:
        """Any number of events, so many at once as `take` takes: cut off in the middle, the same
        call completes it."""
        taken = Taken(0, 0)
        for start in range(0, len(events), EVENTS_AT_ONCE_MAX):
            part = await self.take(sender, events[start : start + EVENTS_AT_ONCE_MAX])
            taken = Taken(taken.new + part.new, taken.known + part.known)
        return taken

    async def add_sender(self, actor: str, sender: str) -> str:
        """A new token for a sender, which is shown once; an older one of the same name ends."""
        if not (0 < len(sender) <= NAME_CHARS_MAX and sender.isprintable() and "/" not in sender):
            raise InvalidParam(
                Sentence(
                    "A sender's name has from 1 to {count} characters, no /", count=NAME_CHARS_MAX
                )
            )
        token = new_token(TOKEN_PREFIX)
        act = Act(actor, "investigation.add_sender", sender)
        await self._store.put_sender(sender, hash_token(token), self._clock(), act)
        return token

    async def revoke_sender(self, actor: str, sender: str) -> bool:
        act = Act(actor, "investigation.revoke_sender", sender)
        return await self._store.revoke_sender(sender, self._clock(), act)

    async def list_senders(self) -> list[Sender]:
        return await self._store.list_senders()

    async def list_between(self, began: int, ended: int, limit: int) -> list[Received]:
        """In the order of their times."""
        return await self._store.list_between(began, ended, limit)


def _check(events: Sequence[MachineEvent], now: int) -> None:
    if len(events) > EVENTS_AT_ONCE_MAX:
        raise InvalidParam(f"At most {EVENTS_AT_ONCE_MAX} events at once")
    for event in events:
        if reason := _fault(event, now):
            raise InvalidParam(f"Event {event.id[:ID_CHARS_MAX]!r}: {reason}")


def _fault(event: MachineEvent, now: int) -> str | None:
    if not 0 < len(event.id) <= ID_CHARS_MAX or not event.id.isprintable():
        return f"its id has from 1 to {ID_CHARS_MAX} printable characters"
    if not 0 <= event.at <= min(TS_MAX, now + FUTURE_MS_MAX):
        return "its time is out of range, or in the future"
    if not 0 <= event.uncertainty_ms <= UNCERTAINTY_MS_MAX:
        return "its uncertainty is out of range"
    if not 0 < len(event.what) <= WHAT_CHARS_MAX:
        return f"what happened has from 1 to {WHAT_CHARS_MAX} characters"
    if max(map(len, (event.kind, event.site, event.part))) > NAME_CHARS_MAX:
        return f"kind, site and part have {NAME_CHARS_MAX} characters at most"
    if len(event.detail) > DETAILS_MAX or _longest(event.detail.items()) > WHAT_CHARS_MAX:
        return f"its detail has {DETAILS_MAX} entries of {WHAT_CHARS_MAX} characters at most"
    texts = [event.id, event.what, event.kind, event.site, event.part]
    if any("\x00" in text for text in [*texts, *event.detail, *event.detail.values()]):
        return "it holds a NUL character"
    return None


def _longest(pairs: Iterable[tuple[str, str]]) -> int:
    return max((max(len(name), len(value)) for name, value in pairs), default=0)


def _conflict(event_ids: Sequence[str]) -> Refused:
    names = ", ".join(sorted(set(event_ids))[:10])
    return Refused(
        f"Known already, with another content: {names}. Nothing was taken",
        code="DESK_EVENT_CONFLICT",
        status=409,
    )
