"""Reads the log on from a vector and gathers what one application service is to be told of it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from bongsu.appservices.asking import Asking
from bongsu.appservices.draft import Draft
from bongsu.appservices.interest import Interest
from bongsu.appservices.namespaces import Service
from bongsu.keys.inbox import KeyCounts
from bongsu.log.entry import (
    Entry,
    Kind,
    LoggedEvent,
    decode_device_ids,
    decode_facts,
    decode_receipt,
    needs,
)
from bongsu.log.position import ORIGIN, PARTITIONS, Vector
from bongsu.rooms.client_event import NO_EXTRAS, Device, render
from bongsu.rooms.extras import ExtrasReader, Reader, load_extras
from bongsu.users.requester import NO_DEVICE

ENTRIES_MAX = 500  # read at once, of all partitions
PRIVATE = "m.read.private"
FULLY_READ = "m.fully_read"


class DeviceMessage(NamedTuple):
    device_id: str
    body: bytes


class ServiceLog(Protocol):
    async def read(self, after: Vector, through: Vector, first: int, limit: int) -> Sequence[Entry]:
        """Entries of each partition in order, from partition `first` on and round; all of them
        durable. Fewer than there are if the copy that is asked lags."""
        ...

    async def messages_at(self, user_id: str, position: int) -> Sequence[DeviceMessage]:
        """Messages to devices that one entry brought and nobody has taken yet."""
        ...

    async def key_counts(self, user_id: str, device_id: str) -> KeyCounts | None: ...


class Scanner:
    """Each call goes on where the last one ended, or after `forget` anywhere."""

    def __init__(
        self,
        service: Service,
        log: ServiceLog,
        interest: Interest,
        extras: ExtrasReader,
        asking: Asking,
    ) -> None:
        self._service = service
        self._log = log
        self._interest = interest
        self._extras = extras
        self._asking = asking
        self._first = 0  # partition to begin with: each has its turn
        self._positions = list(ORIGIN)  # how far the present scan has come

    def forget(self) -> None:
        self._interest.forget()

    async def scan(self, after: Vector, through: Vector, draft: Draft) -> Vector:
        """Fill `draft`; the vector up to which everything is in it that concerns the service.

        An entry waits for what it needs (see `log.entry.needs`), as followers make it wait.
        """
        self._first = (self._first + 1) % PARTITIONS
        entries = await self._log.read(after, through, self._first, ENTRIES_MAX)
        await self._interest.prepare(entries)
        self._positions = list(after)
        left: Sequence[Entry] = entries
        while left and not draft.is_full:
            waiting: list[Entry] = []
            for entry in left:
                if draft.is_full or not self._is_due(entry):
                    waiting.append(entry)
                    continue
                await self._take(entry, draft)
                self._positions[entry.partition] = entry.position
            if len(waiting) == len(left):
                break
            left = waiting
        return tuple(self._positions)

    async def encode(self, draft: Draft, vector: Vector) -> bytes:
        """The transaction's body: events as clients get them, with what each replaced."""
        device = Device(self._service.sender, NO_DEVICE)
        extras = await load_extras(
            self._extras, draft.events, Reader(device), vector=vector, with_relations=False,
            is_visible=lambda _: True, membership=lambda _: None,
        )  # fmt: skip
        return draft.encode(
            [
                render(event, extras=extras.get(event.event_id, NO_EXTRAS), room_id=True)
                for event in draft.events
            ]
        )

    def _is_due(self, entry: Entry) -> bool:
        at = self._positions
        return entry.position == at[entry.partition] + 1 and all(
            at[partition] >= position for partition, position in needs(entry)
        )

    async def _take(self, entry: Entry, draft: Draft) -> None:
        match entry.kind:
            case Kind.EVENT:
                await self._take_event(entry, draft)
            case Kind.RECEIPT if self._service.registration.wants_ephemeral:
                await self._take_receipt(entry, draft)
            case Kind.TO_DEVICE if self._service.registration.wants_ephemeral:
                if self._service.owns_user(entry.key):
                    for message in await self._log.messages_at(entry.key, entry.position):
                        draft.add_message(entry.key, message.device_id, message.body)
            case Kind.ONE_TIME_KEYS if self._service.registration.device_changes:
                if self._service.owns_user(entry.key):
                    await self._take_counts(entry, draft)
            case Kind.DEVICE_LIST if self._service.registration.device_changes:
                if not entry.body and await self._interest.of_user(entry.key, self._positions):
                    draft.changed[entry.key] = None
            case _:
                pass

    async def _take_event(self, entry: Entry, draft: Draft) -> None:
        facts = decode_facts(entry.facts)
        if not await self._interest.of_event(entry, facts):
            return
        if facts.membership == "invite" and facts.state_key is not None:
            await self._asking.ask_for_user(self._service, facts.state_key)
        draft.add_event(LoggedEvent.from_entry(entry))

    async def _take_receipt(self, entry: Entry, draft: Draft) -> None:
        receipt = decode_receipt(entry.body)
        if receipt.receipt_type == FULLY_READ:
            return
        if receipt.receipt_type == PRIVATE and not self._service.has_user(receipt.user_id):
            return
        if not await self._interest.of_room(entry.key, entry.position):
            return
        read: dict[str, object] = {"ts": receipt.ts}
        if receipt.thread_id is not None:
            read["thread_id"] = receipt.thread_id
        content = {receipt.event_id: {receipt.receipt_type: {receipt.user_id: read}}}
        event = {"type": "m.receipt", "room_id": entry.key, "content": content}
        draft.add_ephemeral(msgspec.json.encode(event))

    async def _take_counts(self, entry: Entry, draft: Draft) -> None:
        for device_id in decode_device_ids(entry.body).device_ids:
            counts = await self._log.key_counts(entry.key, device_id)
            if counts is not None:
                draft.add_counts(entry.key, device_id, counts.one_time_keys, counts.unused_fallback)
