"""A child process that died makes room for the next one."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bongsu.host.child_process import ChildProcess, Command
from bongsu.host.kept_process import KeptProcess


def test_a_dead_one_is_gone_before_the_next_is_launched(tmp_path: Path) -> None:
    """Goal: a PostgreSQL that was killed does not find its own lock held by a dead one. Method: a
    child is killed, and nobody has waited for it when it is started anew."""
    lives: list[ChildProcess] = []

    def launch() -> ChildProcess:
        if lives:
            with pytest.raises(ProcessLookupError):
                os.kill(lives[-1].pid, 0)
        lives.append(
            ChildProcess(
                Command(argv=["sleep", "60"], working_directory=tmp_path, output=tmp_path / "log")
            )
        )
        return lives[-1]

    kept = KeptProcess("sleeper", launch)
    pid = kept.start().pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert kept.start().pid != pid
    asyncio.run(kept.stop())
