"""An engine as a child process: started, watched, started again, stopped within a bound.

A child runs in a session of its own, so that Ctrl-C in a terminal reaches only us and we choose
the order in which things stop. On Linux the kernel also tells it when we die without a word
(SIGKILL), by `death_signal`; that is tied to the *thread* which started the child, so children
are started from the event loop's thread only.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bongsu.host.accounts import Account

POLL_SECONDS = 0.05  # where the kernel cannot say when a child ends
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Command:
    """What to run. `account` is whom to become first (None: stay who we are).

    `stop_steps` are (signal, seconds to wait after it), mildest first. `output` is a file that
    stdout and stderr are appended to; None leaves them to our own.
    """

    argv: Sequence[str]
    account: Account | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    working_directory: Path | None = None
    output: Path | None = None
    inherited: Sequence[int] = ()  # file descriptors that stay open in it
    death_signal: signal.Signals = signal.SIGTERM
    stop_steps: Sequence[tuple[signal.Signals, float]] = (
        (signal.SIGTERM, 10.0),
        (signal.SIGKILL, 5.0),
    )


class ChildProcess:
    """One running child. Never reused: a restart makes a new one."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._process = _spawn(command)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    async def wait(self, seconds_max: float | None = None) -> bool:
        """Wait for its end; whether it came within `seconds_max`. Safe to cancel."""
        if self.exit_code is None:
            try:
                async with asyncio.timeout(seconds_max):
                    await self._end()
            except TimeoutError:
                pass
        return self.exit_code is not None  # which also takes leave of it

    async def _end(self) -> None:
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            while self.exit_code is None:
                await asyncio.sleep(POLL_SECONDS)
            return
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            loop.add_reader(descriptor, ended.set)
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def stop(self) -> bool:
        """Go through the stop steps until it ends; False if it outlived them all."""
        for step, seconds in self._command.stop_steps:
            if self.exit_code is not None:
                return True
            self._process.send_signal(step)
            if await self.wait(seconds):
                return True
        return False


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    account = command.account
    output = None
    if command.output is not None:
        output = os.open(
            command.output, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
    try:
        return subprocess.Popen(
            list(command.argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=command.working_directory,
            env={**os.environ, **command.environment},
            start_new_session=True,
            pass_fds=command.inherited,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_die_with_parent(command.death_signal),
        )
    finally:
        if output is not None:
            os.close(output)


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Runs between fork and exec, after the change of user (which would undo it)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    number = int(death_signal)
    return lambda: prctl(_PR_SET_PDEATHSIG, number)
