"""A malware scanner that is a command: the file on its standard input, its verdict by exit code.

    0 clean      1 infected      anything else, or no end in time: failed

The command gets no environment but PATH, no standard output, and is killed with all its children
when its time is over.
"""

import asyncio
import contextlib
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator

from bongsu.desk.reports.scanning import Scan
from bongsu.errors import OperatorError

SECONDS_MAX = 120.0
PATH = "/usr/local/bin:/usr/bin:/bin"
_VERDICTS = {0: Scan.CLEAN, 1: Scan.INFECTED}


class CommandScanner:
    """Implements `desk.reports.scanning.Scanner`."""

    def __init__(self, command: str, *, seconds_max: float = SECONDS_MAX) -> None:
        try:
            self._command = shlex.split(command)
        except ValueError as error:
            raise OperatorError(f"desk_scan_command: {error}") from error
        if not self._command:
            raise OperatorError("desk_scan_command: names no command")
        self._seconds_max = seconds_max

    async def scan(self, content: AsyncIterator[bytes]) -> Scan:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env={"PATH": PATH},
                cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError:
            return Scan.FAILED
        try:
            async with asyncio.timeout(self._seconds_max):
                await _feed(process, content)
                return _VERDICTS.get(await process.wait(), Scan.FAILED)
        except TimeoutError:
            return Scan.FAILED
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _feed(process: Process, content: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None
    # One that has seen enough closes its input; its exit code tells the rest.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in content:
            process.stdin.write(chunk)
            await process.stdin.drain()
    process.stdin.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await process.stdin.wait_closed()
