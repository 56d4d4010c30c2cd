"""Keeps the index up with the log: a follower of its own, far from the path of a send.

The owner of a partition reads its entries in batches, as far as they are durable, and writes what
they change together with the position it has come to. That position is compared as it is set, so
of two owners that think alike only one batch goes in, and a crash at any moment repeats a batch or
does not. An event whose text another one changes is looked at anew as the tables have it now: the
order in which edits and redactions are met does not matter.

    an event with a text            its document
    an edit                         the document of its original
    a redaction                     the document of its target, or of what its target edited
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import NamedTuple, Protocol

import structlog

from bongsu.errors import Unavailable
from bongsu.log.entry import Entry, Kind, LoggedEvent
from bongsu.log.position import Vector
from bongsu.search.documents import (
    REPLACES,
    Document,
    Placing,
    Segment,
    Sought,
    document_of,
    kind_of,
)
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

BATCH_ENTRIES = 200
EVENTS_AT_ONCE = 5  # cut into terms before others have their turn
LOOK_SECONDS = 2.0
RETRY_SECONDS = 2.0
REST_SHARE = 3.0  # of the time that a look took: people come first


class Progress(NamedTuple):
    """How far a partition is indexed, and how many segments it has."""

    position: int = 0
    segments: int = 0


class Update(NamedTuple):
    """What a batch of entries changes in one partition."""

    partition: int
    before: Progress
    after: Progress
    documents: Sequence[Document]
    gone: Sequence[int]  # positions of events that have no document any more
    segments: Sequence[Segment]


class IndexStore(Protocol):
    """The index and the log beside it, both read at the primary."""

    async def load_progress(self, partition: int) -> Progress: ...

    async def list_entries(
        self, partition: int, after: int, through: int, limit: int
    ) -> list[Entry]: ...

    async def list_touched(self, partition: int, event_ids: Collection[str]) -> list[LoggedEvent]:
        """These events of the partition, and those whose text in the index is of one of them."""
        ...

    async def load_edits(self, events: Sequence[LoggedEvent]) -> Mapping[str, LoggedEvent]:
        """The latest edit that each of the events' senders made, by the event's id."""
        ...

    async def load_segments_of(self, partition: int, positions: Sequence[int]) -> Mapping[int, int]:
        """The segments of those documents that there are, by position."""
        ...

    async def load_last_segments(self, room_ids: Collection[str]) -> list[Segment]: ...

    async def write(self, update: Update) -> bool:
        """Write it all, or nothing and False if the partition is not at `update.before`."""
        ...


class FollowerLike(Protocol):
    @property
    def applied(self) -> Vector: ...


class Owner(Protocol):
    @property
    def heads(self) -> Mapping[int, object]:
        """By the partitions that are owned here."""
        ...


class Indexer:
    """Indexes the partitions that this node owns. `progress` is of these."""

    def __init__(self, store: IndexStore, follower: FollowerLike, owner: Owner) -> None:
        self.progress: dict[int, Progress] = {}
        self.documents_total = 0  # written here since the start
        self._store = store
        self._follower = follower
        self._owner = owner
        self._tasks = TaskOwner("search indexer")

    def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    @property
    def lag(self) -> int:
        """Entries of the partitions owned here that are durable and not yet looked at."""
        applied = self._follower.applied
        known = {p: self.progress.get(p, Progress()).position for p in list(self._owner.heads)}
        return sum(max(0, applied[p] - position) for p, position in known.items())

    async def _run(self) -> None:
        while True:
            began = monotonic()
            try:
                await self.index_some()
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:  # it is logged: an index that stands still is found out too late
                await asyncio.sleep(RETRY_SECONDS)
            else:
                took = monotonic() - began
                await asyncio.sleep(max(LOOK_SECONDS, took * REST_SHARE))

    async def index_some(self) -> None:
        """A batch of each partition that is owned and behind.

        A partition whose batch fails keeps no other one from its own.
        """
        owned = list(self._owner.heads)
        for partition in self.progress.keys() - set(owned):
            del self.progress[partition]
        failure = None
        for partition in owned:
            try:
                await self._index(partition, self._follower.applied[partition])
            except Unavailable:
                raise
            except Exception as error:
                log.exception("indexing failed", partition=partition)
                failure = error
        if failure is not None:
            raise failure

    async def _index(self, partition: int, through: int) -> None:
        if partition not in self.progress:
            self.progress[partition] = await self._store.load_progress(partition)
        if self.progress[partition].position >= through:
            return
        before = self.progress.pop(partition)  # read again unless all goes well
        entries = await self._store.list_entries(partition, before.position, through, BATCH_ENTRIES)
        if not entries:
            self.progress[partition] = before
            return
        events = [LoggedEvent.from_entry(each) for each in entries if each.kind == Kind.EVENT]
        update = await self._update(partition, before, entries[-1].position, events)
        if not await self._store.write(update):
            return
        self.progress[partition] = update.after
        self.documents_total += len(update.documents)

    async def _update(
        self, partition: int, before: Progress, position: int, events: Sequence[LoggedEvent]
    ) -> Update:
        changed = {e.position: e for e in events if kind_of(e.facts) is not None}
        if targets := _targets(events):
            for event in await self._store.list_touched(partition, targets):
                if event.position <= position and kind_of(event.facts) is not None:
                    changed[event.position] = event
        if not changed:
            after = Progress(position, before.segments)
            return Update(partition, before, after, [], [], [])
        originals = list(changed.values())
        edits = await self._store.load_edits(originals)
        segments = await self._store.load_segments_of(partition, list(changed))
        last = await self._store.load_last_segments({e.room_id for e in originals})
        placing = Placing(last, before.segments)
        documents: list[Document] = []
        gone: list[int] = []
        for number, event in enumerate(sorted(originals, key=lambda e: e.position)):
            if number % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            document = _placed(Sought(event, edits.get(event.event_id)), segments, placing)
            if document is None:
                gone.append(event.position)
            else:
                documents.append(document)
        after = Progress(position, placing.segments)
        return Update(partition, before, after, documents, gone, placing.changed)


def _placed(sought: Sought, segments: Mapping[int, int], placing: Placing) -> Document | None:
    """The document of an event: in the segment that it is in, or in one that has room."""
    own = segments.get(sought.event.position)
    if own is not None:
        return document_of(sought, own)
    room_id = sought.event.room_id
    document = document_of(sought, placing.segment_for(room_id))
    if document is not None:
        placing.add(room_id, document.ts)
    return document


def _targets(events: Sequence[LoggedEvent]) -> set[str]:
    """Ids of the events whose texts these change."""
    targets = {e.facts.redacts for e in events if e.facts.redacts is not None}
    for event in events:
        relation = event.facts.relation
        if relation is not None and relation.rel_type == REPLACES:
            targets.add(relation.event_id)
    return targets
