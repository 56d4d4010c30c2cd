"""The chapters in their order, each with a line that says what held."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress

from bongsu.demo import assessment, compensation, intake, investigation, notices
from bongsu.demo.intake import Pace, Say
from bongsu.demo.stage import PASSWORD, ROLES, Stage, set_up
from bongsu.demo.visitor import Broken


async def tell(pace: Pace, say: Say, *, stays: bool = False) -> None:
    """The whole story. `Broken` as soon as something does not hold. With `stays` the desk is left
    to be looked at until this is cancelled, which then ends well."""
    begun = time.monotonic()
    say("… a PostgreSQL and a desk of their own are started")
    async with set_up() as stage:
        people = await stage.people()
        book = _Book(say)
        say(f"… {stage.url} answers; five operators are signed in")
        await book.chapter("fire", notices.fire(stage, people))
        await book.chapter("notices", notices.told(stage, people))
        taken = await intake.take_in(stage, pace, say)
        await book.chapter("intake", intake.judge(stage, taken))
        await book.chapter("recount", assessment.recount(stage, people, taken))
        await book.chapter("assessment", assessment.accept(stage, people, taken))
        await book.chapter("rules", compensation.rules(stage, people))
        await book.chapter("approval", compensation.approve(stage, people))
        await book.chapter("payout", compensation.pay(stage, people))
        await book.chapter("appeal", compensation.appeal(stage, people, taken))
        told = investigation.publish(stage, people, taken, book.lines)
        await book.chapter("investigation", told)
        await book.chapter("prevention", investigation.prevent(stage, people))
        await book.chapter("apology", investigation.apologise(stage, people))
        await book.chapter("audit", investigation.audit(stage, people))
        count, seconds = len(book.lines), time.monotonic() - begun
        say(f"All of it held: {count} chapters in {seconds:.0f} s.")
        if stays:
            say(_invitation(stage))
            with suppress(asyncio.CancelledError):  # by Ctrl-C: the story has held
                await asyncio.Event().wait()


def _invitation(stage: Stage) -> str:
    names = ", ".join(f"{name} ({role})" for name, role in ROLES)
    return (
        f"It stays at {stage.url} until Ctrl-C. Sign in at {stage.url}/operator\n"
        f"as {names}; their password: {PASSWORD}"
    )


class _Book:
    """What held so far."""

    def __init__(self, say: Say) -> None:
        self.lines: list[str] = []
        self._say = say

    async def chapter(self, name: str, told: Awaitable[str]) -> None:
        begun = time.monotonic()
        try:
            line = f"{name:<14}{await told}"
        except Broken as broken:
            raise Broken(f"{name:<14}{broken}") from None
        self.lines.append(line)
        self._say(f"✓ {line}  ({time.monotonic() - begun:.1f} s)")
