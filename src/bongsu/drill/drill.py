"""One drill from its first account to the last message read back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bongsu.drill.ledger import Found, History, Journal, judge, stream_faults
from bongsu.drill.load import Pace, Senders
from bongsu.drill.losses import Loss
from bongsu.drill.notes import Event, Notes
from bongsu.drill.people import People
from bongsu.drill.readers import Readers
from bongsu.drill.timeline import merged
from bongsu.drill.travel import Sites
from bongsu.drill.uploads import MediaVerdict, Uploads
from bongsu.drill.verdict import Run
from bongsu.drill.watch import watch_owners, watch_stalls

FINISH_SECONDS_MAX = 60.0
VERIFY_SECONDS_MAX = 180.0
WHOLE_POLL_SECONDS = 0.5
PRIMARY_TRIES = 5
WHOLE_SECONDS_MAX = 300.0
PROGRESS_SECONDS = 1.0

T = TypeVar("T")
Say = Callable[[str], object]
ReadLog = Callable[[Sequence[str]], Coroutine[Any, Any, History]]
"""What the log itself holds of these rooms."""


@dataclass(frozen=True)
class Times:
    """How long each part of a drill lasts, in seconds."""

    before: float = 5.0
    away: float = 15.0
    after: float = 10.0


@dataclass
class Drill:
    """Clients at work on `urls` (by site) while `script` lets things happen to the deployment."""

    urls: Mapping[str, Sequence[str]]
    how: str
    pace: Pace = field(default_factory=Pace)
    journal: Path | None = None
    registration_token: str | None = None
    say: Say = print

    def __post_init__(self) -> None:
        self.notes = Notes()
        self.run = Run(list(self.urls), "", self.how, None, began_wall=self.notes.began_wall)
        self._sites = Sites(self.urls, self.notes)
        self._people = People(self._sites, self.registration_token)
        self._journal = Journal(self.journal)
        self._senders = Senders(self.notes, self._journal, self.pace)
        self._readers = Readers(self.notes)
        self._uploads = Uploads(self.notes, self.pace.upload_seconds)
        self._phase = "boarding"

    async def play(
        self,
        script: Callable[["Drill"], Awaitable[None]],
        watches: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        told: Callable[[], list[Event]] = list,
        *,
        read_log: ReadLog | None = None,
        leave: bool = False,
    ) -> Run:
        """Board, load, `script`, finish. `told` gives further events at the end, from logs.

        `read_log` where the database can be asked. `leave`: end the accounts afterwards.
        """
        try:
            await self._board()
            async with asyncio.TaskGroup() as group:
                around = [
                    watch_stalls(self.notes),
                    watch_owners(self.urls, self.notes),
                    self._sites.watch(),
                    self._readers.run(),
                    self._progress(),
                    *[watch() for watch in watches],
                ]
                watching = [group.create_task(one) for one in around]
                load = [group.create_task(self._senders.run()),
                        group.create_task(self._uploads.run())]  # fmt: skip
                self.run.started = self.notes.now()
                await script(self)
                await self._finish(load, read_log)
                for task in [*load, *watching]:
                    task.cancel()
            if leave:
                await self._people.leave()
        finally:
            await self._sites.close()
            self._journal.close()
        self._fill(told())
        return self.run

    def phase(self, name: str) -> None:
        """What the progress line says is going on."""
        self._phase = name

    def lost(self, site: str) -> None:
        """The site is being lost now. Only the first loss of a drill counts."""
        if self.run.lost_at is None:
            self.run.lost = site
            self.run.lost_at = self.notes.event(site, "drill", self.how, is_turn=True)

    def healed(self) -> None:
        """The loss is being undone now."""
        if self.run.healed_at is None and self.run.lost_at is not None:
            self.run.healed_at = self.notes.event(self.run.lost, "drill", "heal", is_turn=True)

    def back(self) -> None:
        """The lost site is whole again."""
        if self.run.back_at is None:
            self.run.back_at = self.notes.event(self.run.lost, "drill", "whole again", is_turn=True)

    def replaced(self) -> None:
        """Another primary than the lost one is there."""
        if self.run.replaced_at is None and self.run.lost_at is not None:
            self.run.replaced_at = self.notes.now()

    async def _board(self) -> None:
        self.say("making accounts and rooms …")
        everyone = self._senders, self._readers, self._uploads
        await asyncio.gather(*[group.board(self._people, self.run.sites) for group in everyone])
        self._senders.rooms = await self._people.make_rooms(self.pace.rooms, self._senders.people)
        await self._readers.begin()

    async def _finish(self, load: list[asyncio.Task[None]], read_log: ReadLog | None) -> None:
        self.run.stopped = self.notes.now()
        self.phase("reading back")
        self._senders.stop()
        self._uploads.stop()
        _, unfinished = await asyncio.wait(load, timeout=FINISH_SECONDS_MAX)
        if unfinished:
            self.run.unfinished.append(f"requests without an answer in {FINISH_SECONDS_MAX:.0f} s")
        await self._within("last messages", FINISH_SECONDS_MAX, self._senders.close())
        history = await self._within("history", VERIFY_SECONDS_MAX, self._senders.history()) or {}
        await self._catch_up(history)
        log = None
        if read_log is not None:
            log = await self._within("log", VERIFY_SECONDS_MAX, read_log(self._senders.rooms))
        self.run.ledger = judge(self._journal.acknowledged, history, log)
        sites = [site for site in self.run.sites if self._is_here(site)]
        verifying = self._uploads.verify(sites)
        self.run.media = (
            await self._within("media", VERIFY_SECONDS_MAX, verifying) or MediaVerdict()
        )

    async def _catch_up(self, history: dict[str, list[Found]]) -> None:
        wanted = sum(len(room) for room in history.values())
        catching = self._readers.caught_up(wanted)
        await self._within("readers", FINISH_SECONDS_MAX, catching)
        for reader in self._readers.readers:
            faults = stream_faults(reader.streamed, history)
            self.run.stream_faults += [f"reader at {reader.person.home}: {one}" for one in faults]

    async def _within(self, what: str, seconds: float, work: Coroutine[Any, Any, T]) -> T | None:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            self.run.unfinished.append(f"{what}: not done in {seconds:.0f} s")
            return None

    def _is_here(self, site: str) -> bool:
        was_lost = site == self.run.lost and self.run.lost_at is not None
        return not was_lost or self.run.back_at is not None

    def _fill(self, told: list[Event]) -> None:
        notes, run = self.notes, self.run
        run.acknowledgements, run.arrivals = notes.acknowledgements, notes.arrivals
        run.troubles, run.stalls = notes.troubles, notes.stalls
        run.retries = len(notes.troubles)
        run.events = merged(notes.events + told, run.started, notes.now())

    async def _progress(self) -> None:
        seen = 0
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            new = self.notes.acknowledgements[seen:]
            seen += len(new)
            by_site = {site: sum(one.site == site for one in new) for site in self.run.sites}
            rates = "  ".join(f"{site} {count}/s" for site, count in by_site.items())
            self.say(
                f"{self.notes.now() - self.run.started:5.0f} s  {self._phase:14}  {rates}  "
                f"{seen} acknowledged, {len(self.notes.troubles)} failed tries"
            )


async def lose_and_heal(drill: Drill, loss: Loss, site: str, times: Times) -> None:
    """The script of an ordinary drill."""
    primary = await known_primary(loss)
    drill.run.was_primary = None if primary is None else primary == site
    drill.phase("before")
    await asyncio.sleep(times.before)
    drill.phase(f"{loss.how} {site}")
    drill.lost(site)
    drill.notes.event(site, "drill", await loss.lose(site))
    await asyncio.sleep(times.away)
    drill.phase("returning")
    drill.healed()
    drill.notes.event(site, "drill", await loss.heal(site))
    if await whole(loss):
        drill.back()
        drill.phase("after")
        await asyncio.sleep(times.after)


async def known_primary(loss: Loss) -> str | None:
    """The site of the primary; on a crowded machine it may answer the second time only."""
    for _ in range(PRIMARY_TRIES):
        if (primary := await loss.primary()) is not None:
            return primary
        await asyncio.sleep(WHOLE_POLL_SECONDS)
    return None


async def whole(loss: Loss, seconds_max: float = WHOLE_SECONDS_MAX) -> bool:
    """Wait until the deployment is whole; whether it became so in time."""
    try:
        async with asyncio.timeout(seconds_max):
            while not await loss.is_whole():
                await asyncio.sleep(WHOLE_POLL_SECONDS)
    except TimeoutError:
        return False
    return True
