"""Sending events into rooms: messages, state, redactions."""

from typing import Any, Protocol

from bongsu.errors import BadJson, Forbidden, InvalidParam, Refused
from bongsu.ids import EventId, RoomAlias, RoomId, is_event_id
from bongsu.log.gateway import Log
from bongsu.log.proposal import Accepted, fresh_request_id, scoped_request_id
from bongsu.rooms.aliases import added_aliases
from bongsu.rooms.closed import ClosedRooms, check_open
from bongsu.rooms.event import EventDraft, check_fields
from bongsu.rooms.proposals import SendEvent
from bongsu.rooms.reading import Aliases, InviteRules, RoomReader
from bongsu.rooms.server_acl import check_server_acl
from bongsu.users.requester import Requester

TXN_ID_CHARACTERS_MAX = 255
AUTHORISER = "join_authorised_via_users_server"


class SentKeys(Protocol):
    """Knows what messages to devices came before an event: the room keys that open it."""

    def before(self, user_id: str, device_id: str, room_id: str) -> tuple[tuple[int, int], ...]:
        """(partition, position) of what this room's readers must have first."""
        ...

    def told(
        self, user_id: str, device_id: str, room_id: str, after: tuple[tuple[int, int], ...]
    ) -> None:
        """An event that says so is in the room; those behind it need not repeat it."""
        ...


class Sending:
    """Proposes events. The room's sequencer authorises; here is what depends on other rooms."""

    def __init__(
        self,
        log: Log,
        rooms: RoomReader,
        aliases: Aliases,
        invite_rules: InviteRules,
        server_name: str,
        sent_keys: SentKeys | None = None,
        closed: ClosedRooms | None = None,
    ) -> None:
        self._closed = closed
        self._sent_keys = sent_keys
        self._log = log
        self._rooms = rooms
        self._aliases = aliases
        self._invite_rules = invite_rules
        self._server_name = server_name

    async def send_message(
        self,
        requester: Requester,
        room_id: RoomId,
        type: str,
        txn_id: str,
        content: dict[str, Any],
        *,
        ts: int | None = None,
    ) -> EventId:
        """A message event. A repeat of `txn_id` by this device gets the first event's id."""
        _check_txn_id(txn_id)
        if type == "m.room.redaction":
            target = content.get("redacts")
            if not isinstance(target, str):
                raise BadJson("A redaction names the event it redacts")
            return await self.redact(requester, room_id, EventId(target), txn_id, content)
        check_fields(EventDraft(type, requester.user_id, content))
        where = requester.user_id, requester.device_id, room_id
        after = self._sent_keys.before(*where) if self._sent_keys else ()
        accepted = await self._log.propose(
            SendEvent(
                key=room_id,
                request_id=scoped_request_id(
                    requester.user_id, requester.device_id, "send", room_id, type, txn_id
                ),
                sender=requester.user_id,
                type=type,
                content=content,
                device_id=requester.device_id,
                txn_id=txn_id,
                after=after,
                ts=ts,
            )
        )
        if after and self._sent_keys:
            self._sent_keys.told(*where, after)
        return EventId(accepted.event_id)

    async def send_state(
        self,
        requester: Requester,
        room_id: RoomId,
        type: str,
        state_key: str,
        content: dict[str, Any],
        *,
        ts: int | None = None,
    ) -> EventId:
        """A state event; the one in force already if it says the same."""
        if type == "m.room.member":  # only this server vouches for a restricted join
            content = {key: value for key, value in content.items() if key != AUTHORISER}
        await self._check_state(requester, room_id, type, state_key, content)
        accepted = await self._propose_state(requester, room_id, type, state_key, content, ts)
        return EventId(accepted.event_id)

    async def redact(
        self,
        requester: Requester,
        room_id: RoomId,
        target: EventId,
        txn_id: str,
        content: dict[str, Any],
    ) -> EventId:
        """Redact `target`; `content` may give a reason."""
        _check_txn_id(txn_id)
        if not is_event_id(target):
            raise InvalidParam("Not a valid event ID")
        accepted = await self._log.propose(
            SendEvent(
                key=room_id,
                request_id=scoped_request_id(
                    requester.user_id, requester.device_id, "redact", room_id, target, txn_id
                ),
                sender=requester.user_id,
                type="m.room.redaction",
                content={key: value for key, value in content.items() if key != "redacts"},
                redacts=target,
                device_id=requester.device_id,
                txn_id=txn_id,
            )
        )
        return EventId(accepted.event_id)

    async def _propose_state(
        self,
        requester: Requester,
        room_id: RoomId,
        type: str,
        state_key: str,
        content: dict[str, Any],
        ts: int | None,
    ) -> Accepted:
        return await self._log.propose(
            SendEvent(
                key=room_id,
                request_id=fresh_request_id(),
                sender=requester.user_id,
                type=type,
                content=content,
                state_key=state_key,
                device_id=requester.device_id,
                ts=ts,
            )
        )

    async def _check_state(
        self,
        requester: Requester,
        room_id: RoomId,
        type: str,
        state_key: str,
        content: dict[str, Any],
    ) -> None:
        """What the rules cannot know: other rooms' aliases, invitees' wishes, shapes of ours."""
        check_fields(EventDraft(type, requester.user_id, content, state_key))
        if type == "m.room.create":
            raise Forbidden("The room has been created already")
        if type == "m.room.server_acl":
            check_server_acl(content, self._server_name)
        elif type == "m.room.canonical_alias" and state_key == "":
            await self._check_aliases(room_id, content)
        elif type == "m.room.member":
            await self._check_member(requester, room_id, state_key, content)

    async def _check_member(
        self, requester: Requester, room_id: RoomId, user: str, content: dict[str, Any]
    ) -> None:
        membership = content.get("membership")
        if membership in ("join", "invite", "knock"):
            await check_open(self._closed, room_id)
        if membership == "invite" and await self._invite_rules.blocks(user, requester.user_id):
            raise invite_blocked()

    async def _check_aliases(self, room_id: RoomId, content: dict[str, Any]) -> None:
        """Every alias newly named must lead to this very room."""
        current = await self._rooms.state_event(room_id, "m.room.canonical_alias", "")
        for alias in added_aliases(current.content if current else {}, content):
            await self._check_alias(room_id, alias)

    async def _check_alias(self, room_id: RoomId, alias: RoomAlias) -> None:
        if await self._aliases.room_of(alias) != room_id:
            raise Refused(f"{alias} does not lead to this room", code="M_BAD_ALIAS")


def invite_blocked() -> Forbidden:
    return Forbidden("This user does not accept your invitations", code="M_INVITE_BLOCKED")


def _check_txn_id(txn_id: str) -> None:
    if len(txn_id) > TXN_ID_CHARACTERS_MAX:
        raise InvalidParam(f"A transaction id has at most {TXN_ID_CHARACTERS_MAX} characters")
