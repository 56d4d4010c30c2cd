"""A process that takes reports in, or forwards them, and kills itself at a named step.

    python desk_crash.py <dsn> <folder> <store|spool|forward> <step> <reports>

Every step of the way between a reporter and the database has a name here; the test runs this once
for each and then looks at what is left.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from fixtures.report_house import IntakeHouse, desk_pool, pieces, submission

from bongsu.errors import Unavailable
from bongsu.postgres.database import Database

BEFORE = {  # step: (which part, its method)
    "before_stage": ("spool", "stage"),
    "before_write": ("spool", "write"),
    "before_insert": ("store", "insert"),
    "before_place": ("evidence", "put"),
    "before_remove": ("spool", "remove"),
    "before_discard": ("spool", "discard_staged"),
}
AFTER = {
    "after_stage": ("spool", "stage"),
    "after_write": ("spool", "write"),
    "after_insert": ("store", "insert"),
    "after_place": ("evidence", "put"),
    "after_remove": ("spool", "remove"),
    "after_discard": ("spool", "discard_staged"),
}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(house: IntakeHouse, step: str) -> None:
    """Make the process die at `step`."""
    if step == "before_rename":  # the batch is written and fsync'd under a name that counts not
        Path.rename = die
        return
    if step == "before_commit":
        import asyncpg.transaction

        asyncpg.transaction.Transaction.commit = die
        return
    part_name, method_name = BEFORE.get(step) or AFTER.get(step)
    part = getattr(house, part_name)
    method = getattr(part, method_name)

    async def armed(*arguments: Any, **named: Any) -> Any:
        if step in BEFORE:
            die()
        result = await method(*arguments, **named)
        die()
        return result

    setattr(part, method_name, armed)


async def refuse(*_: object) -> set[str]:
    raise Unavailable("no primary")


async def receive(house: IntakeHouse, count: int) -> None:
    """Take reports in, telling which were answered."""
    await house.intake.start()
    for number in range(count):
        file = await house.intake.stage("매출.pdf", pieces(b"%PDF-" + bytes([number]) * 100_000))
        accepted = await house.intake.receive(submission(number, (file,)))
        print(f"answered {number} {accepted.is_confirmed}", flush=True)


async def main(dsn: str, folder: str, act: str, step: str, count: str) -> None:
    house = IntakeHouse(Database(await desk_pool(dsn)), Path(folder))
    arm(house, step)
    if act == "spool":
        house.store.insert = refuse
    if act != "forward":
        await receive(house, int(count))
    else:
        await house.forwarder.forward_all()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
