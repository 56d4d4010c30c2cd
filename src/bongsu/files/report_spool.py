"""A bounded place on the local disk for reports that cannot reach the database yet.

    staged/    evidence files as they came in, one each, under random names
    batches/   reports, many a file, each file written, fsync'd and renamed as a whole
    broken/    batches that cannot be read or stored: an operator looks at them, nothing is lost

What `stage` or `write` has returned survives a crash of the machine. A batch is removed only when
all of it is stored elsewhere, so whatever dies between leaves it to be stored again: the reports'
ids make that harmless. Any number of processes share the folder; one forwards at a time.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Generator, Sequence
from pathlib import Path

import msgspec
import structlog

from bongsu.desk.reports.spooling import SpoolBroken, SpoolFull, Staged, Waiting
from bongsu.errors import TooLarge
from bongsu.files.file_threads import FileThreads

log = structlog.get_logger()
CHUNK_BYTES = 256 * 1024
THREADS_MAX = 4
BYTES_MAX = 2 * 1024**3  # of the whole folder
FREE_BYTES_MIN = 64 * 1024 * 1024  # left to others on the disk
MEASURE_SECONDS = 2.0  # how old a measure of the folder may be: other processes write too
ORPHAN_SECONDS = 3600  # a staged file that no batch names by then never will be
MAGIC = b"bongsu reports 1\n"
DIGEST_BYTES = 32

_NAME = re.compile(r"[0-9a-f\-]+(?:\.batch)?\Z")


class ReportSpool:
    """Implements `desk.reports.spooling.Spool`. `close` at the end."""

    def __init__(
        self, folder: Path, *, bytes_max: int = BYTES_MAX, free_bytes_min: int = FREE_BYTES_MIN
    ) -> None:
        self._folder = folder
        self._staged, self._batches = folder / "staged", folder / "batches"
        self._broken = folder / "broken"
        self._bytes_max = bytes_max
        self._free_bytes_min = free_bytes_min
        self._used = 0
        self._measured = float("-inf")
        self._threads = FileThreads(THREADS_MAX, "spool", "The spool cannot be used")
        for part in (self._staged, self._batches, self._broken):
            part.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in (folder, folder.parent):
            _sync_folder(part)

    async def stage(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Staged:
        """Put a stream on disk; `TooLarge`, `SpoolFull` or `Unavailable` leave nothing of it."""
        path = self._staged / secrets.token_hex(16)
        file = await self._threads.run(path.open, "xb", 0)
        hashed, size = hashlib.sha256(), 0
        try:
            async for chunk in _gathered(content):
                size += len(chunk)
                if size > bytes_max:
                    raise TooLarge(f"A file may have {bytes_max} bytes")
                await self._threads.run(self._append, file.fileno(), chunk)
                hashed.update(chunk)
            await self._threads.run(_finish, file.fileno(), self._staged)
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        finally:
            file.close()
        return Staged(path.name, hashed.digest(), size)

    async def stream_staged(self, name: str) -> AsyncIterator[bytes]:
        path = self._path(self._staged, name)
        start = 0
        while chunk := await self._threads.run(_read, path, start):
            start += len(chunk)
            yield chunk

    async def discard_staged(self, names: Sequence[str]) -> None:
        paths = [self._path(self._staged, name) for name in names]
        await self._threads.run(lambda: [path.unlink(missing_ok=True) for path in paths])

    async def write(self, records: Sequence[bytes]) -> str:
        """Put records on disk as one batch; gives its name once it is safe there."""
        return await self._threads.run(self._write, records)

    async def list_batches(self) -> list[str]:
        """Oldest first."""
        return await self._threads.run(lambda: sorted(_names(self._batches, ".batch")))

    async def read(self, name: str) -> list[bytes]:
        """The records of a batch; `SpoolBroken` if they are not what was written."""
        content = await self._threads.run(self._path(self._batches, name).read_bytes)
        payload = content[len(MAGIC) + DIGEST_BYTES :]
        digest = content[len(MAGIC) : len(MAGIC) + DIGEST_BYTES]
        if not content.startswith(MAGIC) or hashlib.sha256(payload).digest() != digest:
            raise SpoolBroken(f"{name} is damaged")
        return msgspec.msgpack.decode(payload, type=list[bytes])

    async def remove(self, name: str) -> None:
        await self._threads.run(self._path(self._batches, name).unlink, True)

    async def set_aside(self, name: str) -> None:
        """Move a batch to where only an operator looks."""
        target = self._broken / name
        await self._threads.run(self._path(self._batches, name).rename, target)
        await self._threads.run(_sync_folder, self._broken)
        log.error("reports set aside in the spool", path=str(target))

    async def sweep(self, named: set[str]) -> int:
        """Remove old staged files that no batch names; tells how many.

        None as long as batches are set aside: they may name some too.
        """
        return await self._threads.run(self._sweep, named)

    async def look(self) -> Waiting:
        return await self._threads.run(self._look)

    @contextlib.contextmanager
    def forwarding(self) -> Generator[bool]:
        """Whether this process may forward, and alone, for as long as the block runs."""
        with (self._folder / "forwarding.lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    async def close(self) -> None:
        await self._threads.close()

    def _path(self, folder: Path, name: str) -> Path:
        assert _NAME.match(name), "no name of the spool"
        return folder / name

    def _append(self, descriptor: int, chunk: bytes) -> None:
        self._check_space(len(chunk))
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]

    def _write(self, records: Sequence[bytes]) -> str:
        payload = msgspec.msgpack.encode(list(records))
        content = MAGIC + hashlib.sha256(payload).digest() + payload
        self._check_space(len(content))
        name = f"{time.time_ns():020d}-{secrets.token_hex(8)}.batch"
        incoming = self._batches / f"{name}.part"
        try:
            with incoming.open("xb", 0) as file:
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
                os.fsync(file.fileno())
            incoming.rename(self._batches / name)
        except OSError:
            incoming.unlink(missing_ok=True)
            raise
        _sync_folder(self._batches)
        return name

    def _check_space(self, added: int) -> None:
        if time.monotonic() - self._measured > MEASURE_SECONDS:
            self._measure()
        self._used += added  # too much if it fails: the next measure puts it right
        space = os.statvfs(self._folder)
        free = space.f_bavail * space.f_frsize - added
        if self._used > self._bytes_max or free < self._free_bytes_min:
            self._measured = float("-inf")
            raise SpoolFull("The spool of reports is full")

    def _measure(self) -> int:
        total = 0
        for folder in (self._staged, self._batches, self._broken):
            for entry in os.scandir(folder):
                with contextlib.suppress(FileNotFoundError):
                    total += entry.stat().st_size
        self._used, self._measured = total, time.monotonic()
        return total

    def _look(self) -> Waiting:
        batches = len(_names(self._batches, ".batch"))
        broken = len(_names(self._broken, ".batch"))
        return Waiting(batches, broken, self._measure(), self._bytes_max)

    def _sweep(self, named: set[str]) -> int:
        oldest, swept = time.time() - ORPHAN_SECONDS, 0
        if any(os.scandir(self._broken)):
            return 0
        for folder, kept in ((self._staged, named), (self._batches, set[str]())):
            for entry in list(os.scandir(folder)):
                with contextlib.suppress(FileNotFoundError):
                    is_orphan = entry.name not in kept and not entry.name.endswith(".batch")
                    if is_orphan and entry.stat().st_mtime < oldest:
                        os.unlink(entry.path)
                        swept += 1
        return swept


async def _gathered(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in chunks worth a thread's while."""
    gathered = bytearray()
    async for chunk in content:
        gathered += chunk
        if len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _names(folder: Path, suffix: str) -> list[str]:
    return [entry.name for entry in os.scandir(folder) if entry.name.endswith(suffix)]


def _finish(descriptor: int, folder: Path) -> None:
    os.fsync(descriptor)
    _sync_folder(folder)


def _read(path: Path, start: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        return file.read(CHUNK_BYTES)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
