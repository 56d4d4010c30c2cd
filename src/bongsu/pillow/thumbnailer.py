"""Thumbnails from worker processes: started for one image each, killed when they take too long."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator

from bongsu.errors import Unavailable
from bongsu.media.thumbnail import Outcome, Size, Thumbnail, decode

SECONDS_MAX = 60.0  # of one image, on a busy machine; its CPU time has a bound of its own
OUTPUT_BYTES_MAX = 16 * 1024 * 1024
READ_BYTES = 256 * 1024

# How a worker dies when the image is to blame; killed in another way, it may be tried again.
_BLAME = {
    signal.SIGXCPU: Outcome.TOO_LARGE,
    signal.SIGSEGV: Outcome.UNREADABLE,
    signal.SIGABRT: Outcome.UNREADABLE,
    signal.SIGBUS: Outcome.UNREADABLE,
}


class PillowThumbnailer:
    """Makes thumbnails. It starts a process for each call: the caller bounds how many run."""

    async def make(self, content: AsyncIterator[bytes], size: Size, *, animated: bool) -> Thumbnail:
        """The outcome for the image in `content`; `Unavailable` if it may differ next time.

        Cancelling kills the process.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-B", "-m", "bongsu.pillow.worker",
            str(size.width), str(size.height), size.method, "animated" if animated else "still",
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/",
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await _feed(process, content)
                output = await _output(process)
                code = await process.wait()
        except TimeoutError:
            raise Unavailable("The thumbnail took too long") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return _outcome(output, code)


async def _feed(process: Process, content: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None
    # A worker that died early breaks the pipe; its exit code tells the story.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in content:
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _output(process: Process) -> bytes:
    """What the worker wrote, or one chunk more than it may."""
    assert process.stdout is not None
    output = bytearray()
    while len(output) <= OUTPUT_BYTES_MAX and (chunk := await process.stdout.read(READ_BYTES)):
        output += chunk
    if len(output) > OUTPUT_BYTES_MAX:
        process.kill()
    return bytes(output)


def _outcome(output: bytes, code: int) -> Thumbnail:
    if len(output) > OUTPUT_BYTES_MAX:
        return Thumbnail(Outcome.TOO_LARGE)
    if code == 0:
        return decode(output)
    if -code in _BLAME:
        return Thumbnail(_BLAME[signal.Signals(-code)])
    raise Unavailable(f"The thumbnail worker ended with {code}")
