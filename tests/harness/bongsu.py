"""Our server as an operator starts it: `bongsu serve`, settings from the environment."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness.process import Process, command_of, free_port, parent_of, tree_of
from harness.synapse import answers

READY_SECONDS_MAX = 120.0
COMMAND_SECONDS_MAX = 60.0
COMMAND = Path(sys.executable).parent / "bongsu"
_NODE = "bongsu.cli node"


class Bongsu:
    """One server on its own data folder; `start` after `kill` or `stop` finds everything again."""

    def __init__(
        self,
        data: Path,
        *,
        processes: int = 1,
        database_url: str | None = None,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log or data.with_name(f"{data.name}.log")
        self._processes = processes
        self._process: Process | None = None
        self._env = {
            "BONGSU_LISTEN": f"127.0.0.1:{self.port}",
            "BONGSU_DATA": str(data),
            "BONGSU_RATE_LIMITS": "off",
            "BONGSU_REGISTRATION": "open",
            "BONGSU_DESK_LISTEN": "off",
            **({"BONGSU_DATABASE_URL": database_url} if database_url else {}),
            **(settings or {}),
        }

    def start(self) -> None:
        """Start it and wait for /ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start it without waiting."""
        self.data.mkdir(parents=True, exist_ok=True)
        command = [str(COMMAND), "serve"]
        if self._processes > 1:
            command += ["--processes", str(self._processes)]
        self._process = Process(command, log=self.log, env=self._env)

    def wait_ready(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        assert self._process is not None
        self._process.wait_until(
            lambda: answers(f"{self.url}/ready"), seconds_max=seconds_max, what="bongsu"
        )

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def server_pids(self) -> list[int]:
        """Every process of ours: the parent and the gateways, without the engines."""
        return [pid for pid in sorted(tree_of([self.pid])) if _is_ours(pid)]

    @property
    def gateway_pids(self) -> list[int]:
        """The processes that serve requests: the children, or the parent when it has none."""
        return [pid for pid in self.server_pids if _NODE in command_of(pid)] or [self.pid]

    @property
    def database_pids(self) -> list[int]:
        """Postmasters started by the server itself. A backend is called like one until it has
        a name of its own: it is known by its parent."""
        named = {pid for pid in tree_of([self.pid]) if "/bin/postgres -D" in command_of(pid)}
        return sorted(pid for pid in named if parent_of(pid) not in named)

    def kill(self) -> None:
        """SIGKILL the whole server at once, gateways included; embedded engines see it die."""
        assert self._process is not None
        for pid in self.server_pids:
            if pid != self.pid:
                _kill(pid)
        self._process.kill()

    def stop(self) -> int:
        """SIGTERM, as a service manager does. Returns the exit code."""
        assert self._process is not None
        code = self._process.stop(signal.SIGTERM)
        return code

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run another `bongsu` command with this server's settings. Returns what it printed."""
        done = subprocess.run(
            [str(COMMAND), *arguments], input=stdin, env={**os.environ, **self._env},
            capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log_tail(self) -> str:
        return self._process.log_tail() if self._process else ""


StartServer = Callable[..., Bongsu]


@contextlib.contextmanager
def running(
    folder: Path, *, processes: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Bongsu]:
    """A server on an empty data folder within `folder`; it must also stop cleanly."""
    bongsu = Bongsu(folder / "data", processes=processes, settings=settings)
    bongsu.start()
    try:
        yield bongsu
    finally:
        code = bongsu.stop()
    assert code == 0, bongsu.log_tail()


def _is_ours(pid: int) -> bool:
    """Not an engine: postgres and its backends, nats-server. An engine's path may say python."""
    program = command_of(pid).partition(" ")[0].rpartition("/")[2]
    return program.startswith("python") or program == "bongsu"


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
