"""Work on strangers' bytes in a process of its own: without files, environment, or much of
anything, and killed when it takes too long.

    run(module, arguments, content)   starts  python -I -m <module> <arguments>
    confine(...)                      the first thing that such a module does
"""

import asyncio
import contextlib
import os
import resource
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass

NICENESS = 10
OPEN_FILES_MAX = 64
READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Ended:
    """What a process wrote, and how it ended: 0 for well, None if it took too long.

    One that wrote more than asked for was killed then; the output is longer than that.
    """

    output: bytes
    code: int | None


async def run(
    module: str,
    arguments: list[str],
    content: bytes | AsyncIterator[bytes],
    *,
    seconds_max: float,
    output_bytes_max: int,
) -> Ended:
    """Give `content` to a fresh process and collect what it writes. Cancelling kills it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-B", "-m", module, *arguments,
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/",
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds_max):
            _, output = await asyncio.gather(
                _feed(process, content), _output(process, output_bytes_max)
            )
            return Ended(output, await process.wait())
    except TimeoutError:
        return Ended(b"", None)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def confine(*, memory_bytes_max: int, cpu_seconds_max: int) -> None:
    """Take from this process what it does not need; past the bounds it dies alone."""
    limits = {
        resource.RLIMIT_AS: memory_bytes_max,
        resource.RLIMIT_CPU: cpu_seconds_max,
        resource.RLIMIT_NOFILE: OPEN_FILES_MAX,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(kind, (limit, limit))
    os.nice(NICENESS)


async def _feed(process: Process, content: bytes | AsyncIterator[bytes]) -> None:
    assert process.stdin is not None
    # A process that died early breaks the pipe; its exit code tells the story.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if isinstance(content, bytes):
            process.stdin.write(content)
        else:
            async for chunk in content:
                process.stdin.write(chunk)
                await process.stdin.drain()
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _output(process: Process, bytes_max: int) -> bytes:
    assert process.stdout is not None
    output = bytearray()
    while len(output) <= bytes_max and (chunk := await process.stdout.read(READ_BYTES)):
        output += chunk
    if len(output) > bytes_max:
        process.kill()
    return bytes(output)
