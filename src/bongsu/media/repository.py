"""Uploads and downloads: bytes first and safe, then the row, then the answer.

An upload whose process dies between the two leaves a blob that no row names, which does no harm.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from typing import Protocol

import msgspec

from bongsu.errors import Forbidden, LimitExceeded, NotFound, Refused, Unavailable
from bongsu.ids import UserId
from bongsu.media.content import (
    Blob,
    Content,
    Media,
    MediaId,
    PlacedBlob,
    checked_upload_name,
    clean_content_type,
    is_media_id,
    new_media_id,
)  # fmt: skip

UPLOADS_OF_USER_MAX = 16  # at once
UPLOADS_MAX = 512  # at once in this process; each holds a file and two chunks in memory
WAITERS_MAX = 500  # downloads that wait for a pending upload, in this process
WAIT_SECONDS_MAX = 60.0
POLL_SECONDS_FIRST = 0.1  # doubled each time, up to
POLL_SECONDS_MAX = 1.0
RETRY_AFTER_MS = 5000


class MediaSettings(msgspec.Struct, frozen=True):
    """What an operator may choose.

    `frozen`: new media are served on the authenticated endpoints only (as the spec wants since
    v1.12). `site` is the name under which this node's blob store is recorded.
    """

    upload_bytes_max: int = 100 * 1024 * 1024
    pending_uploads_max: int = 50  # of one user
    pending_seconds: int = 24 * 3600
    frozen: bool = True
    site: str = "local"


class BlobStore(Protocol):
    """Immutable bytes under their SHA-256 (32 bytes): of one site, or of all together."""

    async def put(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Blob:
        """Keep a stream safely, and tell what it was: a `PlacedBlob` says at which sites."""
        ...

    async def exists(self, sha256: bytes) -> bool: ...

    def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]: ...

    async def delete(self, sha256: bytes) -> None: ...


class MediaStore(Protocol):
    """Rows of media. Writes are committed when they return; times are milliseconds."""

    async def add(self, media: Media) -> None: ...

    async def add_pending(self, media: Media, *, pending_max: int) -> bool:
        """False, and nothing added, when the uploader has `pending_max` unexpired ones."""
        ...

    async def complete(
        self, media_id: MediaId, content: Content, *, authenticated: bool, now_ts: int
    ) -> bool:
        """Give a pending media its content; False if it is no longer pending."""
        ...

    async def get(self, media_id: MediaId) -> Media | None:
        """The row, none and pending ones confirmed at the primary."""
        ...


class MediaRepository:
    """The content repository of one server. `now_ts` tells milliseconds since the epoch."""

    def __init__(
        self,
        store: MediaStore,
        blobs: BlobStore,
        server_name: str,
        settings: MediaSettings,
        now_ts: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.settings = settings
        self._store = store
        self._blobs = blobs
        self._server_name = server_name
        self._now_ts = now_ts
        self._uploads: Counter[UserId] = Counter()
        self._waiters = 0

    def uri(self, media_id: MediaId) -> str:
        return f"mxc://{self._server_name}/{media_id}"

    async def upload(
        self,
        uploader: UserId,
        body: AsyncIterator[bytes],
        content_type: str | None = None,
        upload_name: str | None = None,
    ) -> MediaId:
        """Keep `body` under a new id. Raises `TooLarge`, `LimitExceeded`, `Unavailable`."""
        content = await self._keep(uploader, body, content_type, upload_name)
        media = Media(
            new_media_id(), uploader, self._now_ts(), content=content,
            authenticated=self.settings.frozen,
        )  # fmt: skip
        await self._store.add(media)
        return media.media_id

    async def create(self, uploader: UserId) -> Media:
        """A new id whose content comes later; `LimitExceeded` if too many are pending."""
        now = self._now_ts()
        expires = now + self.settings.pending_seconds * 1000
        media = Media(new_media_id(), uploader, now, expires, self.settings.frozen)
        pending_max = self.settings.pending_uploads_max
        if not await self._store.add_pending(media, pending_max=pending_max):
            raise LimitExceeded("Too many pending uploads", retry_after_ms=RETRY_AFTER_MS)
        return media

    async def upload_to(
        self,
        uploader: UserId,
        server_name: str,
        media_id: str,
        body: AsyncIterator[bytes],
        content_type: str | None = None,
        upload_name: str | None = None,
    ) -> None:
        """Give a created id its content, once.

        Raises what `upload` raises, `NotFound` for an unknown or expired id, `Forbidden` for
        another user's, and M_CANNOT_OVERWRITE_MEDIA for one that has its content.
        """
        media = await self._find(server_name, media_id)
        if media.uploader != uploader:
            raise Forbidden("This media ID was created by another user")
        if media.content is not None:
            raise _overwrite()
        content = await self._keep(uploader, body, content_type, upload_name)
        if not await self._store.complete(
            media.media_id, content, authenticated=self.settings.frozen, now_ts=self._now_ts()
        ):
            await self._find(server_name, media_id)  # it expired meanwhile, or
            raise _overwrite()  # somebody was quicker

    async def get(
        self, server_name: str, media_id: str, *, authenticated: bool, wait_seconds: float = 0.0
    ) -> Content:
        """The content of a media id, waiting for a pending upload up to `wait_seconds`.

        Raises `NotFound`, also for other servers' media, for quarantined ones, and for
        authenticated ones when the request is not; M_NOT_YET_UPLOADED; `Unavailable` if the bytes
        are not at this site.
        """
        media = await self._find(server_name, media_id)
        if media.authenticated and not authenticated:
            raise NotFound("Media not found")
        content = media.content or await self._wait(server_name, media_id, wait_seconds)
        if not await self._blobs.exists(content.blob.sha256):
            raise Unavailable("The content is not at this site")
        return content

    def stream(self, content: Content, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `stop` (exclusive), in chunks of bounded size."""
        return self._blobs.stream(content.blob.sha256, start, stop)

    async def _find(self, server_name: str, media_id: str) -> Media:
        """The row of an id that is known, not expired and not quarantined."""
        media = None
        if server_name == self._server_name and is_media_id(media_id):
            media = await self._store.get(MediaId(media_id))
        if media is None or media.quarantined or self._is_expired(media):
            raise NotFound("Media not found")
        return media

    def _is_expired(self, media: Media) -> bool:
        return (
            media.content is None
            and media.expires_ts is not None
            and media.expires_ts <= self._now_ts()
        )

    async def _keep(
        self,
        uploader: UserId,
        body: AsyncIterator[bytes],
        content_type: str | None,
        upload_name: str | None,
    ) -> Content:
        name = checked_upload_name(upload_name)
        with self._upload_slot(uploader):
            blob = await self._blobs.put(body, bytes_max=self.settings.upload_bytes_max)
        sites = blob.sites if isinstance(blob, PlacedBlob) else (self.settings.site,)
        return Content(blob, clean_content_type(content_type), name, sites)

    @contextmanager
    def _upload_slot(self, uploader: UserId) -> Generator[None]:
        running = self._uploads
        if running[uploader] >= UPLOADS_OF_USER_MAX or running.total() >= UPLOADS_MAX:
            raise LimitExceeded("Too many uploads at once", retry_after_ms=RETRY_AFTER_MS)
        running[uploader] += 1
        try:
            yield
        finally:
            running[uploader] -= 1
            if not running[uploader]:
                del running[uploader]

    async def _wait(self, server_name: str, media_id: str, seconds: float) -> Content:
        """Poll for the content: its upload may run in another process, at another site."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(seconds, WAIT_SECONDS_MAX)
        pause = POLL_SECONDS_FIRST
        if self._waiters >= WAITERS_MAX:
            raise _not_yet()
        self._waiters += 1
        try:
            while (left := deadline - loop.time()) > 0:
                await asyncio.sleep(min(pause, left))
                pause = min(2 * pause, POLL_SECONDS_MAX)
                if content := (await self._find(server_name, media_id)).content:
                    return content
        finally:
            self._waiters -= 1
        raise _not_yet()


def _overwrite() -> Refused:
    return Refused("Media already uploaded", code="M_CANNOT_OVERWRITE_MEDIA", status=409)


def _not_yet() -> Refused:
    return Refused("Content has not yet been uploaded", code="M_NOT_YET_UPLOADED", status=504)
