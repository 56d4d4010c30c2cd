"""Who of a room may have to be told, and by which rules: two bounded caches kept up by the log."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol, cast

import msgspec
from msgspec import Struct

from bongsu.log.entry import Entry, EventFacts, Kind
from bongsu.push.evaluate import CompiledRules, compile_document
from bongsu.sync.hot_user import DECISIVE_TYPES, IGNORED_USER_LIST, INVITE_PERMISSION, PUSH_RULES

ROOMS_MAX = 20_000
MEMBERS_MAX = 500_000  # of all those rooms together
READERS_MAX = 20_000


class Members:
    """Of one room: how many are joined, and who of them has pushers (a few more do no harm)."""

    __slots__ = ("count", "with_pushers")

    def __init__(self) -> None:
        self.count = 0
        self.with_pushers: set[str] = set()


class Reader(Struct, frozen=True):
    """What decides whether somebody is notified."""

    rules: CompiledRules
    ignored: frozenset[str] = frozenset()
    blocks_invites: bool = False


class MembersReader(Protocol):
    async def load_members(self, room_ids: Sequence[str]) -> dict[str, Members]: ...

    async def load_account_data(
        self, user_ids: Sequence[str], types: Sequence[str]
    ) -> list[tuple[str, str, bytes]]:
        """(user id, type, content) of global account data."""
        ...


class Audience:
    def __init__(self, store: MembersReader) -> None:
        self._store = store
        self._rooms: OrderedDict[str, Members] = OrderedDict()
        self._readers: OrderedDict[str, Reader] = OrderedDict()
        self._changed: set[str] | None = None  # users whose data changed while some are loaded

    def get(self, room_id: str) -> Members:
        """A room that was loaded for the batch at hand."""
        return self._rooms[room_id]

    async def load_rooms(self, room_ids: Iterable[str]) -> None:
        missing = [room_id for room_id in dict.fromkeys(room_ids) if room_id not in self._rooms]
        if not missing:
            return
        members = sum(len(room.with_pushers) for room in self._rooms.values())
        if len(self._rooms) + len(missing) > ROOMS_MAX or members > MEMBERS_MAX:
            self._rooms.clear()  # rare, and the next batches fill it with what is in use
            missing = list(dict.fromkeys(room_ids))
        self._rooms.update(await self._store.load_members(missing))

    async def readers(self, user_ids: Collection[str]) -> dict[str, Reader]:
        missing = [user_id for user_id in user_ids if user_id not in self._readers]
        loaded: dict[str, Reader] = {}
        if missing:
            self._changed = set()
            found: dict[str, dict[str, bytes]] = {}
            rows = await self._store.load_account_data(missing, DECISIVE_TYPES)
            for user_id, type, content in rows:
                found.setdefault(user_id, {})[type] = content
            loaded = {user_id: _reader(user_id, found.get(user_id, {})) for user_id in missing}
            current = {u: reader for u, reader in loaded.items() if u not in self._changed}
            self._readers.update(current)
        readers = {u: loaded.get(u) or self._readers[u] for u in user_ids}
        while len(self._readers) > READERS_MAX:
            self._readers.popitem(last=False)
        return readers

    def member_changed(self, room_id: str, facts: EventFacts) -> None:
        """A member event of the batch at hand."""
        members = self._rooms.get(room_id)
        if members is None or facts.membership == facts.membership_before:
            return
        if facts.membership == "join":
            members.count += 1
            members.with_pushers.add(facts.state_key or "")  # until it proves wrong
        elif facts.membership_before == "join":
            members.count -= 1
            members.with_pushers.discard(facts.state_key or "")

    def has_none(self, room_id: str, user_ids: Iterable[str]) -> None:
        """These members turned out to have no pushers."""
        self._rooms[room_id].with_pushers.difference_update(user_ids)

    def may_have_some(self, user_id: str, room_ids: Iterable[str]) -> None:
        """Somebody in these rooms set a pusher."""
        for room_id in room_ids:
            if (members := self._rooms.get(room_id)) is not None:
                members.with_pushers.add(user_id)

    def on_account_data(self, entry: Entry) -> None:
        assert entry.kind == Kind.ACCOUNT_DATA
        self._readers.pop(entry.key, None)
        if self._changed is not None:
            self._changed.add(entry.key)

    def clear(self) -> None:
        self._rooms.clear()
        self._readers.clear()


def _reader(user_id: str, data: dict[str, bytes]) -> Reader:
    ignored = _object(data.get(IGNORED_USER_LIST)).get("ignored_users")
    names = cast(dict[str, Any], ignored) if isinstance(ignored, dict) else {}
    return Reader(
        rules=compile_document(data.get(PUSH_RULES), user_id),
        ignored=frozenset(names) - {user_id},
        blocks_invites=_object(data.get(INVITE_PERMISSION)).get("default_action") == "block",
    )


def _object(content: bytes | None) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content or b"{}", type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
