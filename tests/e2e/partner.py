"""Somebody with matrix-js-sdk who joins what they are invited to and answers what they read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.node import installed_node

SCRIPTS = Path(__file__).parent / "js"


@asynccontextmanager
async def partner_of(url: str) -> AsyncIterator[str]:
    """User id of a partner on that server."""
    process = await asyncio.create_subprocess_exec(
        installed_node(SCRIPTS), "partner.mjs", url,
        cwd=SCRIPTS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            if line.startswith(b"partner "):
                break
        assert line, "the partner did not come"
        yield line.decode().split()[1]
    finally:
        process.kill()
        await process.communicate()
