"""Content-addressed files: `<root>/blobs/ab/cd/<sha256>`.

A blob is written to `<root>/incoming`, fsync'd, renamed to its final name, and its folders are
fsync'd, before `put` returns; so a crash leaves nothing but files in `incoming`. Each of those is
locked by the process that writes it, so that any process may sweep the unlocked ones. A blob that
is there already is replaced by the same bytes.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

from bongsu.errors import TooLarge, Unavailable
from bongsu.files.file_threads import FileThreads
from bongsu.media.content import Blob
from bongsu.media.stores import Spooled

CHUNK_BYTES = 256 * 1024  # read and written at once; the memory that one transfer holds
THREADS_MAX = 8  # file operations at once; more wait
FREE_BYTES_MIN = 256 * 1024 * 1024  # left to others on the disk, first of all to the log
SWEEP_AGE_SECONDS = 60  # a file without a lock may be about to get it


class FileBlobStore:
    """Blobs in files. Call `sweep` once at start, `close` at the end."""

    def __init__(self, root: Path, *, free_bytes_min: int = FREE_BYTES_MIN) -> None:
        self._incoming = root / "incoming"
        self._blobs = root / "blobs"
        self._free_bytes_min = free_bytes_min
        self._threads = FileThreads(THREADS_MAX, "blobs", "Media storage unavailable")
        for folder in (self._incoming, self._blobs):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (root, root.parent):
            _sync_folder(folder)

    async def put(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Blob:
        """Store a stream and return what it came to, once it is safe on disk.

        Raises `TooLarge` as soon as it exceeds `bytes_max`, `Unavailable` if the disk is full or
        failing. Whatever goes wrong, also in the stream itself, leaves no file behind.
        """
        incoming = _Incoming(self._incoming / secrets.token_hex(16), self._free_bytes_min)
        try:
            await self._threads.run(incoming.open)
            async for chunk in _gathered(content):
                if incoming.size + len(chunk) > bytes_max:
                    raise TooLarge(f"Cannot upload files larger than {bytes_max} bytes")
                await self._threads.run(incoming.write, chunk)
            return await self._threads.run(self._finish, incoming)
        finally:
            await self._threads.run(incoming.discard)

    @asynccontextmanager
    async def spool(
        self, content: AsyncIterator[bytes], *, bytes_max: int
    ) -> AsyncGenerator[Spooled]:
        """Hold a stream for as long as the block runs; nothing of it stays. Raises as `put`."""
        incoming = _Incoming(self._incoming / secrets.token_hex(16), self._free_bytes_min)
        try:
            await self._threads.run(incoming.open)
            async for chunk in _gathered(content):
                if incoming.size + len(chunk) > bytes_max:
                    raise TooLarge(f"Cannot upload files larger than {bytes_max} bytes")
                await self._threads.run(incoming.write, chunk)
            blob = incoming.blob()
            yield Spooled(blob, lambda: self._chunks(incoming.path, 0, blob.size))
        finally:
            await self._threads.run(incoming.discard)

    async def exists(self, sha256: bytes) -> bool:
        return await self._threads.run(self._path(sha256).exists)

    async def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `stop` (exclusive) of a blob; `Unavailable` if it can't be read."""
        async for chunk in self._chunks(self._path(sha256), start, stop):
            yield chunk

    async def _chunks(self, path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
        while start < stop:
            # Opened anew for each chunk: a reader that goes away leaves nothing to close.
            chunk = await self._threads.run(_read, path, start, min(CHUNK_BYTES, stop - start))
            if not chunk:
                raise Unavailable("Content is shorter than it was")
            start += len(chunk)
            yield chunk

    async def delete(self, sha256: bytes) -> None:
        """Remove a blob, if it is there. The caller knows that no row names or will name it."""
        await self._threads.run(lambda: self._path(sha256).unlink(missing_ok=True))

    async def delete_everywhere(self, sha256: bytes) -> None:
        """There is one place; `Unavailable` if it cannot be reached."""
        await self.delete(sha256)

    async def sweep(self) -> int:
        """Remove what crashed uploads left, and tell how many files that was."""
        return await self._threads.run(self._sweep)

    async def close(self) -> None:
        """Let running file operations end."""
        await self._threads.close()

    def _path(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._blobs / name[:2] / name[2:4] / name

    def _finish(self, incoming: "_Incoming") -> Blob:
        blob = incoming.sync()
        path = self._path(blob.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming.path.rename(path)
        # Another process may have made these folders and not have fsync'd them yet: all, always.
        for folder in (path.parent, path.parent.parent, self._blobs):
            _sync_folder(folder)
        return blob

    def _sweep(self) -> int:
        swept = 0
        for path in self._incoming.iterdir():
            with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - os.fstat(file.fileno()).st_mtime >= SWEEP_AGE_SECONDS:
                    path.unlink()
                    swept += 1
        return swept


class _Incoming:
    """A file that grows. Its methods run in threads, one at a time."""

    def __init__(self, path: Path, free_bytes_min: int) -> None:
        self.path = path
        self.size = 0
        self._free_bytes_min = free_bytes_min
        self._hash = hashlib.sha256()
        self._file: FileIO | None = None

    def open(self) -> None:
        self._file = self.path.open("xb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def write(self, chunk: bytes) -> None:
        assert self._file is not None, "written before it was opened"
        space = os.fstatvfs(self._file.fileno())
        if space.f_bavail * space.f_frsize - len(chunk) < self._free_bytes_min:
            raise Unavailable("No space left for media")
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]
        self._hash.update(chunk)
        self.size += len(chunk)

    def sync(self) -> Blob:
        assert self._file is not None, "synced before it was opened"
        os.fsync(self._file.fileno())
        return self.blob()

    def blob(self) -> Blob:
        return Blob(self._hash.digest(), self.size)

    def discard(self) -> None:
        """Close, and remove the file unless it got its final name."""
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)


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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, start: int, count: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        return file.read(count)
