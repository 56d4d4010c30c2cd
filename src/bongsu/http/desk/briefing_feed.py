"""New lines of live briefings, to everybody who watches. The database is asked once for all."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from bongsu.desk.statements.briefings import SHOWN_LINES, Briefings, BriefingState, Line
from bongsu.errors import LimitExceeded, Unavailable
from bongsu.tasks import TaskOwner

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
WATCHERS_MAX = 2_000  # of one process
RETRY_AFTER_MS = 5_000


@dataclass
class Channel:
    """What is known of one briefing while somebody watches it: its latest `SHOWN_LINES` lines."""

    lines: list[Line] = field(default_factory=list[Line])
    state: BriefingState = BriefingState.PLANNED
    watchers: int = 0
    task: "asyncio.Task[None] | None" = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def after(self, number: int) -> Sequence[Line]:
        """Lines are dense, so a line's place says its number."""
        first = self.lines[0].number if self.lines else 1
        return self.lines[max(0, number + 1 - first) :]

    def has_left_behind(self, number: int) -> bool:
        """Whether lines after `number` are not here any more."""
        return bool(self.lines) and number + 1 < self.lines[0].number


class BriefingFeed:
    """Start and stop it."""

    def __init__(self, briefings: Briefings, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._briefings = briefings
        self._poll_seconds = poll_seconds
        self._channels: dict[str, Channel] = {}
        self._tasks = TaskOwner("briefings")
        self._count = 0

    async def stop(self) -> None:
        await self._tasks.stop()

    def check_room(self) -> None:
        """`LimitExceeded` when too many watch already; ask before an answer begins."""
        if self._count >= WATCHERS_MAX:
            raise LimitExceeded("Too many watch already", retry_after_ms=RETRY_AFTER_MS)

    @asynccontextmanager
    async def watch(self, briefing_id: str) -> AsyncGenerator[Channel]:
        """The briefing's channel, kept up to date inside."""
        self._count += 1
        channel = self._channels.setdefault(briefing_id, Channel())
        channel.watchers += 1
        if channel.task is None:
            channel.task = self._tasks.start(self._follow(briefing_id, channel))
        try:
            yield channel
        finally:
            self._count -= 1
            channel.watchers -= 1
            if channel.watchers == 0 and self._channels.get(briefing_id) is channel:
                del self._channels[briefing_id]
                if channel.task is not None:
                    channel.task.cancel()

    async def _follow(self, briefing_id: str, channel: Channel) -> None:
        while True:
            try:
                await self._look(briefing_id, channel)
            except Unavailable as error:
                log.info("briefing not read", reason=str(error))
            await asyncio.sleep(self._poll_seconds)

    async def _look(self, briefing_id: str, channel: Channel) -> None:
        briefing = await self._briefings.get(briefing_id)
        latest = max(0, briefing.lines - SHOWN_LINES)
        known = channel.lines[-1].number if channel.lines else latest
        lines = await self._briefings.list_lines(briefing_id, known)
        if lines or briefing.state is not channel.state:
            channel.lines = [*channel.lines, *lines][-SHOWN_LINES:]
            channel.state = briefing.state
            channel.changed.set()
            channel.changed = asyncio.Event()
