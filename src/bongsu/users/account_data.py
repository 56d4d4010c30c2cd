"""Account data: what a client keeps with its account, global or for a room, shown by /sync."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast
from weakref import WeakValueDictionary

import msgspec

from bongsu.errors import BadJson, InvalidParam, NotFound, Refused, Unavailable
from bongsu.ids import RoomId, UserId
from bongsu.log.gateway import Log
from bongsu.log.proposal import fresh_request_id
from bongsu.push.ruleset import account_data_content
from bongsu.users.proposals import PutAccountData

TYPE_BYTES_MAX = 255
CONTENT_BYTES_MAX = 256 * 1024
UPDATE_ATTEMPTS_MAX = 32
TURN_SECONDS_MAX = 20.0  # that an update waits for those of the same user before it
CHANGED_MEANWHILE = 409  # status of the refusal of an `expected` that no longer holds
PUSH_RULES = "m.push_rules"
PUSH_RULE_CHANGES = "org.bongsu.push_rule_changes"

# Before the root of a thread: its subscription, see `rooms.thread_subscriptions`. Never shown.
THREAD_SUBSCRIPTION = "org.bongsu.thread_subscription."

# Set by the server alone, through endpoints of their own.
SERVER_TYPES = frozenset({PUSH_RULES, "m.fully_read", PUSH_RULE_CHANGES})

Content = dict[str, Any]


class AccountDataStore(Protocol):
    async def account_data(
        self, user_id: str, room_id: str | None, type: str, *, confirmed: bool = False
    ) -> tuple[int, bytes] | None: ...


class AccountDataService:
    """Reads from the store, writes through the log."""

    def __init__(self, log: Log, store: AccountDataStore) -> None:
        self._log = log
        self._store = store
        self._turns: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    async def get(self, user_id: UserId, room_id: RoomId | None, type: str) -> msgspec.Raw:
        """JSON of the content; `NotFound` if it was never set."""
        _check_type(type)
        found = await self._store.account_data(user_id, room_id, type)
        if type == PUSH_RULES and room_id is None:  # stored is only what differs from the defaults
            document = found[1] if found else None
            return msgspec.Raw(msgspec.json.encode(account_data_content(document, user_id)))
        if found is None:
            raise NotFound("No such account data")
        return msgspec.Raw(found[1])

    async def put(
        self, user_id: UserId, room_id: RoomId | None, type: str, content: dict[str, Any]
    ) -> None:
        """Set account data that is the client's to set."""
        if type in SERVER_TYPES or type.startswith(THREAD_SUBSCRIPTION):
            raise Refused(f"{type} is set by its own endpoint", code="M_BAD_JSON", status=405)
        await self.put_any(user_id, room_id, type, msgspec.json.encode(content))

    async def put_any(
        self,
        user_id: UserId,
        room_id: RoomId | None,
        type: str,
        content: bytes,
        *,
        expected: int | None = None,
    ) -> None:
        """Set account data of any type; `expected`: only over the change at that position."""
        _check_type(type)
        if len(content) > CONTENT_BYTES_MAX:
            raise BadJson("The content is too large")
        await self._log.propose(
            PutAccountData(
                key=user_id,
                request_id=fresh_request_id(),
                type=type,
                content=content,
                room_id=room_id,
                expected=expected,
            )
        )

    async def update(
        self,
        user_id: UserId,
        room_id: RoomId | None,
        type: str,
        change: Callable[[Content], Awaitable[Content | None]],
    ) -> None:
        """Replace the content by what `change` makes of it ({} if there is none), and of nothing
        that another request put there meanwhile. None: leave it. `Unavailable` if others change
        the same thing all the time.

        A user's updates take turns in this process; `expected` is for those of other processes.
        """
        turn = self._turns.setdefault(user_id, asyncio.Lock())
        try:
            async with asyncio.timeout(TURN_SECONDS_MAX):
                await turn.acquire()
        except TimeoutError:
            raise Unavailable("Others change the same account data") from None
        try:
            await self._update(user_id, room_id, type, change)
        finally:
            turn.release()

    async def _update(
        self,
        user_id: UserId,
        room_id: RoomId | None,
        type: str,
        change: Callable[[Content], Awaitable[Content | None]],
    ) -> None:
        for _ in range(UPDATE_ATTEMPTS_MAX):
            found = await self._store.account_data(user_id, room_id, type, confirmed=True)
            position, content = found or (0, b"{}")
            changed = await change(_object(content))
            if changed is None:
                return
            encoded = msgspec.json.encode(changed)
            try:
                await self.put_any(user_id, room_id, type, encoded, expected=position)
                return
            except Refused as refused:
                if refused.status != CHANGED_MEANWHILE:
                    raise
        raise Unavailable("Others change the same account data")


class InviteRules:
    """Whose invitations somebody lets through. Implements `rooms.reading.InviteRules`."""

    def __init__(self, store: AccountDataStore) -> None:
        self._store = store

    async def blocks(self, user_id: str, sender: str) -> bool:
        """Whether `m.invite_permission_config` of `user_id` blocks all invitations (v1.18)."""
        if user_id == sender:
            return False
        found = await self._store.account_data(user_id, None, "m.invite_permission_config")
        if found is None:
            return False
        return _object(found[1]).get("default_action") == "block"


def _check_type(type: str) -> None:
    if "\x00" in type or len(type.encode("utf-8", "replace")) > TYPE_BYTES_MAX:
        raise InvalidParam("The type is too long or holds a NUL")


def _object(content: bytes) -> Content:
    value = msgspec.json.decode(content)
    return cast(Content, value) if isinstance(value, dict) else {}
