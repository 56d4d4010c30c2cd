"""The door: what an operator does with the command `bongsu`, on the real server."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.bongsu import COMMAND, Bongsu
from harness.http import HttpClient
from harness.matrix import MatrixError, login, register

pytestmark = pytest.mark.skipif(
    "BONGSU_E2E_URL" in os.environ, reason="starts and stops a server of ours"
)
COMMAND_SECONDS_MAX = 120


@pytest.mark.parametrize("processes", [1, 2])
async def test_sigterm_answers_running_sends_and_the_next_start_finds_them(
    data_folder: Path, processes: int
) -> None:
    """Goal: a stop loses nothing that was acknowledged.

    Method: stop under a stream of sends, start again, and look for each id that was answered.
    """
    bongsu = Bongsu(data_folder / "data", processes=processes)
    answered: list[str] = []
    async with _serving(bongsu) as client:
        alice = await register(client, "alice")
        room_id = await alice.create_room(preset="public_chat")

        async def chatter() -> None:
            while True:
                answered.append(await alice.send_text(room_id, f"message {len(answered)}"))

        chatting = asyncio.create_task(chatter())
        async with asyncio.timeout(60):
            while len(answered) < 20 and not chatting.done():
                await asyncio.sleep(0.01)
    (end,) = await asyncio.gather(chatting, return_exceptions=True)
    assert len(answered) >= 20, end

    async with _serving(bongsu) as client:
        alice = await login(client, alice.user_id)
        for event_id in answered:
            assert (await alice.call("GET", f"/rooms/{room_id}/event/{event_id}"))["type"]


async def test_accounts_from_the_command_line_beside_a_running_server(data_folder: Path) -> None:
    bongsu = Bongsu(data_folder / "data")
    _run(bongsu.data, "user", "add", "early", stdin="wonderland\n")  # before the first start
    async with _serving(bongsu) as client:
        await login(client, "@early:localhost")

        _run(bongsu.data, "user", "add", "carol", "--admin", stdin="wonderland\n")
        await login(client, "@carol:localhost")
        assert "taken" in _run(bongsu.data, "user", "add", "carol", stdin="wonderland\n", code=1)
        _run(bongsu.data, "user", "passwd", "carol", stdin="looking glass\n")
        with pytest.raises(MatrixError, match="403"):
            await login(client, "@carol:localhost")
        await login(client, "@carol:localhost", "looking glass")
        _run(bongsu.data, "user", "deactivate", "carol", "--yes")
        with pytest.raises(MatrixError, match="403"):
            await login(client, "@carol:localhost", "looking glass")

        listed = _run(bongsu.data, "user", "list").splitlines()
        assert [line.split()[0] for line in listed] == ["@carol:localhost", "@early:localhost"]
        assert "deactivated" in listed[0]
        assert "The schema is as it should be" in _run(bongsu.data, "db", "check")
        assert "answers and takes writes" in _run(bongsu.data, "doctor")
        assert "Another Bongsu" in _run(bongsu.data, "serve", code=1)


@asynccontextmanager
async def _serving(bongsu: Bongsu) -> AsyncIterator[HttpClient]:
    """Started, and stopped cleanly by SIGTERM, whatever the test does."""
    try:
        await asyncio.to_thread(bongsu.start)
        client = HttpClient(bongsu.url)
        yield client
    finally:
        code = await asyncio.to_thread(bongsu.stop)
    await client.close()
    assert code == 0, bongsu.log_tail()
    assert "Traceback" not in bongsu.log_tail()


def _run(data: Path, *arguments: str, stdin: str = "", code: int = 0) -> str:
    done = subprocess.run(
        [str(COMMAND), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        env={**os.environ, "BONGSU_DATA": str(data)},
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr
