"""Three sites' databases: etcd, PostgreSQL under Patroni and a witness each, on loopback.

Nothing else of a deployment: what is tried here is who may acknowledge a commit, and when. Passing
`witness` shells and hooks of another make would do; nothing here imports `bongsu`.
"""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg

from harness.postgres import _BIN, _unprivileged_user  # pyright: ignore[reportPrivateUsage]
from harness.process import Process, command_of, free_port, open_folder, tree_of

READY_SECONDS_MAX = 90.0
LOG_LINES = 60
PASSWORD = "secret"
LOST_CONNECTION = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
    TimeoutError,
)  # fmt: skip
DYNAMIC: dict[str, Any] = {
    "ttl": 20, "loop_wait": 1, "retry_timeout": 5, "synchronous_mode": "quorum",
    "synchronous_mode_strict": True, "synchronous_node_count": 1,
    "maximum_lag_on_failover": 104857600, "primary_start_timeout": 0, "primary_stop_timeout": 5,
    "check_timeline": True, "failsafe_mode": True,
}  # fmt: skip
PARAMETERS = {
    "shared_buffers": "32MB", "max_connections": 60, "wal_log_hints": "on",
    "wal_keep_size": "256MB",
    "wal_sender_timeout": "5s", "wal_receiver_timeout": "5s", "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms", "hot_standby_feedback": "on",
    "client_connection_check_interval": "1s", "unix_socket_directories": "", "huge_pages": "off",
}  # fmt: skip


class TrioSite:
    """One site's processes. A process is started anew after it was killed or stopped."""

    def __init__(self, trio: "Trio", name: str) -> None:
        self.name = name
        self.folder = trio.folder / name
        self.etcd_port, self.peer_port = free_port(), free_port()
        self.postgres_port, self.patroni_port = free_port(), free_port()
        self.witness_port = free_port()
        self.processes: dict[str, Process] = {}
        self._trio = trio

    @property
    def pgdata(self) -> Path:
        return self.folder / "pgdata"

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.postgres_port}/postgres"

    def start(self, *names: str) -> None:
        for name in names or ("etcd", "patroni", "witness"):
            command = {
                "etcd": self._etcd, "patroni": self._patroni, "witness": self._witness
            }[name]()  # fmt: skip
            if name != "etcd":
                command = self._trio.unprivileged(command)
            log = self.folder / f"{name}.log"
            self.processes[name] = Process(command, log=log, cwd=self.folder)

    def start_etcd_alone(self) -> None:
        """A cluster of one, from the data it has."""
        command = [*self._etcd(), "--force-new-cluster"]
        self.processes["etcd"] = Process(command, log=self.folder / "etcd.log", cwd=self.folder)

    def postgres_pids(self) -> list[int]:
        """The postmaster and its children; it leaves Patroni's process group."""
        try:
            postmaster = int((self.pgdata / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return []
        return [pid for pid in tree_of([postmaster]) if "postgres" in command_of(pid)]

    @property
    def postmaster(self) -> int:
        return int((self.pgdata / "postmaster.pid").read_text().split()[0])

    def kill(self, *names: str) -> None:
        """SIGKILL; `patroni` with all of its PostgreSQL. Without names: the whole site."""
        for name in names or ("patroni", "witness", "etcd"):
            victims = [self.processes[name].pid]
            if name == "patroni":
                victims += self.postgres_pids()
            _signal(victims, signal.SIGKILL)
            self.processes[name].kill()

    def freeze(self, *pids: int) -> None:
        _signal(pids, signal.SIGSTOP)

    def thaw(self, *pids: int) -> None:
        _signal(pids, signal.SIGCONT)

    async def run_python(self, code: str) -> None:
        """Run a short program as the witness runs."""
        command = self._trio.unprivileged([sys.executable, "-c", code])
        process = await asyncio.create_subprocess_exec(*command, cwd=self.folder)
        await process.wait()

    async def fetchval(self, query: str) -> Any:
        connection = await asyncpg.connect(self.dsn, timeout=5)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    def status(self) -> dict[str, Any]:
        """What the witness says of itself."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.witness_port}/status", timeout=2
        ) as got:
            return json.loads(got.read())

    def metrics(self) -> dict[str, float]:
        """What the witness counts, by name and labels."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.witness_port}/metrics", timeout=2
        ) as got:
            lines = [line for line in got.read().decode().splitlines() if line[:1] != "#"]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def decisions(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(
                f"{each['at']:.3f} {self.name} {each['action']}: {each['reason']}"
                for each in self.status()["decisions"]
            )
        last = (self.folder / "witness.log").read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"{self.name}: no witness", *(f"{self.name} | {line}" for line in last)])

    def write_configuration(self) -> None:
        self.folder.mkdir()
        (self.folder / "patroni.yml").write_text(json.dumps(self._patroni_configuration()))
        lines = [
            f"site = {self.name!r}", "scope = 'trio'",
            f"etcd = {[each.etcd_url for each in self._trio.own_first(self)]}",
            f"superuser_dsn = {self.dsn!r}", f"listen = '127.0.0.1:{self.witness_port}'",
            f"silence_seconds = {self._trio.silence_seconds}", "[patroni]",
            *(f"{s.name} = 'http://127.0.0.1:{s.patroni_port}'" for s in self._trio.sites.values()),
            "[postgres]",
            *(f"{s.name} = '127.0.0.1:{s.postgres_port}'" for s in self._trio.sites.values()),
        ]  # fmt: skip
        (self.folder / "witness.toml").write_text("\n".join(lines) + "\n")
        if self._trio.user:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self._trio.user)

    @property
    def etcd_url(self) -> str:
        return f"http://127.0.0.1:{self.etcd_port}"

    def _etcd(self) -> list[str]:
        peers = ",".join(
            f"{s.name}=http://127.0.0.1:{s.peer_port}" for s in self._trio.sites.values()
        )
        peer = f"http://127.0.0.1:{self.peer_port}"
        return [
            "etcd", "--name", self.name, "--data-dir", str(self.folder / "etcd"),
            "--listen-client-urls", self.etcd_url, "--advertise-client-urls", self.etcd_url,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", peers, "--heartbeat-interval", "100",
            "--election-timeout", "1000", "--pre-vote", "--logger", "zap",
        ]  # fmt: skip

    def _patroni(self) -> list[str]:
        return [sys.executable, "-m", "patroni", str(self.folder / "patroni.yml")]

    def _witness(self) -> list[str]:
        config = str(self.folder / "witness.toml")
        return [sys.executable, "-m", "bongsu.cli", "witness", "--config", config]

    def _patroni_configuration(self) -> dict[str, Any]:
        rest, postgres = f"127.0.0.1:{self.patroni_port}", f"127.0.0.1:{self.postgres_port}"
        hook = f"{sys.executable} -m bongsu.witness.pre_promote --config {self.folder}/witness.toml"
        dynamic = {"use_pg_rewind": True, "use_slots": True, "parameters": PARAMETERS}
        own_first = [f"127.0.0.1:{each.etcd_port}" for each in self._trio.own_first(self)]
        return {
            "scope": "trio", "name": self.name,
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"hosts": own_first},
            "bootstrap": {
                "dcs": {**DYNAMIC, "postgresql": dynamic},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": postgres, "connect_address": postgres, "data_dir": str(self.pgdata),
                "bin_dir": str(_BIN), "pgpass": str(self.folder / "pgpass"),
                "authentication": {
                    "superuser": {"username": "postgres", "password": PASSWORD},
                    "replication": {"username": "replicator", "password": PASSWORD},
                    "rewind": {"username": "rewinder", "password": PASSWORD},
                },
                "pg_hba": [f"host {w} all 127.0.0.0/8 md5" for w in ("all", "replication")],
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
                "pre_promote": hook, "basebackup": [{"checkpoint": "fast"}],
            },
            "watchdog": {"mode": "off"},
        }  # fmt: skip


