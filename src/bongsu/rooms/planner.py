"""What a room's sequencer does with a proposal: authorise it from memory and give it a place."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.ids import EventId, RoomId, UserId
from bongsu.log.batch import Batch, ReceiptRow
from bongsu.log.entry import Kind, LoggedEvent, Receipt, encode_body
from bongsu.log.position import PARTITIONS, partition_of
from bongsu.log.proposal import Accepted
from bongsu.rooms import appending, needs, redacting, relations
from bongsu.rooms.auth_rules import authorise, authorise_create
from bongsu.rooms.event import Event, EventDraft, build_event
from bongsu.rooms.hot_room import HotRoom, ReceiptKey
from bongsu.rooms.needs import MAIN_TIMELINE
from bongsu.rooms.proposals import CreateRoom, MarkRead, RoomProposal, SendEvent
from bongsu.rooms.room_auth import AuthState
from bongsu.rooms.room_version import RoomVersion, room_version

HOT_ROOMS_MAX = 5_000
UNUSED_IDS_MAX = 10_000
HOT_EVENTS_MAX = 100_000  # remembered in all rooms together, some KB each
MEMBERS_MAX = 20_000  # kept of one room: beyond it the room is read afresh


class RoomLoader(Protocol):
    """Reads rooms at the primary: what it returns is durable and complete for an owner."""

    async def room(self, room_id: str) -> HotRoom | None:
        """The room without its members, or None if there is no such room."""
        ...

    async def members(
        self, version: RoomVersion, room_id: str, users: Sequence[str]
    ) -> list[Event]:
        """The member events of those of `users` who have one."""
        ...

    async def event(self, room_id: str, event_id: str) -> LoggedEvent | None: ...

    async def receipt(self, room_id: str, key: ReceiptKey) -> Receipt | None: ...

    async def has_annotation(self, room_id: str, parent: str, key: str, sender: str) -> bool: ...


class RoomPlanner:
    """Keeps the hot rooms of one sequencer. Implements `log.pending.Planner`.

    `now_ms` is the clock that stamps events, in milliseconds since the epoch.
    """

    def __init__(self, loader: RoomLoader, now_ms: Callable[[], int]) -> None:
        self._loader = loader
        self._now_ms = now_ms
        self._rooms: OrderedDict[str, HotRoom] = OrderedDict()  # the longest untouched first
        self._touched: dict[str, HotRoom] = {}  # by the batch that is being planned
        self._unused: set[str] = set()  # ids that were found to be free for a room to come
        self._loading: dict[str, asyncio.Task[HotRoom | None]] = {}
        self._weights: dict[str, int] = {}  # events remembered, by room
        self._weight = 0
        # Of each partition's memory: what was loaded under an older one is not kept.
        self._generations = [0] * PARTITIONS

    # -- memory ------------------------------------------------------------------------------

    def is_ready(self, proposal: RoomProposal) -> bool:
        if isinstance(proposal, CreateRoom):
            return proposal.key in self._unused or proposal.key in self._rooms
        room = self._rooms.get(proposal.key)
        return room is not None and needs.is_ready(room, proposal)

    async def load(self, proposal: RoomProposal) -> None:
        if isinstance(proposal, CreateRoom):
            await self._look_for(proposal.key)
            return
        room = self._rooms.get(proposal.key) or await self._load_room(proposal.key)
        if room is not None:
            await needs.load(room, proposal, self._loader)

    async def _look_for(self, room_id: str) -> None:
        """See whether the id of a room to come is free; the room that has it is loaded."""
        partition = partition_of(room_id)
        generation = self._generations[partition]
        try:
            await self._load_room(room_id)
        except NotFound:
            if generation == self._generations[partition]:
                if len(self._unused) >= UNUSED_IDS_MAX:
                    self._unused.clear()  # of rooms that nobody waits for any more
                self._unused.add(room_id)

    async def _load_room(self, room_id: str) -> HotRoom | None:
        """The room, read once however many wait for it; None if it is to be read again.

        No batch writes to a room that is not in memory, so the several queries agree.
        """
        partition = partition_of(room_id)
        generation = self._generations[partition]
        loading = self._loading.get(room_id)
        if loading is None:
            loading = asyncio.get_running_loop().create_task(self._loader.room(room_id))
            self._loading[room_id] = loading
            loading.add_done_callback(partial(self._loaded, room_id))
        room = await asyncio.shield(loading)
        if room is None:
            raise NotFound("Unknown room")
        if generation != self._generations[partition]:
            return None
        return self._rooms.setdefault(room_id, room)

    def _loaded(self, room_id: str, loading: "asyncio.Task[HotRoom | None]") -> None:
        if self._loading.get(room_id) is loading:
            del self._loading[room_id]
        if not loading.cancelled():
            loading.exception()  # asked for here: who waited for it may be gone

    def settle(self) -> None:
        for room_id, room in self._touched.items():
            room.trim()
            if len(room.loaded_members) > MEMBERS_MAX:
                self._drop(room_id)
                continue
            self._weight += len(room.recent) - self._weights.get(room_id, 0)
            self._weights[room_id] = len(room.recent)
            self._rooms.move_to_end(room_id)
        self._touched.clear()
        while len(self._rooms) > HOT_ROOMS_MAX or (
            self._weight > HOT_EVENTS_MAX and len(self._rooms) > 1
        ):
            self._drop(next(iter(self._rooms)))

    def forget(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._generations[partition] += 1
        self._loading.clear()
        self._unused.clear()
        self._touched.clear()
        for room_id in [r for r, room in self._rooms.items() if room.partition in partitions]:
            self._drop(room_id)

    def undo(self, key: str) -> None:
        self._touched.pop(key, None)
        if key in self._rooms:
            self._drop(key)

    def _drop(self, room_id: str) -> None:
        """Out of memory, and with it what is still being read: it may be older than a batch."""
        self._generations[partition_of(room_id)] += 1
        self._loading.pop(room_id, None)
        del self._rooms[room_id]
        self._weight -= self._weights.pop(room_id, 0)

    # -- planning ----------------------------------------------------------------------------

    def plan(self, proposal: RoomProposal, batch: Batch) -> Accepted:
        if isinstance(proposal, SendEvent):
            return self._send(proposal, batch)
        if isinstance(proposal, MarkRead):
            return self._mark_read(proposal, batch)
        return self._create(proposal, batch)

    def _send(self, proposal: SendEvent, batch: Batch) -> Accepted:
        room = self._rooms[proposal.key]
        draft = EventDraft(
            proposal.type,
            UserId(proposal.sender),
            proposal.content,
            proposal.state_key,
            EventId(proposal.redacts) if proposal.redacts else None,
        )
        authorise(draft, room.auth)
        relations.check_relation(room, draft)
        unchanged = appending.unchanged_state(room, draft)
        if unchanged is not None:
            return Accepted(room.partition, 0, room.room_id, unchanged)
        now_ms = self._now_ms() if proposal.ts is None else proposal.ts
        event = appending.build(room, draft, now_ms)
        self._touched[room.room_id] = room
        redacted = redacting.redaction_target(room, draft, event)
        logged = appending.append(
            room,
            event,
            batch,
            proposal.request_id,
            proposal.device_id,
            proposal.txn_id,
            proposal.after,
        )
        if redacted is not None:
            redacting.rewrite(room, redacted, event, batch)
        return Accepted(room.partition, logged.position, room.room_id, event.event_id)

    def _create(self, proposal: CreateRoom, batch: Batch) -> Accepted:
        """All events of a new room, or `Refused` and no trace of it."""
        if proposal.key in self._rooms:
            raise Refused("The room exists already", code="M_ROOM_IN_USE")
        version = room_version(proposal.version)
        partition = partition_of(proposal.key)
        events = self._first_events(version, proposal, partition)
        room = HotRoom(AuthState(version, events[0]), partition)
        room.created_position = batch.next_position(partition)
        position = 0
        for event in events:
            request_id = proposal.request_id if event is events[-1] else None
            position = appending.append(room, event, batch, request_id).position
        self._unused.discard(room.room_id)
        self._rooms[room.room_id] = self._touched[room.room_id] = room
        return Accepted(partition, position, room.room_id, events[-1].event_id)

    def _first_events(
        self, version: RoomVersion, proposal: CreateRoom, partition: int
    ) -> list[Event]:
        """Authorise the whole list on a room of its own before anything is appended."""
        first, *rest = proposal.events
        creator = UserId(proposal.creator)
        named_room = None if version.room_id_is_create_hash else RoomId(proposal.key)
        draft = EventDraft(first.type, creator, first.content, first.state_key)
        authorise_create(version, draft, named_room)
        create = build_event(
            version,
            draft,
            room_id=named_room,
            origin_server_ts=proposal.created_at,
            depth=1,
            prev_events=(),
            auth_events=(),
        )
        if create.room_id != proposal.key:
            raise Refused("The room ID is not that of its create event")
        room = HotRoom(AuthState(version, create), partition)
        room.last_event_id, room.depth = create.event_id, 1
        events = [create]
        for initial in rest:
            draft = EventDraft(initial.type, creator, initial.content, initial.state_key)
            authorise(draft, room.auth)
            event = appending.build(room, draft, max(self._now_ms(), proposal.created_at))
            room.apply(event)
            events.append(event)
        return events

    def _mark_read(self, proposal: MarkRead, batch: Batch) -> Accepted:
        room = self._touched[proposal.key] = self._rooms[proposal.key]
        if room.auth.membership(UserId(proposal.user_id)) != "join":
            raise Refused("You are not in the room", code="M_FORBIDDEN", status=403)
        target = room.recent.get(proposal.event_id)
        if target is None:
            raise NotFound("Unknown event")
        if not _is_about(target, proposal.thread_id):
            raise InvalidParam("The event is not related to the thread of thread_id")
        key = (proposal.user_id, proposal.receipt_type, proposal.thread_id)
        current = room.receipts.get(key)
        if current is not None and current.event_position >= target.position:
            return Accepted(room.partition, 0, room.room_id)
        receipt = Receipt(
            proposal.user_id,
            proposal.receipt_type,
            proposal.event_id,
            proposal.thread_id,
            proposal.ts,
            target.position,
            target.facts.notify_total,
            target.facts.main_total,
        )
        body = encode_body(receipt)
        entry = batch.append(
            Kind.RECEIPT,
            room.room_id,
            body,
            request_id=proposal.request_id,
            partition=room.partition,
        )
        room.receipts[key] = receipt
        row = ReceiptRow(
            room.room_id,
            proposal.user_id,
            proposal.receipt_type,
            proposal.thread_id or "",
            entry.position,
            target.position,
            body,
        )
        batch.add(row[:4], row)
        return Accepted(room.partition, entry.position, room.room_id)


def _is_about(event: LoggedEvent, thread_id: str | None) -> bool:
    """Whether a receipt at `event` may be of that thread: of one it belongs or relates to."""
    if thread_id is None or thread_id == MAIN_TIMELINE:
        return True
    relation = event.facts.relation
    parent = relation.event_id if relation else None
    return thread_id in (event.event_id, event.facts.thread, parent)
