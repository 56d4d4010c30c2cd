"""The engines that a server stands on, up for as long as a `with` block runs."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from bongsu.errors import OperatorError
from bongsu.host.folder_lock import FolderLock
from bongsu.nats.server_process import NatsServer
from bongsu.postgres.cluster import EngineSettings
from bongsu.postgres.embedded import EmbeddedPostgres, running_dsn
from bongsu.postgres.servers import find_primary, split_dsn
from bongsu.settings import Settings
from bongsu.waiting import primary_of

# What a process holds beside its pool: the pen, the heartbeat, the catch-up reader, …
CONNECTIONS_BESIDE_POOL = 10
CONNECTIONS_FOR_OPERATORS = 20
PRIMARY_SECONDS_MAX = 30.0  # a command waits so long for the sites to have one; a server, for ever


class Engine(Protocol):
    """A child process that others connect to: `start` gives its URL, `run` keeps it alive."""

    @property
    def start(self) -> Callable[[], Awaitable[str]]: ...
    async def run(self) -> None: ...
    async def stop(self) -> None: ...


@asynccontextmanager
async def own_database(settings: Settings) -> AsyncGenerator[str]:
    """DSN of the database, embedded or not, with the data folder locked for us alone."""
    _make_data_folder(settings)
    lock = FolderLock(settings.data)
    try:
        if settings.database_url is not None:
            yield await primary_of(settings, settings.database_url)
            return
        async with up(EmbeddedPostgres(settings.data, _engine_settings(settings))) as dsn:
            yield dsn
    finally:
        lock.release()


@asynccontextmanager
async def any_database(settings: Settings) -> AsyncGenerator[str]:
    """DSN of the database: the running server's if there is one, else as `own_database`."""
    dsn = settings.database_url or running_dsn(settings.data)
    if dsn is not None:
        yield await find_primary(dsn, PRIMARY_SECONDS_MAX) or split_dsn(dsn)[0]
        return
    async with own_database(settings) as dsn:
        yield dsn


@asynccontextmanager
async def bus(settings: Settings) -> AsyncGenerator[str | None]:
    """URL of NATS; None for one process, whose bus is in its memory."""
    if settings.nats_url is not None or settings.processes == 1:
        yield settings.nats_url
        return
    async with up(NatsServer(settings.data / "nats")) as url:
        yield url


@asynccontextmanager
async def up(engine: Engine) -> AsyncGenerator[str]:
    """Start `engine`, keep it alive, stop it at the end."""
    url = await engine.start()
    keeper = asyncio.create_task(engine.run())
    try:
        yield url
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await engine.stop()


def _make_data_folder(settings: Settings) -> None:
    """Others may not list it; as root, PostgreSQL's account has to walk through it."""
    try:
        if not settings.data.is_dir():
            settings.data.mkdir(parents=True)
            settings.data.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise OperatorError(
            f"The data folder {settings.data} cannot be made ({error.strerror}): "
            "choose another with BONGSU_DATA"
        ) from None


def _engine_settings(settings: Settings) -> EngineSettings:
    a_process = settings.database_connections + CONNECTIONS_BESIDE_POOL
    processes = settings.processes + settings.has_desk
    needed = processes * a_process + CONNECTIONS_FOR_OPERATORS
    return EngineSettings(
        memory_mb=settings.postgres_memory_mb,
        connections_max=max(settings.postgres_connections_max, needed),
    )
