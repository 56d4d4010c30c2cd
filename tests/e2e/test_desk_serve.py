"""`bongsu serve` runs the desk beside the messenger, one for all its processes; commands work."""

import asyncio
import os
import signal
from collections.abc import Iterator

import aiohttp
import pytest
from harness.bongsu import Bongsu, running
from harness.desk import Visitor
from harness.process import command_of, free_port, open_folder, tree_of

PORT = free_port()
URL = f"http://127.0.0.1:{PORT}"
SETTINGS = {"BONGSU_DESK_LISTEN": f"127.0.0.1:{PORT}"}


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    with open_folder() as folder, running(folder, processes=2, settings=SETTINGS) as bongsu:
        yield bongsu


def desk_pids(server: Bongsu) -> list[int]:
    return [pid for pid in tree_of([server.pid]) if "bongsu.cli desk-child" in command_of(pid)]


async def test_operators_of_the_command_line_sign_in(server: Bongsu) -> None:
    server.run("user", "add", "alice", stdin="wonderland\n")
    assert "admin, publisher" in server.run("desk", "operator", "add", "alice", "publisher,admin")
    assert server.run("desk", "operator", "list").split()[0] == "@alice:localhost"
    visitor = Visitor(URL)
    try:
        page = await visitor.sign_in("alice")
        assert (page.status, page.path) == (200, "/operator")
        server.run("user", "deactivate", "alice", "--yes")
        assert (await visitor.get("/operator")).path.startswith("/operator/sign-in")
    finally:
        await visitor.close()
    server.run("desk", "operator", "remove", "alice")
    assert server.run("desk", "operator", "list") == ""
    assert "The chain holds: 3 entries" in server.run("desk", "verify")
    assert "0 fields" in server.run("desk", "rotate-keys")
    assert "as it should be" in server.run("db", "check")


async def test_one_desk_which_is_started_again_when_it_dies(server: Bongsu) -> None:
    (pid,) = desk_pids(server)
    os.kill(pid, signal.SIGKILL)
    visitor = Visitor(URL)
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    page = await visitor.get("/operator/sign-in")
                    break
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.1)
        assert page.status == 200
    finally:
        await visitor.close()
    (again,) = desk_pids(server)
    assert again != pid
