"""PostgreSQL 18 from the wheel, started, watched and stopped by Bongsu.

    engine = EmbeddedPostgres(Path("data"))
    dsn = await engine.start()      # initdb on the first start
    ...                             # engine.run() in a task keeps it alive
    await engine.stop()             # fast shutdown: every acknowledged commit is in the WAL

One that outlived its Bongsu (SIGKILL) is stopped by the next start, never adopted: only a child can
be watched, and only a fresh start has today's settings. On Linux the kernel stops it earlier.
"""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import structlog

from bongsu.errors import OperatorError
from bongsu.host.child_process import ChildProcess, Command
from bongsu.host.kept_process import KeptProcess
from bongsu.postgres.cluster import (
    DATABASE,
    LOG_BYTES_MAX,
    Cluster,
    EngineSettings,
    dsn_of,
)

START_SECONDS_MAX = 120.0  # recovery after a crash replays up to max_wal_size
ORPHAN_SECONDS_MAX = 60.0
FAST_STOP_SECONDS = 60.0
IMMEDIATE_STOP_SECONDS = 10.0
LOG_TAIL_BYTES = 2000
LOG_TAIL_LINES = 3

_log = structlog.get_logger()


class EmbeddedPostgres:
    """One engine on one data folder. The caller holds the folder's lock."""

    def __init__(self, data: Path, settings: EngineSettings | None = None) -> None:
        self._cluster = Cluster(data)
        self._settings = settings or EngineSettings()
        self._socket_folder: Path | None = None
        self._kept = KeptProcess("postgres", self._launch, self._bound_log)

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return self._kept.process.pid

    @property
    def dsn(self) -> str:
        assert self._socket_folder is not None, "not started"
        return dsn_of(self._socket_folder)

    async def start(self) -> str:
        """Start it and wait until it answers; gives the DSN of the (empty) database `bongsu`.

        Raises `OperatorError` when it does not come up.
        """
        await self._stop_orphan()
        self._socket_folder = await asyncio.to_thread(self._cluster.prepare, self._settings)
        self._kept.start()
        try:
            await self._wait_until_ready()
            await self._make_database()
        except BaseException:
            await self.stop()
            raise
        return self.dsn

    async def run(self) -> None:
        """Keep it alive until cancelled: a dead one is started again and recovers by itself."""
        await self._kept.run()

    async def stop(self) -> None:
        """Fast shutdown, then immediate: both lose nothing that was acknowledged."""
        await self._kept.stop()
        if self._socket_folder is not None:
            self._cluster.forget_socket_folder(self._socket_folder)

    def _launch(self) -> ChildProcess:
        return ChildProcess(
            Command(
                argv=[self._cluster.binary("postgres"), "-D", str(self._cluster.pgdata)],
                account=self._cluster.account,
                working_directory=Path("/"),
                output=self._cluster.log,
                death_signal=signal.SIGINT,
                stop_steps=(
                    (signal.SIGINT, FAST_STOP_SECONDS),
                    (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS),
                ),
            )
        )

    async def _stop_orphan(self) -> None:
        pid = self._cluster.running_pid()
        if pid is None:
            return
        _log.warning("stopping a PostgreSQL that outlived its Bongsu", pid=pid)
        try:
            os.kill(pid, signal.SIGINT)
            async with asyncio.timeout(ORPHAN_SECONDS_MAX):
                while self._cluster.running_pid() == pid:
                    await asyncio.sleep(0.05)
        except ProcessLookupError:
            return
        except (TimeoutError, PermissionError):
            raise OperatorError(
                f"Another PostgreSQL (process {pid}) runs on {self._cluster.pgdata} and does not "
                f"stop: run `kill -QUIT {pid}` as root, then start again"
            ) from None

    async def _wait_until_ready(self) -> None:
        """Until it takes connections. Relaunches while a dead one's backends still hold memory."""
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                while True:
                    if self._kept.process.exit_code is not None:
                        if not self._memory_still_held():
                            raise OperatorError(f"PostgreSQL does not start: {self._last_words()}")
                        await asyncio.sleep(0.5)
                        self._kept.start()
                    try:
                        await (await self._connect("postgres")).close()
                        return
                    except (
                        OSError,
                        asyncpg.CannotConnectNowError,
                        asyncpg.ConnectionDoesNotExistError,
                    ):
                        await asyncio.sleep(0.05)
        except TimeoutError:
            raise OperatorError(
                f"PostgreSQL was not ready in {START_SECONDS_MAX:.0f} s: see {self._cluster.log}"
            ) from None

    async def _make_database(self) -> None:
        connection = await self._connect("postgres")
        try:
            if not await connection.fetchval(
                "SELECT 1 FROM pg_database WHERE datname = $1", DATABASE
            ):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()

    async def _connect(self, database: str) -> "asyncpg.Connection[asyncpg.Record]":
        assert self._socket_folder is not None
        return await asyncpg.connect(dsn_of(self._socket_folder, database), timeout=10)

    def _memory_still_held(self) -> bool:
        return "pre-existing shared memory block" in self._last_words()

    def _last_words(self) -> str:
        """The last lines of the log as one, without their times."""
        with self._cluster.log.open("rb") as file:
            file.seek(max(0, self._cluster.log.stat().st_size - LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        messages = [line.rpartition("]")[2].strip() for line in lines[-LOG_TAIL_LINES:]]
        return "; ".join(messages) or "it said nothing"

    def _bound_log(self) -> None:
        """Keep the log within twice LOG_BYTES_MAX: copy it aside, cut it (it is in append mode)."""
        log = self._cluster.log
        if log.stat().st_size > LOG_BYTES_MAX:
            log.with_suffix(".log.1").write_bytes(log.read_bytes()[-LOG_BYTES_MAX:])
            os.truncate(log, 0)


def running_dsn(data: Path) -> str | None:
    """The DSN of the embedded PostgreSQL that runs on `data` now; None if none does."""
    folder = Cluster(data).running_socket_folder()
    return dsn_of(folder) if folder is not None else None
