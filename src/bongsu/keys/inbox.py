"""A device's messages and counts of keys, for sync. Implements `sync.sources.DeviceSource`.

Of each device that syncs here a few numbers are kept, and the log keeps them up: where its latest
message lies, and how many keys it has. So a device without news costs no query.

Messages are read from the table up to the pinned vector, and deleted once a request's token says
that the device has them. Counts are read from the primary, and again after each entry that says
that they changed: an answer's counts are those of its pinned vector or later ones; while there is
no primary, the last that are known.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple, Protocol

import msgspec
import structlog

from bongsu.errors import Unavailable
from bongsu.log.entry import Entry, Kind, decode_device_ids, decode_to_device
from bongsu.log.position import Vector, partition_of
from bongsu.rooms.client_event import Device
from bongsu.sync.sources import MESSAGES_PER_ANSWER_MAX, DeviceAnswer
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

MESSAGES_PER_ENTRY_MAX = 2  # for one device: under its name, and under `*`
DEVICES_MAX = 50_000
COUNTS_SECONDS_MAX = 300.0  # however quiet the log is: a claim's announcement may have died
COUNTS_WAIT_SECONDS = 2.0  # for a primary, which may be away
COUNT_ATTEMPTS_MAX = 5
DELETE_SECONDS = 1.0
DELETES_MAX = 5_000  # devices, in one statement and waiting

ALL_DEVICES = "*"
SIGNED_CURVE25519 = "signed_curve25519"


class Inbox(NamedTuple):
    """Messages for one device at after < position <= through."""

    user_id: str
    device_id: str
    after: int
    through: int


class StoredMessage(NamedTuple):
    position: int
    body: bytes


class KeyCounts(NamedTuple):
    """Unclaimed one-time keys by algorithm; algorithms whose fallback key was not handed out."""

    one_time_keys: Mapping[str, int]
    unused_fallback: Sequence[str]


class InboxStore(Protocol):
    async def read(self, inbox: Inbox, limit: int) -> Sequence[StoredMessage]:
        """The first messages, by position and sequence."""
        ...

    async def last_position(self, user_id: str, device_id: str) -> int:
        """Of the last message, confirmed; 0 for none."""
        ...

    async def delete(self, read: Mapping[tuple[str, str], int]) -> None:
        """Delete messages of (user, device) up to a position."""
        ...

    async def key_counts(
        self, user_id: str, device_id: str, *, confirmed: bool = True
    ) -> KeyCounts | None:
        """None for a device without keys."""
        ...


class _Hot:
    """What is known of one device."""

    __slots__ = ("counted_at", "counts", "counts_version", "deleted", "is_loaded", "last",
                 "news_position", "version")  # fmt: skip

    def __init__(self) -> None:
        self.is_loaded = False
        self.last = 0  # position of the latest message
        self.deleted = 0  # up to where messages are deleted, or about to be
        self.counts: tuple[bytes, ...] = ()
        self.counted_at = float("-inf")
        self.version = 0  # of the keys: grows with each entry that says that they changed
        self.counts_version = -1  # of the keys that `counts` counts
        self.news_position = 0  # of the latest such entry


class Inboxes:
    def __init__(self, store: InboxStore, clock: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._clock = clock
        self._users: OrderedDict[str, dict[str, _Hot]] = OrderedDict()
        self._count = 0
        self._read: dict[tuple[str, str], int] = {}
        self._wake = asyncio.Event()
        self._tasks = TaskOwner("inboxes")

    def start(self) -> None:
        self._tasks.start(self._keep_deleting())

    async def stop(self) -> None:
        await self._tasks.stop()

    # -- kept up by the log --------------------------------------------------------------------

    def on_entries(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            match entry.kind:
                case Kind.TO_DEVICE:
                    self._on_message(entry)
                case Kind.ONE_TIME_KEYS:
                    self._on_keys(entry, decode_device_ids(entry.body).device_ids)
                case Kind.DEVICE_LIST:  # a device may have gone and come again with other keys
                    self._on_keys(entry, tuple(self._users.get(entry.key, ())))
                case _:
                    pass

    def on_jump(self, partition: int) -> None:
        """Entries were skipped: begin anew with everybody there."""
        for user_id in [u for u in self._users if partition_of(u) == partition]:
            self._count -= len(self._users.pop(user_id))

    def _on_message(self, entry: Entry) -> None:
        devices = self._users.get(entry.key)
        if devices is None:
            return
        addressed = decode_to_device(entry.body).device_ids
        for device_id, hot in devices.items():
            if device_id in addressed or ALL_DEVICES in addressed:
                hot.last = max(hot.last, entry.position)

    def _on_keys(self, entry: Entry, device_ids: Sequence[str]) -> None:
        devices = self._users.get(entry.key, {})
        for device_id in device_ids:
            hot = devices.get(device_id)
            if hot is not None:
                hot.version += 1
                if entry.kind == Kind.ONE_TIME_KEYS:
                    hot.news_position = max(hot.news_position, entry.position)

    # -- answers -------------------------------------------------------------------------------

    async def answer(
        self,
        device: Device,
        since: Vector | None,
        to_device: int,
        pinned: Vector,
        limit: int = MESSAGES_PER_ANSWER_MAX,
    ) -> DeviceAnswer:
        """Messages after the cursor `to_device`, and counts, as of `pinned` or later."""
        hot = await self._hot(device)
        partition = partition_of(device.user_id)
        through = pinned[partition]
        after = to_device if since is not None else 0
        if since is not None:
            self._acknowledge(device, hot, min(after, through))
        limit = max(MESSAGES_PER_ENTRY_MAX, min(limit, MESSAGES_PER_ANSWER_MAX))
        events, cursor, is_full = await self._messages(device, hot, after, through, limit)
        await self._refresh_counts(device, hot)
        counts_are_news = since is not None and since[partition] < hot.news_position <= through
        return DeviceAnswer(hot.counts, cursor, bool(events) or counts_are_news, is_full, events)

    def at_once(
        self, device: Device, since: Vector, to_device: int, pinned: Vector
    ) -> DeviceAnswer | None:
        """The same if no message waits and the counts are known."""
        hot = self._users.get(device.user_id, {}).get(device.device_id)
        if hot is None or not hot.is_loaded or hot.last > to_device or not self._is_counted(hot):
            return None
        partition = partition_of(device.user_id)
        through = pinned[partition]
        self._acknowledge(device, hot, min(to_device, through))
        counts_are_news = since[partition] < hot.news_position <= through
        return DeviceAnswer(hot.counts, to_device, counts_are_news)

    def standing(self, device: Device) -> Sequence[bytes]:
        hot = self._users.get(device.user_id, {}).get(device.device_id)
        return hot.counts if hot is not None else ()

    async def _messages(
        self, device: Device, hot: _Hot, after: int, through: int, wanted: int
    ) -> tuple[list[bytes], int, bool]:
        """Bodies, the cursor behind them, and whether there are more."""
        if hot.last <= after:
            return [], after, False
        limit = wanted + MESSAGES_PER_ENTRY_MAX
        rows = await self._store.read(Inbox(*device, after, through), limit)
        is_full = len(rows) > wanted
        if is_full:  # an entry is shown whole: the cursor is a position
            end = rows[wanted].position
            rows = [row for row in rows if row.position < end]
        if not rows:
            return [], after, False
        return [row.body for row in rows], rows[-1].position, is_full

    def _is_counted(self, hot: _Hot) -> bool:
        is_recent = self._clock() - hot.counted_at < COUNTS_SECONDS_MAX
        return is_recent and hot.counts_version == hot.version

    async def _refresh_counts(self, device: Device, hot: _Hot) -> None:
        if self._is_counted(hot):
            return
        now = self._clock()
        for _ in range(COUNT_ATTEMPTS_MAX):
            version = hot.version
            try:
                async with asyncio.timeout(COUNTS_WAIT_SECONDS):
                    counts = await self._store.key_counts(*device)
            except (TimeoutError, Unavailable):  # rather old counts than a sync that waits
                if not hot.counts:
                    hot.counts = _render(await self._store.key_counts(*device, confirmed=False))
                return
            hot.counts, hot.counts_version, hot.counted_at = _render(counts), version, now
            if version == hot.version:
                return

    async def _hot(self, device: Device) -> _Hot:
        devices = self._users.get(device.user_id)
        if devices is None:
            devices = self._users[device.user_id] = {}
        else:
            self._users.move_to_end(device.user_id)
        hot = devices.get(device.device_id)
        if hot is None:
            hot = devices[device.device_id] = _Hot()
            self._count += 1
            self._evict(device.user_id)
        if not hot.is_loaded:  # entries that come meanwhile are heard already
            last = await self._store.last_position(*device)
            hot.last = max(hot.last, last)
            hot.is_loaded = True
        return hot

    def _evict(self, newest: str) -> None:
        while self._count > DEVICES_MAX and next(iter(self._users)) != newest:
            self._count -= len(self._users.popitem(last=False)[1])

    # -- deletion ------------------------------------------------------------------------------

    def _acknowledge(self, device: Device, hot: _Hot, position: int) -> None:
        """The device has what lies up to `position`: delete it some time."""
        if position > hot.deleted and len(self._read) < DELETES_MAX:
            hot.deleted = position
            self._read[device] = position
            self._wake.set()

    async def _keep_deleting(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(DELETE_SECONDS)
            self._wake.clear()
            await self.delete_read()

    async def delete_read(self) -> None:
        """Delete what devices have said they have. What fails is said again by a later token."""
        read, self._read = self._read, {}
        if not read:
            return
        try:
            await self._store.delete(read)
        except Unavailable as error:
            log.debug("read messages not deleted", reason=error.message)


def _render(counts: KeyCounts | None) -> tuple[bytes, ...]:
    """Members of the answer. Clients know encryption by them: a device without keys has none."""
    if counts is None:
        return ()
    one_time_keys = {SIGNED_CURVE25519: 0, **counts.one_time_keys}
    fallback = msgspec.json.encode(sorted(counts.unused_fallback))
    return (
        b'"device_one_time_keys_count":' + msgspec.json.encode(one_time_keys),
        b'"device_unused_fallback_key_types":' + fallback,
        b'"org.matrix.msc2732.device_unused_fallback_key_types":' + fallback,
    )
