"""Can the leader write? Its PostgreSQL is asked to, again and again.

A query that must spill writes a temporary file where the tables are, needs no right and no WAL,
and leaves nothing behind. What it costs a healthy primary: 150 KB a second for each standby, which
the kernel forgets before they reach the disk.
"""

import asyncio
import errno
import os
from contextlib import suppress
from typing import Any

import asyncpg

from bongsu.witness.config import Config
from bongsu.witness.fullness import Fullness
from bongsu.witness.standby import Errors, connect

EVERY_SECONDS = 1.0
ANSWER_SECONDS_MAX = 2.0
# Messages in English, and no more memory than makes the rows spill.
_SETTINGS = {"work_mem": "64kB", "lc_messages": "C", "application_name": "bongsu witness disk"}
_SPILL = "SELECT count(*) FROM generate_series(1, 10000)"
_NO_SPACE = os.strerror(errno.ENOSPC)


def is_full(error: Exception) -> bool:
    """Whether PostgreSQL says that there is no space left: some ways to say it have no code."""
    return isinstance(error, asyncpg.DiskFullError) or (
        isinstance(error, asyncpg.PostgresError) and _NO_SPACE in str(error)
    )


class DiskProbe:
    """Feeds `fullness`, each second, with whether the leader can write."""

    def __init__(self, config: Config, fullness: Fullness) -> None:
        self._config = config
        self._fullness = fullness
        self._target: tuple[str, int] | None = None  # leader and revision
        self._session: tuple[str, asyncpg.Connection[asyncpg.Record]] | None = None

    def watch(self, leader: str, revision: int) -> None:
        """Ask this leader from now on; our own site's is for the others to judge."""
        is_asked = leader in self._config.postgres and leader != self._config.site
        self._target = (leader, revision) if is_asked else None

    async def run(self) -> None:
        try:
            while True:
                if self._target is not None:
                    await self._ask(*self._target)
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            self._close()

    async def _ask(self, leader: str, revision: int) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await (await self._connected(leader)).fetchrow(_SPILL)
        except Errors as error:
            if is_full(error):
                self._fullness.refused(revision, asyncio.get_running_loop().time())
            else:
                self._close()  # no answer to the question: it proves nothing
        else:
            self._fullness.wrote(revision)

    async def _connected(self, leader: str) -> Any:
        if self._session is not None and self._session[0] != leader:
            self._close()
        if self._session is None:
            address = self._config.postgres[leader]
            self._session = leader, await connect(self._config, address, _SETTINGS)
        return self._session[1]

    def _close(self) -> None:
        """Drop the session without a word."""
        if self._session is not None:
            with suppress(*Errors):
                self._session[1].terminate()
            self._session = None
