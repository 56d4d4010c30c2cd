"""A server that starts while its sites have no primary: it waits, and tells everybody so."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from bongsu.errors import cannot_listen
from bongsu.http.server import Server
from bongsu.http.waiting import WaitingRoom
from bongsu.postgres.servers import address_of, find_primary, split_dsn
from bongsu.settings import Settings, split_listen

log = structlog.get_logger()

AT_ONCE_SECONDS_MAX = 1.0  # a primary that is there is found sooner
SAY_SECONDS = 10.0


async def primary_of(settings: Settings, dsn: str) -> str:
    """The DSN of the primary among the servers of `dsn`, as soon as there is one.

    Until then `/health` is up where the server will listen, and `/ready` says what is missing.
    """
    found = await find_primary(dsn, AT_ONCE_SECONDS_MAX)
    if found is not None:
        return found
    servers = ", ".join(map(address_of, split_dsn(dsn)))
    reason = f"waiting for a primary database among {servers}"
    async with _told(settings, reason):
        while found is None:
            log.warning("waiting", reason=reason)
            found = await find_primary(dsn, SAY_SECONDS)
    return found


@asynccontextmanager
async def _told(settings: Settings, reason: str) -> AsyncGenerator[None]:
    """Tell `reason` to clients and to monitoring for as long as the block runs."""
    async with AsyncExitStack() as told:
        listens = {"listen": settings.listen, "monitoring_listen": settings.monitoring_listen}
        for setting, listen in listens.items():
            if not listen:
                continue
            host, port = split_listen(listen)
            server = Server(WaitingRoom(reason), host, port, reuse_port=settings.processes > 1)
            try:
                await server.start()
            except OSError as error:
                raise cannot_listen(setting, listen, error) from error
            told.push_async_callback(server.stop)
        yield
