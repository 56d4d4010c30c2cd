"""Deleting a room: its members are put out, its aliases go, and what was said in it is erased.

An intent sees it carried out, by whichever server: every step may be repeated. Members leave
through the log, each in their own name, so that every client sees it as it sees any leave.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal, Protocol

import msgspec
import structlog

from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.ids import DeviceId, RoomId, UserId
from bongsu.log.gateway import Log
from bongsu.log.intents import Intent, Intents
from bongsu.log.proposal import fresh_request_id
from bongsu.rooms.creation import RoomCreator
from bongsu.rooms.presets import RoomCreation
from bongsu.rooms.proposals import SendEvent
from bongsu.rooms.reading import Aliases, Member, PublicRooms, RoomReader
from bongsu.users.proposals import ForgetRoom
from bongsu.users.requester import Requester

log = structlog.get_logger()

DELETE_ID_BYTES = 16
DELETION = "room_deletion"  # the kind of intent
WAIT_SECONDS = 0.2  # between two looks whether a deletion is over
ROUNDS_MAX = 20  # somebody may join while the others are put out
AT_ONCE = 16  # members put out at a time: a crowd must not hold up who talks elsewhere
PAUSE_SECONDS = 0.02  # between two such groups, and between two pages that are erased
ERASED_AT_ONCE_MAX = 500
TEXT_CHARS_MAX = 4096

MESSAGE_DEFAULT = (
    "Sharing illegal content on this server is not permitted and rooms in violation will be "
    "blocked."
)
ROOM_NAME_DEFAULT = "Content Violation Notification"

_INSIDE = frozenset({"join", "invite", "knock"})
Status = Literal["scheduled", "active", "complete", "failed"]


class DeleteOptions(msgspec.Struct, frozen=True):
    """What is asked for. With `new_room_user_id` all members find themselves in a new room."""

    new_room_user_id: str | None = None
    room_name: str | None = None
    message: str | None = None
    block: bool = False
    purge: bool = True
    force_purge: bool = False


class Shutdown(msgspec.Struct):
    """What has been done so far."""

    kicked_users: list[str] = []
    failed_to_kick_users: list[str] = []
    local_aliases: list[str] = []
    new_room_id: str | None = None


class Deletion(msgspec.Struct):
    """A row. Times in ms."""

    room_id: str
    delete_id: str
    created_ts: int
    options: DeleteOptions
    status: Status = "scheduled"
    error: str | None = None
    shutdown: Shutdown = msgspec.field(default_factory=Shutdown)

    @property
    def is_over(self) -> bool:
        return self.status in ("complete", "failed")


class DeletionStore(Protocol):
    async def add(self, deletion: Deletion, blocked_by: str | None) -> bool:
        """Add it, and block the room; False if another deletion of the room is not over."""
        ...

    async def save(self, deletion: Deletion) -> None: ...

    async def get(self, delete_id: str) -> Deletion | None: ...

    async def list_of(self, room_id: str) -> Sequence[Deletion]: ...

    async def list_memberships(self, room_id: str) -> Sequence[Member]:
        """The latest membership of everybody who ever had one."""
        ...

    async def erase(self, room_id: str, after: int, limit: int) -> int | None:
        """Cut a page of events down to their husks: its last position, None after the last."""
        ...

    async def mark_purged(self, room_id: str, now: int) -> None: ...


class ListedAliases(Aliases, Protocol):
    async def list_of(self, room_id: str) -> list[str]: ...


class RoomDeletions:
    def __init__(
        self,
        store: DeletionStore,
        log: Log,
        intents: Intents,
        rooms: RoomReader,
        creator: RoomCreator,
        aliases: ListedAliases,
        public_rooms: PublicRooms,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._log = log
        self._intents = intents
        intents.register(DELETION, self.carry_out)
        self._rooms = rooms
        self._creator = creator
        self._aliases = aliases
        self._public_rooms = public_rooms
        self._now_ms = now_ms

    async def schedule(self, admin: UserId, room_id: RoomId, options: DeleteOptions) -> str:
        """Have a room deleted in the background; the id by which its status is asked for."""
        if await self._rooms.room(room_id) is None:
            raise NotFound("Room not found")
        for text in (options.message, options.room_name):
            if text is not None and (len(text) > TEXT_CHARS_MAX or "\x00" in text):
                raise InvalidParam("A text is too long or holds a NUL")
        delete_id = secrets.token_urlsafe(DELETE_ID_BYTES)
        deletion = Deletion(room_id, delete_id, self._now_ms(), options)
        async with self._intents.followed_by(DELETION, room_id):
            if not await self._store.add(deletion, admin if options.block else None):
                raise InvalidParam(f"Purge already in progress for {room_id}", code="M_UNKNOWN")
        return delete_id

    async def delete(self, admin: UserId, room_id: RoomId, options: DeleteOptions) -> Shutdown:
        """Have a room deleted and wait until it is."""
        delete_id = await self.schedule(admin, room_id, options)
        while not (deletion := await self.get(delete_id)).is_over:
            await asyncio.sleep(WAIT_SECONDS)
        if deletion.status == "failed":
            raise Refused(deletion.error or "The room was not deleted")
        return deletion.shutdown

    async def get(self, delete_id: str) -> Deletion:
        deletion = await self._store.get(delete_id)
        if deletion is None:
            raise NotFound("delete id not found")
        return deletion

    async def list_of(self, room_id: RoomId) -> Sequence[Deletion]:
        found = await self._store.list_of(room_id)
        if not found:
            raise NotFound("No delete task for this room found")
        return found

    async def carry_out(self, intent: Intent) -> None:
        """Bring what is asked for a room to its end. What is unavailable is tried again."""
        for deletion in await self._store.list_of(intent.key):
            if not deletion.is_over:
                await self._run(deletion)

    async def _run(self, deletion: Deletion) -> None:
        deletion.status = "active"
        try:
            await self._shut_down(deletion)
            if deletion.options.purge:
                await self._purge(deletion)
            deletion.status = "complete"
        except Refused as refused:
            deletion.status, deletion.error = "failed", refused.message
            log.warning("room not deleted", room_id=deletion.room_id, reason=refused.message)
        await self._store.save(deletion)

    # -- the room is left --------------------------------------------------------------------

    async def _shut_down(self, deletion: Deletion) -> None:
        done, room_id = deletion.shutdown, deletion.room_id
        if deletion.options.new_room_user_id and done.new_room_id is None:
            done.new_room_id = await self._make_new_room(deletion.options)
            await self._store.save(deletion)
        for _ in range(ROUNDS_MAX):
            if not await self._put_out(deletion):
                break
        found = await self._aliases.list_of(room_id)
        done.local_aliases = sorted({*done.local_aliases, *found})
        await self._store.save(deletion)
        if done.new_room_id is not None:
            await self._aliases.move(room_id, done.new_room_id)
        else:
            for alias in found:
                await self._aliases.delete(alias)
        await self._public_rooms.publish(room_id, False)

    async def _put_out(self, deletion: Deletion) -> bool:
        """One round over all who are inside; whether there was anybody to put out."""
        failed = set(deletion.shutdown.failed_to_kick_users)
        members = await self._store.list_memberships(deletion.room_id)
        inside = [m for m in members if m.membership in _INSIDE and m.user_id not in failed]
        for start in range(0, len(inside), AT_ONCE):
            group = inside[start : start + AT_ONCE]
            await _all([self._put_one_out(deletion, member) for member in group])
            await self._store.save(deletion)
            await asyncio.sleep(PAUSE_SECONDS)
        return bool(inside)

    async def _put_one_out(self, deletion: Deletion, member: Member) -> None:
        done = deletion.shutdown
        try:
            await self._set_membership(deletion.room_id, member.user_id, "leave")
            if member.membership == "join" and done.new_room_id is not None:
                await self._set_membership(done.new_room_id, member.user_id, "join")
        except Refused as refused:
            log.info("not put out", user_id=member.user_id, reason=refused.message)
            done.failed_to_kick_users.append(member.user_id)
            return
        if member.user_id not in done.kicked_users:
            done.kicked_users.append(member.user_id)

    async def _set_membership(self, room_id: str, user_id: str, membership: str) -> None:
        current = await self._rooms.member(room_id, user_id)
        if current is not None and current.membership == membership:
            return
        await self._log.propose(
            SendEvent(
                key=room_id,
                request_id=fresh_request_id(),
                sender=user_id,
                type="m.room.member",
                content={"membership": membership},
                state_key=user_id,
            )
        )

    async def _make_new_room(self, options: DeleteOptions) -> str:
        """A room where only its creator may speak, with the message in it."""
        owner = UserId(options.new_room_user_id or "")
        creation = RoomCreation(
            preset="public_chat",
            name=options.room_name or ROOM_NAME_DEFAULT,
            power_level_content_override={"users_default": -10},
        )
        room_id = await self._creator.create(Requester(owner, DeviceId(""), b""), creation)
        body = options.message or MESSAGE_DEFAULT
        await self._log.propose(
            SendEvent(
                key=room_id,
                request_id=fresh_request_id(),
                sender=owner,
                type="m.room.message",
                content={"msgtype": "m.text", "body": body},
            )
        )
        return room_id

    # -- and erased --------------------------------------------------------------------------

    async def _purge(self, deletion: Deletion) -> None:
        """Whoever was in the room forgets it; then its content goes.

        The husks of its events keep their places, for the log's positions are dense.
        """
        room_id = deletion.room_id
        members = await self._store.list_memberships(room_id)
        if any(m.membership == "join" for m in members) and not deletion.options.force_purge:
            raise Refused("Users are still joined to this room")
        await self._store.mark_purged(room_id, self._now_ms())
        for start in range(0, len(members), AT_ONCE):
            group = members[start : start + AT_ONCE]
            await _all([self._forget(room_id, member) for member in group])
            await asyncio.sleep(PAUSE_SECONDS)
        position: int | None = 0
        while position is not None:
            position = await self._store.erase(room_id, position, ERASED_AT_ONCE_MAX)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _forget(self, room_id: str, member: Member) -> None:
        await self._log.propose(
            ForgetRoom(
                key=member.user_id,
                request_id=fresh_request_id(),
                room_id=room_id,
                leave_position=member.position,
            )
        )


async def _all(steps: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Take steps beside each other; the first that is unavailable ends them."""
    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(step)
