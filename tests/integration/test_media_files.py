"""Blobs on a real disk: whole or not there, whatever happens on the way."""

import asyncio
import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bongsu.errors import TooLarge, Unavailable
from bongsu.files.blob_store import CHUNK_BYTES, FileBlobStore
from bongsu.files.thumbnail_cache import FileThumbnailCache

BYTES_MAX = 10 * CHUNK_BYTES


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[FileBlobStore]:
    store = FileBlobStore(tmp_path, free_bytes_min=0)
    yield store
    await store.close()


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def read(blobs: FileBlobStore, sha256: bytes, start: int, stop: int) -> bytes:
    return b"".join([chunk async for chunk in blobs.stream(sha256, start, stop)])


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 7])
async def test_what_is_put_can_be_read(blobs: FileBlobStore, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    blob = await blobs.put(pieces(content), bytes_max=BYTES_MAX)
    assert (blob.sha256, blob.size) == (hashlib.sha256(content).digest(), size)
    assert await blobs.exists(blob.sha256)
    assert await read(blobs, blob.sha256, 0, size) == content
    assert await read(blobs, blob.sha256, size // 3, size // 2) == content[size // 3 : size // 2]
    name = blob.sha256.hex()
    assert files_in(tmp_path) == [tmp_path / "blobs" / name[:2] / name[2:4] / name]


async def test_equal_contents_share_a_file(blobs: FileBlobStore, tmp_path: Path) -> None:
    content = os.urandom(2 * CHUNK_BYTES)
    both = [blobs.put(pieces(content), bytes_max=BYTES_MAX) for _ in range(2)]
    first, second = await asyncio.gather(*both)
    assert first == second
    assert len(files_in(tmp_path)) == 1


async def test_deleted_is_gone(blobs: FileBlobStore) -> None:
    blob = await blobs.put(pieces(b"x" * 10), bytes_max=BYTES_MAX)
    await blobs.delete(blob.sha256)
    await blobs.delete(blob.sha256)
    assert not await blobs.exists(blob.sha256)
    with pytest.raises(Unavailable):
        await read(blobs, blob.sha256, 0, 10)


async def test_too_much_is_refused_while_it_comes(blobs: FileBlobStore, tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += CHUNK_BYTES
            yield bytes(CHUNK_BYTES)

    with pytest.raises(TooLarge):
        await blobs.put(endless(), bytes_max=BYTES_MAX)
    assert taken <= BYTES_MAX + CHUNK_BYTES
    assert not files_in(tmp_path)


async def test_a_stream_that_breaks_leaves_nothing(blobs: FileBlobStore, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(2 * CHUNK_BYTES)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await blobs.put(broken(), bytes_max=BYTES_MAX)
    assert not files_in(tmp_path)


async def test_a_cancelled_upload_leaves_nothing(blobs: FileBlobStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(2 * CHUNK_BYTES)
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(blobs.put(stalled(), bytes_max=BYTES_MAX))
    await begun.wait()
    assert files_in(tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not files_in(tmp_path)


async def test_the_last_of_the_disk_is_left_to_the_log(tmp_path: Path) -> None:
    blobs = FileBlobStore(tmp_path, free_bytes_min=2**62)
    with pytest.raises(Unavailable):
        await blobs.put(pieces(b"x" * 10), bytes_max=BYTES_MAX)
    assert not files_in(tmp_path)
    await blobs.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, where we may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no tmpfs may be mounted here")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_full_disk_is_retryable(small_disk: Path) -> None:
    # free_bytes_min looks away, so that it is the write itself that fails.
    blobs = FileBlobStore(small_disk, free_bytes_min=-(2**40))
    (small_disk / "other").write_bytes(bytes(800_000))
    with pytest.raises(Unavailable):
        await blobs.put(pieces(os.urandom(500_000)), bytes_max=BYTES_MAX)
    assert files_in(small_disk) == [small_disk / "other"]
    (small_disk / "other").unlink()
    await blobs.put(pieces(os.urandom(500_000)), bytes_max=BYTES_MAX)
    await blobs.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from bongsu.files.blob_store import FileBlobStore

async def stalled():
    yield bytes(1_000_000)
    yield bytes(1_000_000)
    print("begun", flush=True)
    await asyncio.Event().wait()

asyncio.run(FileBlobStore(Path(sys.argv[1]), free_bytes_min=0).put(stalled(), bytes_max=10**9))
"""


@pytest.fixture
def uploading(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes in the middle of an upload."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    uploads = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    for upload in uploads:
        assert upload.stdout is not None
        assert upload.stdout.readline() == b"begun\n"
        upload.stdout.close()
    yield uploads
    for upload in uploads:
        upload.kill()
        upload.wait()


async def test_a_killed_upload_is_swept_and_a_running_one_is_not(
    blobs: FileBlobStore, tmp_path: Path, uploading: list[subprocess.Popen[bytes]]
) -> None:
    for path in files_in(tmp_path):
        os.utime(path, (0, 0))
    assert await blobs.sweep() == 0
    uploading[0].kill()
    uploading[0].wait()
    assert await blobs.sweep() == 1
    assert len(files_in(tmp_path)) == 1


async def test_a_young_file_is_not_swept(blobs: FileBlobStore, tmp_path: Path) -> None:
    path = tmp_path / "incoming" / "young"
    path.write_bytes(b"")
    assert await blobs.sweep() == 0
    os.utime(path, (0, 0))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert await blobs.sweep() == 0
    assert await blobs.sweep() == 1


async def test_cached_thumbnails(tmp_path: Path) -> None:
    full = FileThumbnailCache(tmp_path, free_bytes_min=2**62)
    await full.put("abcdef-1", b"thumbnail")
    assert not files_in(tmp_path)
    cache = FileThumbnailCache(tmp_path, free_bytes_min=0)
    assert await cache.get("abcdef-1") is None
    await cache.put("abcdef-1", b"thumbnail")
    await cache.put("abcdef-1", b"thumbnail")
    assert await cache.get("abcdef-1") == b"thumbnail"
    (file,) = files_in(tmp_path)
    for damaged in (b"", bytes(13), file.read_bytes()[:-1]):
        file.write_bytes(damaged)
        assert await cache.get("abcdef-1") is None
