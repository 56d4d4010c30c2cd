"""Thumbnails made once: cached by content hash, shared while they are made, bounded in number."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from bongsu.errors import TooLarge, Unavailable
from bongsu.media.content import Content, essence
from bongsu.media.thumbnail import (
    SOURCE_TYPES,
    Outcome,
    Size,
    Thumbnail,
    decode,
    encode,
)  # fmt: skip

SOURCE_BYTES_MAX = 64 * 1024 * 1024  # a worker holds the whole image
RUNNING_MAX = 2  # workers at once, each up to a gigabyte and a half
WAITING_MAX = 200  # more are asked to come back
RETRY_AFTER_MS = 2000
CACHE_VERSION = 1  # raise it when thumbnails are made differently


class ContentSource(Protocol):
    """The part of the blob store that is needed here."""

    def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]: ...


class ThumbnailCache(Protocol):
    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes) -> None: ...


class Thumbnailer(Protocol):
    async def make(
        self, content: AsyncIterator[bytes], size: Size, *, animated: bool
    ) -> Thumbnail: ...


class Thumbnails:
    """Finds or makes the thumbnail of a content. Close it at the end."""

    def __init__(
        self, blobs: ContentSource, cache: ThumbnailCache, thumbnailer: Thumbnailer
    ) -> None:
        self._blobs = blobs
        self._cache = cache
        self._thumbnailer = thumbnailer
        self._making: dict[str, asyncio.Task[Thumbnail]] = {}
        self._running = asyncio.Semaphore(RUNNING_MAX)

    async def get(self, content: Content, size: Size, *, animated: bool) -> Thumbnail:
        """The thumbnail, `MADE` or `ORIGINAL`.

        Raises `Refused` for what can't be thumbnailed, `TooLarge`, and `Unavailable` when too many
        wait. A caller that goes away leaves the work to the others that want the same.
        """
        if essence(content.content_type) not in SOURCE_TYPES:
            thumbnail = Thumbnail(Outcome.UNREADABLE)
        elif content.blob.size > SOURCE_BYTES_MAX:
            raise TooLarge("Content is too large to thumbnail")
        else:
            key = cache_key(content.blob.sha256, size, animated)
            thumbnail = await self._cached(key) or await self._shared(key, content, size, animated)
        if refusal := thumbnail.refusal():
            raise refusal
        return thumbnail

    async def close(self) -> None:
        """Stop what is being made."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _cached(self, key: str) -> Thumbnail | None:
        encoded = await self._cache.get(key)
        return decode(encoded) if encoded is not None else None

    async def _shared(self, key: str, content: Content, size: Size, animated: bool) -> Thumbnail:
        task = self._making.get(key)
        if task is None:
            if len(self._making) >= WAITING_MAX:
                raise Unavailable("Too many thumbnails wait", retry_after_ms=RETRY_AFTER_MS)
            task = asyncio.create_task(self._make(key, content, size, animated))
            self._making[key] = task
            task.add_done_callback(lambda done: self._made(key, done))
        return await asyncio.shield(task)

    async def _make(self, key: str, content: Content, size: Size, animated: bool) -> Thumbnail:
        async with self._running:
            stream = self._blobs.stream(content.blob.sha256, 0, content.blob.size)
            thumbnail = await self._thumbnailer.make(stream, size, animated=animated)
        await self._cache.put(key, encode(thumbnail))
        return thumbnail

    def _made(self, key: str, task: asyncio.Task[Thumbnail]) -> None:
        del self._making[key]
        if not task.cancelled():
            task.exception()  # nobody may be left to hear it


def cache_key(sha256: bytes, size: Size, animated: bool) -> str:
    """Content, size and motion: all that a thumbnail depends on."""
    motion = "animated" if animated else "still"
    return f"{sha256.hex()}-{size.width}x{size.height}-{size.method}-{motion}-{CACHE_VERSION}"
