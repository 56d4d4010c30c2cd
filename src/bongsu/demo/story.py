"""The chapters in their order, each with a line that says what held."""

import time
from collections.abc import Awaitable, Callable

from bongsu.demo import assessment, compensation, intake, investigation, notices
from bongsu.demo.intake import Pace
from bongsu.demo.stage import set_up

Say = Callable[[str], object]


async def tell(pace: Pace, say: Say) -> None:
    """The whole story. `Broken` as soon as something does not hold."""
    say("setting up a PostgreSQL and a desk of their own")
    async with set_up() as stage:
        people = await stage.people()
        book = _Book(say)
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


class _Book:
    """What held so far."""

    def __init__(self, say: Say) -> None:
        self.lines: list[str] = []
        self._say = say

    async def chapter(self, name: str, told: Awaitable[str]) -> None:
        begun = time.monotonic()
        line = f"{name:<14}{await told}"
        self.lines.append(line)
        self._say(f"✓ {line}  ({time.monotonic() - begun:.1f} s)")
