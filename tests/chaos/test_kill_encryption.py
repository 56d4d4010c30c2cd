"""Processes die while people talk under encryption: each message is read on every device.

`ENCRYPTED_MESSAGES` sets how many, `VICTIM_LIFE_SECONDS` how long a victim lives at the most: with
`ENCRYPTED_MESSAGES=10000 VICTIM_LIFE_SECONDS=15` it takes about a quarter of an hour.
"""

import asyncio
import contextlib
import os
import random
import signal
from pathlib import Path

import pytest
from harness.bongsu import Bongsu, StartServer
from harness.node import installed_node
from harness.postgres import Postgres
from harness.process import command_of, tree_of

SCRIPTS = Path(__file__).parent.parent / "e2e" / "js"
MESSAGES = int(os.environ.get("ENCRYPTED_MESSAGES", "80"))
VICTIMS = ("gateway", "gateway", "gateway", "gateway", "bus", "database")
LIFE_SECONDS_MAX = float(os.environ.get("VICTIM_LIFE_SECONDS", "4"))
SECONDS_MAX = 300 + MESSAGES * 3


@pytest.mark.timeout(SECONDS_MAX + 60)
async def test_every_message_is_read_on_every_device(
    engine: Postgres, start_server: StartServer, chance: random.Random
) -> None:
    node = installed_node(SCRIPTS)
    bongsu = start_server(database_url=engine.create_database("bongsu"), processes=2)
    talk = await asyncio.create_subprocess_exec(
        node, "survival.mjs", bongsu.url, str(MESSAGES),
        cwd=SCRIPTS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert talk.stdout is not None
    try:
        async with asyncio.timeout(SECONDS_MAX):
            while (line := await talk.stdout.readline()) != b"ready\n":
                assert line, "the talk ended before it began"
            killing = asyncio.create_task(_keep_killing(bongsu, engine, chance))
            try:
                output, errors = await talk.communicate()
            finally:
                killing.cancel()
    finally:
        if talk.returncode is None:
            talk.kill()
    assert talk.returncode == 0, errors.decode(errors="replace")[-4000:]
    print(output.decode().splitlines()[-1])


async def _keep_killing(bongsu: Bongsu, engine: Postgres, chance: random.Random) -> None:
    """One of the two server processes as soon as both are there again, the bus, or PostgreSQL."""
    while True:
        await asyncio.sleep(chance.uniform(LIFE_SECONDS_MAX / 4, LIFE_SECONDS_MAX))
        victim = chance.choice(VICTIMS)
        if victim == "database":
            await asyncio.to_thread(engine.kill)
            await asyncio.to_thread(engine.start)
        elif victim == "bus":
            _kill([pid for pid in tree_of([bongsu.pid]) if "nats-server" in command_of(pid)])
        elif len(gateways := bongsu.gateway_pids) == 2:
            _kill([chance.choice(gateways)])


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
