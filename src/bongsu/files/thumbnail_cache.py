"""Thumbnails in files: `<root>/thumbnails/ab/cd/<key>`, each written once and never changed.

They can be made again, so none is fsync'd; but a file whose bytes a crash swallowed would be served
for ever, therefore each carries a checksum and counts for nothing when that is wrong.
"""

import asyncio
import contextlib
import secrets
import shutil
import zlib
from pathlib import Path

from bongsu.files.blob_store import FREE_BYTES_MIN

CHECKSUM_BYTES = 4


class FileThumbnailCache:
    """Small files by key. Keys are ours: lower-case hex, then letters, digits, "-"."""

    def __init__(self, root: Path, *, free_bytes_min: int = FREE_BYTES_MIN) -> None:
        self._root = root / "thumbnails"
        self._free_bytes_min = free_bytes_min

    async def get(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self._get, key)

    async def put(self, key: str, value: bytes) -> None:
        """Keep `value`. A full disk is no error: it only costs making the thumbnail again."""
        await asyncio.to_thread(self._put, key, value)

    def _path(self, key: str) -> Path:
        return self._root / key[:2] / key[2:4] / key

    def _get(self, key: str) -> bytes | None:
        try:
            stored = self._path(key).read_bytes()
        except OSError:
            return None
        value = stored[CHECKSUM_BYTES:]
        return value if _checksum(value) == stored[:CHECKSUM_BYTES] else None

    def _put(self, key: str, value: bytes) -> None:
        path = self._path(key)
        incoming = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(path.parent).free < self._free_bytes_min:
                return
            try:
                incoming.write_bytes(_checksum(value) + value)
                incoming.rename(path)
            finally:
                incoming.unlink(missing_ok=True)


def _checksum(value: bytes) -> bytes:
    return zlib.crc32(value).to_bytes(CHECKSUM_BYTES, "big")
