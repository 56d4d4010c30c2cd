"""How many requests a second the desk's public notices answer, from memory.

    .venv/bin/python -m bench.desk

One desk process as an operator runs it, on a database of its own, with services, ninety days of
changes and incidents; then clients over keep-alive connections from another process. It says
requests a second, the desk's CPU time for one, and latencies. The status page is the largest page.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import asyncpg
import uvloop
from harness.http import ConnectionLost, HttpClient
from harness.postgres import Postgres
from harness.process import free_port

from bongsu.postgres.migrate import DESK, migrate

SECONDS = 10.0
CONNECTIONS = 64
SERVICES = 12
SITES = ("pangyo", "anyang", "daejeon")
INCIDENTS = 40
DAY_MS = 24 * 3600 * 1000
TICKS = os.sysconf("SC_CLK_TCK")
READY_SECONDS_MAX = 60.0
PATHS = {
    "status page, gzip": ("/", {"accept-encoding": "gzip"}),
    "status page, plain": ("/?lang=en", {}),
    "Atom feed, gzip": ("/feed.atom?lang=en", {"accept-encoding": "gzip"}),
}


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="bongsu-bench-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = Postgres(folder / "postgres")
        postgres.start()
        try:
            dsn = postgres.create_database("bench")
            uvloop.run(prepare(dsn))
            measure(folder, dsn, seconds)
        finally:
            postgres.stop()


async def prepare(dsn: str) -> None:
    await migrate(dsn)
    await migrate(dsn, tables=DESK)
    await fill(dsn)


async def fill(dsn: str) -> None:
    """A board as large as a real one grows."""
    now = time.time_ns() // 1_000_000
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "desk"})
    for number in range(SERVICES):
        service = f"service-{number}"
        names = f'{{"ko": "서비스 {number}", "en": "Service {number}"}}'
        await connection.execute(
            "INSERT INTO notice_service VALUES ($1, $2, $3)", service, names, number
        )
        for site in SITES:
            await connection.execute(
                "INSERT INTO notice_component VALUES ($1, $2, '', 'operational', NULL, NULL, '{}')",
                service, site,
            )  # fmt: skip
            for day in range(90, 0, -7):
                for health, hours in (("operational", 0), ("major_outage", 3), ("operational", 5)):
                    at = now - day * DAY_MS + hours * 3_600_000
                    await connection.execute(
                        "INSERT INTO notice_change (service_id, site, ts, health, source)"
                        " VALUES ($1, $2, $3, $4, 'probe')",
                        service, site, at, health,
                    )  # fmt: skip
    for number in range(INCIDENTS):
        begins = now - number * 2 * DAY_MS - 3_600_000
        incident = f"incident-{number}"
        await connection.execute(
            "INSERT INTO notice_incident"
            " VALUES ($1, 'incident', 'degraded', $2, $3, $4, $5, $6, $1)",
            incident, f'{{"en": "Incident {number}"}}', [f"service-{number % SERVICES}"], begins,
            None if number < 2 else begins + 3_600_000,
            "identified" if number < 2 else "resolved",
        )  # fmt: skip
        for step in range(4):
            await connection.execute(
                "INSERT INTO notice_update (incident_id, phase, ts, texts, author, post_key)"
                " VALUES ($1, 'identified', $2, $3, '@a:b', $4)",
                incident, begins + step * 600_000, f'{{"en": "{"What is known now. " * 10}"}}',
                f"{incident}-{step}",
            )  # fmt: skip
    await connection.execute("UPDATE notice_board SET version = version + 1")
    await connection.close()


def measure(folder: Path, dsn: str, seconds: float) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "BONGSU_DATA": str(folder / "data"),
        "BONGSU_DATABASE_URL": dsn,
        "BONGSU_DESK_LISTEN": f"127.0.0.1:{port}",
    }
    (folder / "data").mkdir()
    command = [str(Path(sys.executable).parent / "bongsu"), "desk"]
    with (folder / "log").open("wb") as log:
        desk = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        uvloop.run(measure_all(port, desk.pid, seconds))
    finally:
        desk.terminate()
        desk.wait()


async def measure_all(port: int, pid: int, seconds: float) -> None:
    client = HttpClient(f"http://127.0.0.1:{port}")
    await until_shown(client)
    for what, (path, headers) in PATHS.items():
        await measure_path(what, pid, client, path, headers, seconds)
    await client.close()


async def measure_path(
    what: str,
    pid: int,
    client: HttpClient,
    path: str,
    headers: dict[str, str],
    seconds: float,
) -> None:
    before, begun = cpu_seconds(pid), time.perf_counter()
    runs = await asyncio.gather(
        *(ask_for(client, path, headers, seconds) for _ in range(CONNECTIONS))
    )
    took, cpu = time.perf_counter() - begun, cpu_seconds(pid) - before
    latencies = [latency for run, _ in runs for latency in run]
    cuts = quantiles(latencies, n=100)
    print(
        f"{what:20} {len(latencies) / took:8.0f} requests/s   "
        f"desk {cpu / len(latencies) * 1e6:4.0f} us CPU a request   {runs[0][1] / 1000:.1f} kB   "
        f"p50 {cuts[49] * 1000:.1f} ms   p99 {cuts[98] * 1000:.1f} ms"
    )


async def ask_for(
    client: HttpClient, path: str, headers: dict[str, str], seconds: float
) -> tuple[list[float], int]:
    """Requests one after another; their latencies, and the bytes of a body."""
    latencies: list[float] = []
    size = 0
    ends = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < ends:
        answer = await client.request("GET", path, headers=headers)
        assert answer.status == 200, answer.status
        latencies.append(time.perf_counter() - begun)
        size = len(answer.body)
    return latencies, size


async def until_shown(client: HttpClient) -> None:
    async with asyncio.timeout(READY_SECONDS_MAX):
        while True:
            try:
                if b"Incident 0" in (await client.request("GET", "/?lang=en")).body:
                    return
            except ConnectionLost:
                pass
            await asyncio.sleep(0.1)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    main(parser.parse_args().seconds)