class Trio:
    """All three sites."""

    def __init__(self, folder: Path, *, silence_seconds: float = 2.0) -> None:
        self.folder = folder
        self.silence_seconds = silence_seconds
        self.user = _unprivileged_user()
        self.sites: dict[str, TrioSite] = {}
        for name in "abc":
            self.sites[name] = TrioSite(self, name)
        for site in self.sites.values():
            site.write_configuration()

    def own_first(self, site: TrioSite) -> list[TrioSite]:
        return [site, *(each for each in self.sites.values() if each is not site)]

    def unprivileged(self, command: list[str]) -> list[str]:
        """As whom PostgreSQL runs."""
        return [*as_user(self.user), *command] if self.user else command

    async def start(self) -> None:
        """Start all; wait until one leads and both others are synchronous."""
        for site in self.sites.values():
            site.start("etcd")
        for site in self.sites.values():
            site.start("patroni")
        await self.settled()
        for site in self.sites.values():
            site.start("witness")
        await self.until(lambda: all(site.status() for site in self.sites.values()))

    def stop(self) -> None:
        for site in self.sites.values():
            pids = [process.pid for process in site.processes.values()] + site.postgres_pids()
            _signal(pids, signal.SIGCONT)
            _signal(pids, signal.SIGKILL)
            for process in site.processes.values():
                process.kill()

    def leader(self) -> TrioSite | None:
        """Who leads and whom all living members agree upon, by Patroni's REST."""
        for site in self.sites.values():
            with contextlib.suppress(OSError, ValueError):
                url = f"http://127.0.0.1:{site.patroni_port}/cluster"
                with urllib.request.urlopen(url, timeout=1) as got:
                    members = json.loads(got.read())["members"]
                for member in members:
                    if member["role"] == "leader" and member["state"] == "running":
                        return self.sites[member["name"]]
        return None

    def standbys(self, state: str = "streaming") -> list[TrioSite]:
        leader = self.leader()
        if leader is None:
            return []
        url = f"http://127.0.0.1:{leader.patroni_port}/cluster"
        with urllib.request.urlopen(url, timeout=1) as got:
            members = json.loads(got.read())["members"]
        return [
            self.sites[each["name"]]
            for each in members
            if each["role"] == "quorum_standby" and each["state"] == state
        ]

    async def settled(self) -> TrioSite:
        """Wait until a leader has two synchronous standbys; the leader."""
        await self.until(lambda: len(self.standbys()) == 2)
        leader = self.leader()
        assert leader is not None
        return leader

    async def until(self, holds: Any, seconds_max: float = READY_SECONDS_MAX) -> None:
        deadline = time.monotonic() + seconds_max
        while True:
            with contextlib.suppress(OSError):
                if await asyncio.to_thread(holds):
                    return
            assert time.monotonic() < deadline, f"not within {seconds_max} s\n{self.story()}"
            await asyncio.sleep(0.2)

    def story(self) -> str:
        """What all witnesses decided, in order of time."""
        lines = "\n".join(site.decisions() for site in self.sites.values()).splitlines()
        return "\n".join(sorted(lines, key=lambda line: line.split(" | ")[0]))


