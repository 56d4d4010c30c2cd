"""A lab under test, handled as a person does: by its commands, from shells that come and go."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import asyncpg
import pytest

from bongsu.lab import process_table, topology
from bongsu.lab.status import look

COMMAND_SECONDS_MAX = 300.0
DRILL_SECONDS_MAX = 600.0
Status = dict[str, Any]

needs_etcd = pytest.mark.skipif(
    shutil.which("etcd") is None, reason="etcd is missing: apt-get install etcd-server"
)
is_isolation_possible = os.geteuid() == 0 and Path("/dev/net/tun").exists()
needs_isolation = pytest.mark.skipif(
    not is_isolation_possible, reason="needs root and /dev/net/tun"
)
needs_patroni = pytest.mark.skipif(
    not (find_spec("patroni") and find_spec("psycopg2")),
    reason="Patroni is missing: pip install 'bongsu[sites]'",
)


class LabUnderTest:
    """The lab in `folder`, whose commands are run behind `wrapper` (of another user, say)."""

    def __init__(self, folder: Path, wrapper: Sequence[str] = ()) -> None:
        self.folder = folder
        self._wrapper = wrapper

    def run(self, command: str, *arguments: str) -> str:
        """Run `bongsu lab COMMAND` to its end; gives what it printed."""
        done = subprocess.run(
            self.argv(command, *arguments), capture_output=True, text=True, check=False,
            timeout=COMMAND_SECONDS_MAX, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"lab {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def drill(self, lose: str, how: str, report: Path, seconds: float = 8.0) -> Any:
        """The verdict on one drill; gaps in time are promised for machines that do nothing else."""
        options = ["--lose", lose, "--how", how, "--seconds", str(seconds), "--report", str(report)]
        patient = ["--gap-primary", "60", "--gap-replica", "60", "--json"]
        command = [sys.executable, "-m", "bongsu.cli", "drill", "--data", str(self.folder)]
        done = subprocess.run(
            [*command, *options, *patient], capture_output=True, text=True, check=False,
            timeout=DRILL_SECONDS_MAX, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        print(done.stderr)
        assert done.returncode in (0, 1), done.stderr
        (outcome,) = json.loads(done.stdout)
        assert outcome["kept"] is (done.returncode == 0)
        return outcome

    def argv(self, command: str, *arguments: str) -> list[str]:
        own = [sys.executable, "-m", "bongsu.cli", "lab", command]
        return [*self._wrapper, *own, "--data", str(self.folder), *arguments]

    @property
    def layout(self) -> topology.Lab:
        return topology.load(self.folder)

    def status(self) -> Status:
        return json.loads(self.run("status", "--json"))

    async def wait(self, seen: Callable[[Status], object], *, seconds_max: float = 90.0) -> Status:
        """Look until `seen` holds; gives that status."""
        deadline = time.monotonic() + seconds_max
        while not seen(found := await look(self.layout)):
            assert time.monotonic() < deadline, f"not seen in {seconds_max} s: {found}"
            await asyncio.sleep(0.2)
        return found

    async def wait_until_whole(self) -> Status:
        """Until every site is up and every replica streams."""
        return await self.wait(is_whole)

    def processes(self) -> int:
        return len(process_table.processes(self.folder))

    async def write(self, note: str) -> None:
        """Commit a row on the primary, whoever that is; raises unless it is acknowledged."""
        async with await self._primary() as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS note (text text PRIMARY KEY)")
            await connection.execute("INSERT INTO note VALUES ($1)", note)

    async def read(self) -> set[str]:
        """The rows on the primary."""
        async with await self._primary() as connection:
            return {row["text"] for row in await connection.fetch("SELECT text FROM note")}

    def serves_clients(self) -> bool:
        """Whether a node answers under every address of `lab url`."""
        for url in self.run("url").split():
            with urlopen(f"{url}/_matrix/client/versions", timeout=10) as answer:
                if answer.status != 200:
                    return False
        return True

    def start_and_die(self) -> None:
        """Begin `up` and kill it, by a SIGKILL that it cannot see coming, once something is up."""
        begun = subprocess.Popen(self.argv("up"), stdout=subprocess.PIPE, text=True)
        assert begun.stdout is not None
        begun.stdout.readline()
        begun.send_signal(signal.SIGKILL)
        begun.communicate()

    async def _primary(self) -> Any:
        primary = (await self.wait(lambda status: status["primary"]))["primary"]
        url = self.layout.database_url([self.layout.site(primary)])
        return asyncpg.create_pool(url, min_size=1, max_size=1, timeout=10)


def is_whole(status: Status) -> bool:
    """Every part of every site answers, and every replica streams from the one primary. One that
    was cut off takes itself for another until it hears of the first."""
    sites = status["sites"].values()
    patronis = [site["components"]["patroni"] for site in sites]
    return (
        status["primary"] is not None
        and all(site["state"] == "up" for site in sites)
        and all(patroni["streaming"] for patroni in patronis)
        and sum(patroni["role"] == "primary" for patroni in patronis) == 1
    )
