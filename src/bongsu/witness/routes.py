"""Makes a silent primary unroutable, where the operator gave commands for it.

It is no fence: what is in flight arrives all the same. It only spares Patroni the two seconds that
it waits for the answer of a member which is hung.
"""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import structlog

from bongsu.witness.config import Config

COMMAND_SECONDS_MAX = 1.0

_log = structlog.get_logger()


class Routes:
    """Runs `config.cut` and `config.uncut`, in pairs."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._cut_site = ""

    async def cut(self, site: str) -> None:
        if self._config.cut and self._config.uncut and site and not self._cut_site:
            self._cut_site = site
            await self._run(self._config.cut, site)

    async def uncut(self) -> None:
        """Also without a `cut` before it: the witness before us may have left one."""
        if not self._config.uncut:
            return
        sites = [self._cut_site] if self._cut_site else [*self._config.postgres]
        for site in sites:
            if site != self._config.site:
                await self._run(self._config.uncut, site)
        self._cut_site = ""

    async def _run(self, command: tuple[str, ...], site: str) -> None:
        host, port = self._config.postgres[site]
        rest = urlsplit(self._config.patroni[site]).port
        words = [word.format(host=host, port=port, patroni_port=rest) for word in command]
        try:
            async with asyncio.timeout(COMMAND_SECONDS_MAX):
                process = await asyncio.create_subprocess_exec(
                    *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
                )
                with suppress(ProcessLookupError):
                    await process.wait()
        except (OSError, TimeoutError) as error:
            _log.warning("route command failed", command=words, error=str(error))
