"""The files of `bongsu site init` under the real engines: three sites on loopback addresses,
started by the commands of their own systemd units, speak TLS to one another, and only that.

PostgreSQL needs a build with TLS, which the wheel's is not: any of Debian's does for that test.
"""

import asyncio
import os
import random
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from harness.desk import Visitor
from harness.process import Process
from integration.test_desk_reports_pages import report

from bongsu.desk.reports.spooling import Box, decode
from bongsu.files.desk_keys import load_file_keys
from bongsu.files.report_spool import ReportSpool
from bongsu.host.accounts import unprivileged_account, untraversable_parent
from bongsu.lab.component import _walking_anywhere  # pyright: ignore[reportPrivateUsage]
from bongsu.lab.patroni import require_patroni
from bongsu.nats.bus import NatsBus
from bongsu.sites.description import Site, describe
from bongsu.sites.engines import nats_urls, s3_url
from bongsu.sites.init import _secrets as secrets_in  # pyright: ignore[reportPrivateUsage]
from bongsu.sites.init import init
from bongsu.sites.own import DESK_PORT, database_url
from bongsu.witness.config import load as load_witness
from bongsu.witness.http_client import CallFailed, HttpClient

SECONDS_MAX = 60.0
ATTEMPT_SECONDS_MAX = 5.0
NAMES = ("a", "b", "c")
# The server parts of Debian's packages lie where only they look for them.
TLS_POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)

needs_etcd = pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed")


