"""Follows the log for pushers: owns progress over partitions, and drives the others.

Where nobody has a pusher, an entry costs a look at a flag.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

import structlog

from bongsu.errors import Unavailable
from bongsu.log.entry import Entry, Kind
from bongsu.pushing.audience import Audience
from bongsu.pushing.badges import Badges
from bongsu.pushing.courier import Courier
from bongsu.pushing.deliverer import Deliverer, EmailSender
from bongsu.pushing.evaluator import Evaluator, Outcome
from bongsu.pushing.gateway import Gateways
from bongsu.pushing.progress import Progress
from bongsu.pushing.sources import EntryReader, PushStore
from bongsu.sync.sources import FollowerLike, SyncStore
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

ROWS = 500  # looked at in one go
CATCH_UP_ENTRIES_MAX = 50_000  # further behind, what is older is given up
QUEUED_MAX = 10_000  # notices in memory: then no further entries are looked at
TICK_SECONDS = 0.5
REFRESH_SECONDS = 600.0  # caches of who has pushers are made anew
IDLE_SAVE_SECONDS = 10.0  # between two notes of how far the log went while nobody has a pusher
FULL_PAUSE_SECONDS = 0.05


class PushDelivery:
    """`owned` tells the partitions whose sequencer is here."""

    def __init__(
        self,
        follower: FollowerLike,
        entries: EntryReader,
        store: PushStore,
        sync_store: SyncStore,
        gateways: Gateways,
        emails: EmailSender | None,
        owned: Callable[[], Collection[int]],
    ) -> None:
        self._follower = follower
        self._entries = entries
        self._store = store
        self._sync_store = sync_store
        self._owned = owned
        self._progress: dict[int, Progress] = {}
        self._audience = Audience(store)
        self._evaluator = Evaluator(store, self._audience)
        self._badges = Badges(follower, sync_store)
        self._deliverer = Deliverer(store, self._badges, gateways, emails)
        self.courier = Courier(store, self._deliverer, self._progress)
        self._anybody = False
        self._save_at = 0.0
        self._seen: set[tuple[str, int]] = set()  # latest changes of pushers: whose, and when
        self._seen_ts: int | None = None  # the latest of them
        self._refresh_at = 0.0
        self._reading: set[str] = set()
        self._news = asyncio.Event()
        self._tasks = TaskOwner("push")
        follower.listen(self._on_entries, self._on_jump)

    async def start(self) -> None:
        self._tasks.start(self._follow())
        self._tasks.start(self._tick_for_ever())

    @property
    def is_ready(self) -> bool:
        """Whether every partition owned here is looked after."""
        ready = {p for p, progress in self._progress.items() if progress.is_ready}
        return ready >= set(self._owned())

    async def stop(self) -> None:
        """What is under way is told again by whoever owns the partitions next."""
        await self._tasks.stop()
        await self.courier.stop()
        try:
            await self._save_cursors()
        except Unavailable:
            log.info("cursors of pushes not saved: some notices will be repeated")

    # -- listening -----------------------------------------------------------------------------

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        if not self._anybody:
            return
        for entry in entries:
            self._badges.on_entry(entry)
            if entry.kind == Kind.ACCOUNT_DATA:
                self._audience.on_account_data(entry)
            if (progress := self._progress.get(entry.partition)) is not None:
                progress.append(entry)
        self._news.set()

    def _on_jump(self, partition: int) -> None:
        self._badges.clear()
        self._audience.clear()
        if (progress := self._progress.get(partition)) is not None:
            progress.skip_to(self._follower.applied[partition])

    # -- looking at entries --------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            for progress in list(self._progress.values()):
                try:
                    await self._advance(progress)
                except Unavailable:
                    self._news.set()
                except Exception:
                    log.exception("pushes of a partition failed", partition=progress.partition)
                    self._news.set()
            if self._news.is_set():
                await asyncio.sleep(FULL_PAUSE_SECONDS)

    async def _advance(self, progress: Progress) -> None:
        """Look at what this partition has that was not looked at."""
        partition = progress.partition
        while progress.is_ready and progress.evaluated < self._follower.applied[partition]:
            while self.courier.queued >= QUEUED_MAX:
                await asyncio.sleep(FULL_PAUSE_SECONDS)
            if progress.evaluated < progress.floor:
                after = progress.evaluated
                entries = await self._entries.read(partition, after, progress.floor, ROWS)
                if not entries:
                    self._news.set()  # a replica has not come so far
                    return
                through = entries[-1].position
            else:
                entries = progress.take(ROWS)
                is_all = progress.is_drained
                through = self._follower.applied[partition] if is_all else entries[-1].position
            try:
                await self._sync_store.reach(self._follower.applied)
                await self._hand_over(await self._evaluator.look_at(entries))
            except BaseException:
                progress.skip_to(self._follower.applied[partition])  # the log still has them
                raise
            progress.evaluated = max(progress.evaluated, through)

    async def _hand_over(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._reading.update(outcome.reading)
            if outcome.event is not None and outcome.dues:
                self._deliverer.keep_at_hand(outcome.dues[0].partition, outcome.event)
            await self.courier.take(outcome.dues)

    # -- by the clock --------------------------------------------------------------------------

    async def _tick_for_ever(self) -> None:
        while True:
            try:
                await self._tick()
            except Unavailable:
                pass
            except Exception:
                log.exception("pushes failed")
            await asyncio.sleep(TICK_SECONDS)

    async def _tick(self) -> None:
        await self.look_at_pushers()
        await self._look_at_ownership()
        if not self._anybody:
            self._skip_everything()
        if self._anybody or asyncio.get_running_loop().time() >= self._save_at:
            await self._save_cursors()
        await self._count_what_was_read()
        self.courier.tick()
        self._news.set()

    async def look_at_pushers(self) -> None:
        """Pushers set since the last look: their owners' rooms have somebody to be told."""
        if self._seen_ts is None:
            self._seen_ts = await self._store.latest_change()
        changed = await self._store.load_changed(self._seen_ts)
        now = asyncio.get_running_loop().time()
        is_due = now >= self._refresh_at
        if is_due:
            self._refresh_at = now + REFRESH_SECONDS
            self._audience.clear()
        if is_due or (changed and not self._anybody):
            had_anybody, self._anybody = self._anybody, await self._store.has_pushers()
            if self._anybody and not had_anybody:
                self._skip_everything()
        for user_id in {user_id for user_id, _ in changed - self._seen}:
            rooms = await self._sync_store.load_joined_rooms(user_id)
            self._audience.may_have_some(user_id, rooms)
        self._seen = changed
        self._seen_ts = max((ts for _, ts in changed), default=self._seen_ts)

    def _skip_everything(self) -> None:
        """Nobody was there to be told of what is past."""
        for progress in self._progress.values():
            if progress.is_ready:
                progress.skip_to(self._follower.applied[progress.partition])
                progress.evaluated = max(progress.evaluated, progress.floor)

    async def _look_at_ownership(self) -> None:
        owned = set(self._owned())
        for partition in self._progress.keys() - owned:
            await self._save_cursors()
            del self._progress[partition]
        new = owned - self._progress.keys()
        for partition in new:
            self._progress[partition] = Progress(partition, self._follower.applied[partition])
        unready = [p for p, progress in self._progress.items() if not progress.is_ready]
        if not unready:
            return
        cursors = await self._store.load_cursors(unready)
        for partition in unready:
            self._begin(self._progress[partition], cursors.get(partition))
        await self.courier.adopt(unready)

    def _begin(self, progress: Progress, cursor: int | None) -> None:
        """Where the last owner was; a partition without a cursor had nobody to be told."""
        if cursor is not None:
            progress.evaluated = progress.saved = cursor
            oldest = progress.floor - CATCH_UP_ENTRIES_MAX
            if cursor < oldest:
                log.warning("old pushes are given up", partition=progress.partition)
                progress.evaluated = oldest
        progress.is_ready = True

    async def _save_cursors(self) -> None:
        moved = {
            p: progress.cursor
            for p, progress in self._progress.items()
            if progress.is_ready and progress.cursor > progress.saved
        }
        self._save_at = asyncio.get_running_loop().time() + IDLE_SAVE_SECONDS
        if moved:
            await self._store.save_cursors(moved)
            for partition, cursor in moved.items():
                self._progress[partition].saved = cursor

    async def _count_what_was_read(self) -> None:
        """Who read or sent since the last tick may have fewer rooms unread than their devices
        show."""
        reading, self._reading = self._reading, set()
        for user_id in reading:
            if await self._deliverer.is_count_news(user_id):
                for target in await self._store.load_targets([user_id]):
                    if target.kind == "http":
                        self.courier.owe_count(target.name)
