"""One lane a pusher: what is due goes out in order, and a pusher that fails keeps nobody waiting.

A lane is either prompt, with a short queue in memory whose notices hold their partition's cursor
back, or late: then what is due is kept in the database, of which the latest stay, and tried again
with growing pauses. E-mail is late by design, so that one message tells of all.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from time import time

import structlog

from bongsu.errors import Unavailable
from bongsu.push.pushers import EMAIL_APP_ID
from bongsu.pushing.deliverer import Deliverer
from bongsu.pushing.notice import Due, PusherName, Undelivered
from bongsu.pushing.progress import Progress
from bongsu.pushing.sources import PushStore
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

QUEUE_MAX = 50  # due to one pusher, in memory
KEPT_MAX = 50  # due to one pusher, in the database
RUNNING_LANES_MAX = 5_000
PAUSE_SECONDS_MIN = 1.0
PAUSE_SECONDS_MAX = 3600.0
DATABASE_PAUSE_SECONDS = 1.0
ADOPT_SECONDS = 10.0  # lanes of a partition just taken over begin within this
EMAIL_DELAY_SECONDS = 600.0  # who reads within this needs no e-mail
EMAIL_PAUSE_SECONDS = 3600.0  # between two messages


class Lane:
    """`has_kept`: something lies in the database, so what follows goes there too."""

    __slots__ = ("attempts", "has_kept", "is_late", "is_running", "keeping", "keeps", "name",
                 "next_at", "owes_count", "queue")  # fmt: skip

    def __init__(self, name: PusherName, now: float) -> None:
        self.name = name
        self.queue: deque[Due] = deque()
        self.is_late = self.is_email
        self.is_running = False
        self.owes_count = False
        self.has_kept = False
        self.keeps = 0  # writes of what is kept for it, and how many of them are under way
        self.keeping = 0
        self.attempts = 0
        self.next_at = now + EMAIL_DELAY_SECONDS

    @property
    def is_email(self) -> bool:
        return self.name.app_id == EMAIL_APP_ID

    @property
    def is_idle(self) -> bool:
        return not (
            self.queue or self.is_late or self.has_kept or self.is_running or self.owes_count
        )


class Courier:
    """`progress` is asked for the partitions of now: a notice in a queue is open there."""

    def __init__(
        self,
        store: PushStore,
        deliverer: Deliverer,
        progress: Mapping[int, Progress],
        now: Callable[[], float] = time,
    ) -> None:
        self._store = store
        self._deliverer = deliverer
        self._progress = progress
        self._now = now
        self._lanes: dict[PusherName, Lane] = {}
        self._tasks = TaskOwner("push lanes", limit=RUNNING_LANES_MAX)
        self.queued = 0
        self.delivered = 0
        self.failed = 0

    async def stop(self) -> None:
        await self._tasks.stop()

    async def take(self, dues: Iterable[Due]) -> None:
        """Queue them; those of late lanes are in the database when this returns."""
        late: list[Due] = []
        for due in dues:
            lane = self._lane(due.name)
            if lane.is_late or lane.has_kept or len(lane.queue) >= QUEUE_MAX:
                late.append(due)
            else:
                self._open(lane, due)
                self._run(lane)
        if late:
            await self._keep(late)

    def owe_count(self, name: PusherName) -> None:
        """Tell that pusher the unread count when it can be told."""
        lane = self._lane(name)
        lane.owes_count = True
        if not lane.is_late:
            self._run(lane)

    async def adopt(self, partitions: Collection[int]) -> None:
        """Go on with what other owners of these partitions kept."""
        for name, ts in (await self._store.load_kept_names(partitions)).items():
            lane = self._lane(name)
            if not lane.is_late:
                lane.is_late = True
                lane.next_at = self._now() + ADOPT_SECONDS * random.random()
            elif lane.is_email:
                lane.next_at = min(lane.next_at, ts / 1000 + EMAIL_DELAY_SECONDS)

    def tick(self) -> None:
        """Start the lanes whose time has come."""
        for lane in list(self._lanes.values()):
            if lane.is_idle:
                del self._lanes[lane.name]
            elif not lane.is_late or self._now() >= lane.next_at:
                self._run(lane)  # what was kept behind a full queue too

    def _lane(self, name: PusherName) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, self._now())
        return lane

    def _run(self, lane: Lane) -> None:
        """Unless it runs already; with too many running the next tick tries again."""
        if not lane.is_running:
            work = self._go_late(lane) if lane.is_late else self._go(lane)
            lane.is_running = self._tasks.start(work) is not None

    async def _go(self, lane: Lane) -> None:
        try:
            while lane.queue or lane.owes_count:
                await self._go_on(lane)
            if lane.has_kept:  # came when the queue was full
                lane.is_late, lane.next_at = True, self._now()
        except Undelivered as error:
            self._pause(lane, error)
            await self._set_aside(lane)
        except Unavailable:
            await asyncio.sleep(DATABASE_PAUSE_SECONDS)  # the next tick starts it again
        finally:
            lane.is_running = False

    async def _go_on(self, lane: Lane) -> None:
        if lane.queue:
            self.delivered += await self._deliverer.tell([lane.queue[0]], late=False)
            self._close(lane.queue.popleft())
        else:
            await self._deliverer.tell_count(lane.name)
        lane.owes_count = False
        lane.attempts = 0

    async def _set_aside(self, lane: Lane) -> None:
        """The queue goes to the database, and holds nobody's cursor back any more."""
        lane.is_late = True
        waiting = list(lane.queue)
        while waiting:
            try:
                await self._keep(waiting)
                break
            except Unavailable:
                await asyncio.sleep(DATABASE_PAUSE_SECONDS)
        lane.queue.clear()
        for due in waiting:
            self._close(due)

    async def _go_late(self, lane: Lane) -> None:
        try:
            is_mailed = False
            while dues := await self._load_kept(lane):
                for batch in [dues] if lane.is_email else [[due] for due in dues]:
                    is_told = await self._deliverer.tell(batch, late=True)
                    await self._store.forget(batch)
                    self.delivered += is_told
                    lane.attempts = 0
                    is_mailed |= is_told and lane.is_email
            if lane.owes_count:
                await self._deliverer.tell_count(lane.name)
                lane.owes_count = False
            self._make_prompt(lane, is_mailed)
        except Undelivered as error:
            self._pause(lane, error)
        except Unavailable:
            lane.next_at = self._now() + DATABASE_PAUSE_SECONDS
        finally:
            lane.is_running = False

    async def _load_kept(self, lane: Lane) -> Sequence[Due]:
        """What is kept. When that is nothing, and nothing is on its way there, `has_kept` ends."""
        before = None if lane.keeping else lane.keeps
        dues = await self._store.load_kept(lane.name, list(self._progress))
        lane.has_kept = bool(dues) or lane.keeps != before
        return dues

    def _make_prompt(self, lane: Lane, is_mailed: bool) -> None:
        lane.attempts = 0
        if is_mailed:
            lane.next_at = self._now() + EMAIL_PAUSE_SECONDS
        elif lane.has_kept:
            lane.next_at = self._now()
        elif lane.is_email:
            del self._lanes[lane.name]  # the next begins with a delay
        else:
            lane.is_late = False

    def _pause(self, lane: Lane, error: Undelivered) -> None:
        """Twice as long after each failure, and not all at once."""
        self.failed += 1
        seconds = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN * 2 ** min(lane.attempts, 16))
        lane.next_at = self._now() + seconds * random.uniform(0.5, 1.0)
        lane.attempts += 1
        log.info(
            "push not taken",
            user_id=lane.name.user_id,
            app_id=lane.name.app_id,
            attempts=lane.attempts,
            reason=str(error),
        )

    async def _keep(self, dues: Sequence[Due]) -> None:
        lanes = [self._lane(name) for name in {due.name for due in dues}]
        for lane in lanes:
            lane.has_kept = True
            lane.keeps += 1
            lane.keeping += 1
        try:
            await self._store.keep(dues, KEPT_MAX)
        finally:
            for lane in lanes:
                lane.keeping -= 1

    def _open(self, lane: Lane, due: Due) -> None:
        lane.queue.append(due)
        self.queued += 1
        if (progress := self._progress.get(due.partition)) is not None:
            progress.begin(due.position)

    def _close(self, due: Due) -> None:
        self.queued -= 1
        if (progress := self._progress.get(due.partition)) is not None:
            progress.done(due.position)
