"""The clock of one site is an hour off, in either direction.

libfaketime shifts what PostgreSQL, Patroni, the witness and the node of that site take for the
time of day. etcd, NATS and SeaweedFS are written in Go, which asks the kernel by itself: theirs is
right.
"""

import time
from pathlib import Path

import asyncpg
import pytest
from fixtures.stage import stage, stories
from harness.stage import Stage

__all__ = ["stage"]  # the fixture
LIBRARY = next(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"), None)
pytestmark = [
    *stories,
    pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime: apt-get install faketime"),
]
PARTS = ("patroni", "witness", "node0")  # Patroni's PostgreSQL inherits it
HOUR_SECONDS = 3600


@pytest.mark.parametrize("seconds", [HOUR_SECONDS, -HOUR_SECONDS], ids=["ahead", "behind"])
async def test_a_site_lives_at_another_hour(seconds: int, stage: Stage) -> None:
    """It comes back with the wrong time and serves; then two primaries in a row are lost."""
    async with stage.under_load() as load:
        wrong = stage.others(await stage.primary())[0]
        await stage.kill(wrong)
        _shift(stage, wrong, f"{seconds:+d}")
        await stage.heal(wrong)
        await stage.until_whole()
        await load.goes_on()
        assert abs(await _ahead_seconds(stage, wrong) - seconds) < HOUR_SECONDS / 2

        for _ in range(2):
            primary = await stage.primary()
            await stage.kill(primary)
            await load.goes_on(through=stage.others(primary))
            await stage.heal(primary)
            await stage.until_whole()
        await load.goes_on()
        print(f"the wrong clock is at {wrong}, the primary at {await stage.primary()}")

        await stage.kill(wrong)
        _shift(stage, wrong, None)
        await load.goes_on(through=stage.others(wrong))


async def _ahead_seconds(stage: Stage, name: str) -> float:
    """By how much the clock of its PostgreSQL is ahead of ours."""
    connection = await asyncpg.connect(stage.lab.superuser_url(stage.site(name)), timeout=10)
    try:
        epoch = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    finally:
        await connection.close()
    return epoch - time.time()


def _shift(stage: Stage, name: str, seconds: str | None) -> None:
    """For every process that starts there from now on; None: the right time again."""
    for part in PARTS:
        file = stage.site(name).path(part) / "environment"
        if seconds is None:
            file.unlink()
        else:
            file.write_text(
                f"LD_PRELOAD={LIBRARY}\nFAKETIME={seconds}\nFAKETIME_DONT_FAKE_MONOTONIC=1\n"
            )
