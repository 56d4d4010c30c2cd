"""Somebody with matrix-js-sdk who joins what they are invited to and answers what they read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.node import installed_node

SCRIPTS = Path(__file__).parent / "js"


class Partner:
    """A script that runs; it says who it is, and then what its head tells."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.user_id = ""
        self.device_id = ""

    async def hears(self, word: str) -> str:
        """The rest of the next line that begins with `word`."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line.split(maxsplit=1)[:1] == [word.encode()]:
                return line.decode().removeprefix(word).strip()
        raise AssertionError(f"the script ended before it said {word}")

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")


@asynccontextmanager
async def partner_of(url: str, script: str = "partner.mjs") -> AsyncIterator[Partner]:
    """A partner on that server."""
    process = await asyncio.create_subprocess_exec(
        installed_node(SCRIPTS), script, url,
        cwd=SCRIPTS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        partner = Partner(process)
        partner.user_id, partner.device_id = (await partner.hears("partner")).split()
        yield partner
    finally:
        process.kill()
        await process.communicate()