class Sites:
    """Three sites in a folder, none of their engines running."""

    def __init__(self, folder: Path) -> None:
        number = random.randrange(64, 250)  # other runs on this machine have other addresses
        places = {name: f"{folder}/{{site}}/{name}" for name in ("data", "backup")}
        self.folder = folder
        self.all = describe(
            {
                "sites": {name: f"127.{number}.{n}.1" for n, name in enumerate(NAMES, 1)},
                "server_name": "example.org",
                "etc": f"{folder}/{{site}}/etc",
                **places,
                "venv": str(Path(sys.executable).parents[1]),
                "postgres_bin": str(TLS_POSTGRES or "/nowhere"),
                "postgres_memory_mb": 32,
            }
        )
        init(folder, self.all)
        self.secrets = secrets_in(folder / "secrets.json")
        self.sites = [self.all.site(name) for name in NAMES]
        self.account = unprivileged_account(folder / "a")
        self.user = self.account.name if self.account else None
        for site in self.sites:
            for below in ("etcd", "patroni", "seaweed", "node", "desk"):
                (site.data / below).mkdir(parents=True)
            for below in ("wal", "base"):
                (site.backup / below).mkdir(parents=True)
            # What listens on 127.0.0.1 would do so three times on this one machine.
            nats = site.etc / "nats.conf"
            nats.write_text(nats.read_text().replace("127.0.0.1:", f"{site.host}:"))
            subprocess.run(["chmod", "-R", "go-rwx", str(folder / site.name)], check=True)
            if self.user:
                subprocess.run(["chown", "-R", self.user, str(folder / site.name)], check=True)
        folder.chmod(0o711)
        self._started: list[Process] = []

    def start(self, engine: str, *names: str) -> None:
        """At these sites, or at all, as its unit says."""
        for site in [site for site in self.sites if site.name in (names or NAMES)]:
            unit = (self.folder / site.name / "systemd" / f"bongsu-{engine}.service").read_text()
            lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
            env = {"HOME": str(site.data), "PATH": os.environ["PATH"]}
            if path := lines.get("EnvironmentFile"):
                env |= dict(line.split("=", 1) for line in Path(path).read_text().splitlines())
            log = self.folder / f"{engine}-{site.name}.log"
            command, user = lines["ExecStart"].split(), self.user
            python = Path(sys.executable).resolve()
            if self.account and untraversable_parent(python, self.account):
                command, user = [*_walking_anywhere(self.account), *command], None
            self._started.append(Process(command, log=log, env=env, user=user, cwd=site.data))

    def run(self, site: Site, program: str, *arguments: str) -> str:
        """A program of the site's own, as its account."""
        done = subprocess.run(
            [str(site.etc / program), *arguments], capture_output=True, text=True, check=False,
            user=self.user, cwd=site.data, timeout=SECONDS_MAX,
            env={**os.environ, "HOME": str(site.data)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def tls(self, site: Site, *, with_certificate: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(site.ca))
        if with_certificate:
            context.load_cert_chain(site.certificate, site.key)
        return context

    def stop(self) -> None:
        while self._started:
            self._started.pop().stop()


@pytest.fixture
def sites(data_folder: Path) -> Iterator[Sites]:
    sites = Sites(data_folder)
    try:
        yield sites
    finally:
        sites.stop()


async def eventually(attempt, *errors: type[Exception]):  # type: ignore[no-untyped-def]
    """What `attempt` gives once it neither fails nor gives nothing."""
    deadline = asyncio.get_running_loop().time() + SECONDS_MAX
    while True:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
                if found := await attempt():
                    return found
        except (OSError, TimeoutError, *errors):
            if asyncio.get_running_loop().time() > deadline:
                raise
        assert asyncio.get_running_loop().time() < deadline, "it never came to that"
        await asyncio.sleep(0.2)


@needs_etcd
async def test_etcd_serves_the_sites_and_nobody_without_their_certificate(sites: Sites):
    sites.start("etcd")
    a = sites.sites[0]
    endpoints = [f"https://{a.host}:2379"]
    etcd = HttpClient(endpoints, sites.tls(a))
    put = {"key": "a2V5", "value": "dmFsdWU="}
    await eventually(lambda: etcd.post("/v3/kv/put", put), CallFailed)
    members = (await etcd.post("/v3/cluster/member/list", {}))["members"]
    assert {member["name"] for member in members} == set(NAMES)
    etcd.close()
    stranger = HttpClient(endpoints, sites.tls(a, with_certificate=False))
    with pytest.raises(CallFailed):
        await stranger.post("/v3/kv/range", {"key": "a2V5"})
    stranger.close()


async def test_nats_carries_from_site_to_site_over_tls(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
):
    sites.start("nats")
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    a, b = sites.sites[:2]
    monkeypatch.setenv("SSL_CERT_FILE", str(a.ca))  # as in the node's unit

    async def connect(site: Site) -> NatsBus:
        return await NatsBus.connect(nats_urls(site, sites.secrets)[0])

    at_a = await eventually(lambda: connect(a))
    at_b = await eventually(lambda: connect(b))
    await at_b.subscribe("beacon", heard.put_nowait)

    async def arrives() -> bytes:
        await at_a.publish("beacon", b"fire")
        return await asyncio.wait_for(heard.get(), 0.5)

    assert await eventually(arrives) == b"fire"
    await at_a.close()
    await at_b.close()


async def test_seaweed_speaks_https_and_its_bucket_is_made(sites: Sites):
    sites.start("seaweed", "a")
    a = sites.sites[0]
    sites.run(a, "make-bucket")
    sites.run(a, "make-bucket")

    async def status() -> str:
        host, port = s3_url(a).removeprefix("https://").split("/")[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=sites.tls(a))
        writer.write(f"GET /status HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        line = await reader.readline()
        writer.close()
        return line.decode()

    assert "200" in await eventually(status)


async def test_the_desks_take_reports_before_there_is_any_database(sites: Sites):
    """What one site's desk has spooled another can forward: the keys are the same."""
    sites.start("desk", "a", "b")
    a, b = sites.sites[:2]
    for site in (a, b):
        visitor = Visitor(site.url(DESK_PORT, "http"))
        ask = partial(visitor.get, "/health")
        health = await eventually(ask, aiohttp.ClientError)
        assert '"database":false' in health.text
        assert "not yet confirmed at a second site" in (await report(visitor)).text
        await visitor.close()
    spool = ReportSpool(a.data / "desk" / "spool")
    (name,) = await spool.list_batches()
    (record,) = await spool.read(name)
    box = Box(load_file_keys(b.etc / "desk_keys", is_shared=True))
    assert decode(record, box).site == "a"
    await spool.close()


@needs_etcd
@pytest.mark.skipif(TLS_POSTGRES is None, reason="no PostgreSQL with TLS in /usr/lib/postgresql")
async def test_patroni_makes_the_database_and_the_witness_sees_it_over_tls(sites: Sites):
    require_patroni()
    sites.start("etcd")
    sites.start("patroni")
    a = sites.sites[0]
    url = database_url(a, sites.secrets, a.own_first)

    async def standbys() -> bool:
        connection = await asyncpg.connect(url, timeout=2, target_session_attrs="read-write")
        try:
            query = """SELECT count(*) FROM pg_stat_replication
                WHERE state = 'streaming' AND length(application_name) = 1"""  # no base backup
            return await connection.fetchval(query) == 2
        finally:
            await connection.close()

    lost = (asyncpg.PostgresError, asyncpg.InterfaceError)
    await eventually(standbys, *lost, asyncpg.exceptions.TargetServerAttributeNotMatched)
    connection = await asyncpg.connect(url, target_session_attrs="read-write")
    assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    await connection.execute("CREATE TABLE kept (n int)")  # waits for a standby
    await connection.close()
    with pytest.raises((OSError, asyncpg.PostgresError)):
        await asyncpg.connect(url.replace("verify-full", "disable"), timeout=5)
    for site in sites.sites:
        config = load_witness(site.etc / "witness.toml")
        etcd = HttpClient(config.etcd, config.tls)
        await etcd.post("/v3/maintenance/status", {})
        etcd.close()
    # A backup by the site's own program, WAL in every site's own archive, and all of it restored.
    sites.run(a, "base-backup")
    (backup,) = (path.name for path in (a.backup / "base").iterdir())
    superuser = url.replace(
        f"bongsu:{sites.secrets.database}", f"postgres:{sites.secrets.superuser}"
    )
    connection = await asyncpg.connect(superuser, target_session_attrs="read-write")
    await connection.execute("INSERT INTO kept VALUES (1)")
    moment = str(await connection.fetchval("SELECT clock_timestamp()"))
    await connection.execute("INSERT INTO kept VALUES (2)")
    name = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
    await connection.close()
    for site in sites.sites:
        await eventually(lambda site=site: _archived(site, name))
    sites.stop()
    (a.data / "postgres").rename(a.data / "postgres.before")
    restored = sites.run(a, "restore", backup, moment).rpartition("recovered: ")[2].split()
    assert _asked_once(sites, a, [*restored, "-Atc", "SELECT n FROM kept"]).split() == ["1"]


def _asked_once(sites: Sites, site: Site, command: list[str]) -> str:
    """What the restored server answers; then it is stopped."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        control = [str(site.postgres_bin / "pg_ctl"), "-D", str(site.data / "postgres"), "stop"]
        subprocess.run(control, check=True, capture_output=True, user=sites.user, cwd="/")


async def _archived(site: Site, name: str) -> bool:
    return (site.backup / "wal" / name).exists()
