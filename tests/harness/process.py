"""A child process with a log file, ports, and the CPU time and memory of process trees."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

STOP_SECONDS_MAX = 60.0
LOG_TAIL_BYTES = 4000
# Below those that kernels give to whoever asks for any or connects, and those of the lab; above the
# last one that browsers refuse (10080).
PORTS = range(10_100, 21_000)
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class NotReady(Exception):
    """A process ended, or did not answer in time; the message holds the end of its log."""


class Process:
    """One child in a process group of its own; everything it prints goes to `log`."""

    def __init__(
        self,
        command: list[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True,
                user=user, group=_group_of(user), extra_groups=[] if user else None,
            )  # fmt: skip
        self.pid = self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def send_signal(self, number: int) -> None:
        """Send a signal to the process alone, not to its children."""
        if self.running:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL the process alone and reap it."""
        self.send_signal(signal.SIGKILL)
        self._popen.wait()

    def kill_group(self) -> None:
        """SIGKILL the process and all children that stayed in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; kills its group after `STOP_SECONDS_MAX`. Returns the exit code."""
        self.send_signal(number)
        try:
            return self._popen.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill_group()
            return -signal.SIGKILL

    def wait_until(self, ready: Callable[[], bool], *, seconds_max: float, what: str) -> None:
        """Poll `ready` until it holds; `NotReady` when the process ends or time runs out."""
        deadline = time.monotonic() + seconds_max
        while not ready():
            if not self.running:
                raise NotReady(f"{what} ended with {self._popen.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{what} not ready in {seconds_max:.0f} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self) -> str:
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder that other users may enter (pytest's own they may not): for PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="bongsu-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A TCP port of loopback that nobody has, and that nobody is given before it is taken: not by
    the kernel, not by another worker of the same tests, not by this one a second time."""
    return next(port for port in _own_ports if not _is_taken(port))


def _ports_of_this_worker() -> Iterator[int]:
    """Each worker's are others; runs that know nothing of each other begin somewhere else."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = PORTS[worker::workers]
    return itertools.islice(itertools.cycle(own), random.SystemRandom().randrange(len(own)), None)


_own_ports = _ports_of_this_worker()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def tree_of(roots: Iterable[int]) -> set[int]:
    """The living processes among `roots` and all their descendants."""
    children: dict[int, list[int]] = {}
    alive: set[int] = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            alive.add(int(entry.name))
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    todo = [pid for pid in roots if pid in alive]
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo.extend(children.get(pid, ()))
    return found


def parent_of(pid: int) -> int | None:
    """The pid of a process's parent, or None if the process is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system CPU time of the trees, including children that ended and were reaped."""
    ticks = 0
    for pid in tree_of(roots):
        if fields := _stat(pid):
            ticks += sum(int(field) for field in fields[11:15])  # utime stime cutime cstime
    return ticks / _TICKS_PER_SECOND


def resident_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes (not of their children), anonymous and file-backed."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def command_of(pid: int) -> str:
    """The command line of a process, or an empty text if it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/pid/stat from `state` on (index 0), or None if the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _group_of(user: str | None) -> int | None:
    if user is None:
        return None
    import pwd

    return pwd.getpwnam(user).pw_gid
