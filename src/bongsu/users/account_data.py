"""Account data: what a client keeps with its account, global or for a room, shown by /sync."""

from typing import Any, Protocol, cast

import msgspec

from bongsu.errors import BadJson, InvalidParam, NotFound, Refused
from bongsu.ids import RoomId, UserId
from bongsu.log.gateway import Log
from bongsu.log.proposal import fresh_request_id
from bongsu.users.proposals import PutAccountData

TYPE_BYTES_MAX = 255
CONTENT_BYTES_MAX = 256 * 1024
PUSH_RULE_CHANGES = "org.bongsu.push_rule_changes"

# Set by the server alone, through endpoints of their own.
SERVER_TYPES = frozenset({"m.push_rules", "m.fully_read", PUSH_RULE_CHANGES})


class AccountDataStore(Protocol):
    async def account_data(
        self, user_id: str, room_id: str | None, type: str, *, confirmed: bool = False
    ) -> tuple[int, bytes] | None: ...


class AccountDataService:
    """Reads from the store, writes through the log."""

    def __init__(self, log: Log, store: AccountDataStore) -> None:
        self._log = log
        self._store = store

    async def get(self, user_id: UserId, room_id: RoomId | None, type: str) -> msgspec.Raw:
        """JSON of the content; `NotFound` if it was never set."""
        found = await self._store.account_data(user_id, room_id, type)
        if found is None:
            raise NotFound("No such account data")
        return msgspec.Raw(found[1])

    async def put(
        self, user_id: UserId, room_id: RoomId | None, type: str, content: dict[str, Any]
    ) -> None:
        """Set account data that is the client's to set."""
        if type in SERVER_TYPES:
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
        if "\x00" in type or len(type.encode("utf-8", "replace")) > TYPE_BYTES_MAX:
            raise InvalidParam("The type is too long or holds a NUL")
        if len(content) > CONTENT_BYTES_MAX:
            raise BadJson("The content is too large")
        await self._log.propose(
            PutAccountData(
                key=user_id,
                request_id=fresh_request_id(),
                type=type,
                content=msgspec.Raw(content),
                room_id=room_id,
                expected=expected,
            )
        )


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
        config = msgspec.json.decode(found[1])
        return isinstance(config, dict) and cast(Any, config).get("default_action") == "block"