@contextlib.contextmanager
def started_trio() -> Iterator[Trio]:
    """All of it at work, and gone afterwards."""
    with open_folder() as folder:
        trio = Trio(folder)
        try:
            asyncio.run(trio.start())
            yield trio
        finally:
            trio.stop()


class Writer:
    """A client that commits numbered rows one by one at whoever is primary, and retries.

    `acknowledged` holds what a commit was confirmed for; `gaps` the times between confirmations.
    """

    def __init__(self, trio: Trio) -> None:
        self._trio = trio
        self.acknowledged: list[int] = []
        self.confirmed: list[tuple[float, str]] = []  # when, and by which site
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Writer":
        leader = await self._trio.settled()
        connection = await asyncpg.connect(leader.dsn)
        await connection.execute("CREATE TABLE IF NOT EXISTS ledger (n bigint PRIMARY KEY)")
        await connection.execute("TRUNCATE ledger")
        await connection.close()
        self._task = asyncio.create_task(self._run())
        await asyncio.sleep(1.0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._stopping = True
        await self._task

    async def until_acknowledged(self, seconds_max: float = 60.0) -> None:
        """Wait for the next confirmation."""
        count, deadline = len(self.acknowledged), time.monotonic() + seconds_max
        while len(self.acknowledged) == count:
            assert time.monotonic() < deadline, f"no commit\n{self._trio.story()}"
            await asyncio.sleep(0.02)

    def gap(self) -> float:
        """The longest time between two confirmations."""
        times = sorted(at for at, _ in self.confirmed)
        return max((b - a for a, b in pairwise(times)), default=0.0)

    def first_by_another(self, site: TrioSite) -> float:
        """When a site other than `site` first confirmed a commit."""
        return min(at for at, name in self.confirmed if name != site.name)

    async def until_acknowledged_by_another(self, site: TrioSite, seconds_max: float = 60) -> None:
        deadline = time.monotonic() + seconds_max
        while not any(name != site.name for _, name in self.confirmed):
            assert time.monotonic() < deadline, f"no commit elsewhere\n{self._trio.story()}"
            await asyncio.sleep(0.02)

    async def lost(self) -> set[int]:
        """What was acknowledged and cannot be found at the present primary."""
        leader = await self._trio.settled()
        connection = await asyncpg.connect(leader.dsn)
        rows = await connection.fetch("SELECT n FROM ledger")
        await connection.close()
        return set(self.acknowledged) - {row["n"] for row in rows}

    async def _run(self) -> None:
        sessions = {name: asyncio.create_task(self._commit_at(site))
                    for name, site in self._trio.sites.items()}  # fmt: skip
        await asyncio.gather(*sessions.values())

    async def _commit_at(self, site: TrioSite) -> None:
        """Commit whenever this site is primary; each site apart, so none waits for a hung one."""
        while not self._stopping:
            with contextlib.suppress(*LOST_CONNECTION):
                await self._session(site)
            await asyncio.sleep(0.05)

    async def _session(self, site: TrioSite) -> None:
        connection = await asyncpg.connect(site.dsn, timeout=2)
        warned: list[object] = []
        connection.add_log_listener(lambda _, message: warned.append(message))
        try:
            while not self._stopping:
                if await asyncio.wait_for(connection.fetchval("SELECT pg_is_in_recovery()"), 2):
                    return
                await self._commit(site, connection, warned)
        finally:
            connection.terminate()

    async def _commit(self, site: TrioSite, connection: Any, warned: list[object]) -> None:
        number = time.time_ns()
        insert = asyncio.ensure_future(connection.execute("INSERT INTO ledger VALUES ($1)", number))
        while not insert.done():  # never cancelled: that would look like a success
            await asyncio.wait([insert], timeout=0.5)
            if self._stopping and not insert.done():
                connection.terminate()
        insert.result()
        await asyncio.sleep(0)
        if not warned:
            self.acknowledged.append(number)
            self.confirmed.append((time.monotonic(), site.name))
        await asyncio.sleep(0.002)


def as_user(name: str) -> list[str]:
    """What a command is put behind to run as somebody; a Python in /root stays within reach."""
    account = pwd.getpwnam(name)
    return [
        "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
        "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--",
    ]  # fmt: skip


def _signal(pids: Any, number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
