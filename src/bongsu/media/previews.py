"""Previews of links: a page is looked at once for everybody, and what it says is kept for a while.

The address is a user's word, so everything about it is bounded: who is asked (the `Fetcher`'s
guard), how much is read, how long it takes, how many are asked at once. Pages and images are read
in processes of their own.
"""

import asyncio
import fnmatch
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog

from bongsu.errors import Forbidden, InvalidParam, LimitExceeded, Refused
from bongsu.fetching import Fetched, Fetcher, FetchFailed
from bongsu.ids import UserId
from bongsu.media.content import MediaId, essence
from bongsu.media.page import Page, preview_of
from bongsu.users.tokens import Clock, now_ms

log = structlog.get_logger()

URL_CHARS_MAX = 4096
BODY_BYTES_MAX = 8 * 1024 * 1024  # of a page, and of an image
SECONDS_MAX = 15.0  # for each of the two
REDIRECTS_MAX = 5
FETCHES_MAX = 16  # at once in this process
READINGS_MAX = 2  # processes that read pages and images, at once
WAITING_MAX = 200
FRESH_MS = 60 * 60 * 1000  # how long a preview is given out again
FAILED_MS = 60 * 1000  # and the news that there is none
RETRY_AFTER_MS = 5000

_PAGES = ("text/html", "application/xhtml+xml")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,image/*;q=0.9,*/*;q=0.5",
    "Accept-Language": "ko,en;q=0.8",
}


class Preview(msgspec.Struct, frozen=True):
    """`properties` None: the link could not be looked at. Times in ms."""

    properties: dict[str, Any] | None
    expires_ts: int
    media_id: MediaId | None = None


class PreviewStore(Protocol):
    async def get(self, url_hash: bytes, now: int) -> Preview | None: ...

    async def put(self, url_hash: bytes, preview: Preview, now: int) -> Sequence[MediaId]:
        """Keep a preview in place of an older one. Gives media of previews that were dropped."""
        ...


class PageReader(Protocol):
    async def read(self, body: bytes, content_type: str | None) -> Page | None: ...


class ImageMeasurer(Protocol):
    async def measure(self, body: bytes) -> tuple[int, int, str] | None:
        """Width, height and content type."""
        ...


class Repository(Protocol):
    def uri(self, media_id: MediaId) -> str: ...

    async def upload(
        self,
        uploader: UserId,
        body: AsyncIterator[bytes],
        content_type: str | None = None,
        upload_name: str | None = None,
    ) -> MediaId: ...


class MediaDeleter(Protocol):
    async def delete(self, media_ids: Sequence[str]) -> list[MediaId]: ...


class UrlPreviews:
    """`blocklist`: patterns of hosts (`*.example.org`) or whole URLs (`https://x.org/a*`)."""

    def __init__(
        self,
        store: PreviewStore,
        fetcher: Fetcher,
        pages: PageReader,
        images: ImageMeasurer,
        repository: Repository,
        deleter: MediaDeleter,
        *,
        blocklist: Sequence[str] = (),
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._pages = pages
        self._images = images
        self._repository = repository
        self._deleter = deleter
        self._blocklist = [pattern.lower() for pattern in blocklist]
        self._clock = clock
        self._free = asyncio.Semaphore(FETCHES_MAX)
        self._reading = asyncio.Semaphore(READINGS_MAX)
        self._running: dict[bytes, asyncio.Task[Preview]] = {}

    async def get(self, requester: UserId, url: str) -> dict[str, Any]:
        """What OpenGraph calls properties of a page.

        Raises `InvalidParam` for what is no link, `Forbidden` for blocked ones, M_UNKNOWN 502 if
        the link cannot be looked at, whatever the reason: it would tell about our network.
        """
        self._check(url)
        url_hash = hashlib.sha256(url.encode()).digest()
        preview = await self._store.get(url_hash, self._clock())
        if preview is None:
            preview = await self._look_once(requester, url, url_hash)
        if preview.properties is None:
            raise Refused("The link could not be looked at", code="M_UNKNOWN", status=502)
        return preview.properties

    async def stop(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = parts.hostname
            url.encode()
        except ValueError:
            host, parts = None, urlsplit("")
        if not host or parts.scheme not in ("http", "https") or len(url) > URL_CHARS_MAX:
            raise InvalidParam("Not a link to a web page, or too long a one")
        lowered = url.lower()
        for pattern in self._blocklist:
            subject = lowered if "/" in pattern else host
            if fnmatch.fnmatchcase(subject, pattern):
                raise Forbidden("This link is not looked at here")

    async def _look_once(self, requester: UserId, url: str, url_hash: bytes) -> Preview:
        """Everybody who asks for a link meanwhile shares one look at it."""
        task = self._running.get(url_hash)
        if task is None:
            if len(self._running) >= WAITING_MAX:
                raise LimitExceeded("Too many links at once", retry_after_ms=RETRY_AFTER_MS)
            task = asyncio.create_task(self._look_and_keep(requester, url, url_hash))
            self._running[url_hash] = task
            task.add_done_callback(lambda done: self._done(url_hash, done))
        return await asyncio.shield(task)

    def _done(self, url_hash: bytes, task: "asyncio.Task[Preview]") -> None:
        self._running.pop(url_hash, None)
        if not task.cancelled():
            task.exception()  # who waited for it may be gone

    async def _look_and_keep(self, requester: UserId, url: str, url_hash: bytes) -> Preview:
        async with self._free:
            try:
                preview = await self._look(requester, url)
            except FetchFailed as error:
                log.info("link not looked at", reason=str(error))
                preview = Preview(None, self._clock() + FAILED_MS)
        dropped = await self._store.put(url_hash, preview, self._clock())
        if dropped:
            await self._deleter.delete(dropped)
        return preview

    async def _look(self, requester: UserId, url: str) -> Preview:
        expires = self._clock() + FRESH_MS
        fetched = await self._fetch(url)
        kind = essence(fetched.headers.get("content-type", ""))
        if kind in _IMAGES:
            properties, media_id = await self._copy_image(requester, fetched)
            return Preview(properties, expires, media_id)
        if kind not in _PAGES:
            return Preview({}, expires)
        async with self._reading:
            page = await self._pages.read(fetched.body, fetched.headers.get("content-type"))
        if page is None:
            raise FetchFailed("the page could not be read")
        found = preview_of(page, fetched.url)
        image, media_id = await self._image_of(requester, found.image_url)
        return Preview({**found.properties, **image}, expires, media_id)

    async def _fetch(self, url: str) -> Fetched:
        fetched = await self._fetcher.get(
            url,
            headers=_HEADERS,
            body_bytes_max=BODY_BYTES_MAX,
            seconds_max=SECONDS_MAX,
            redirects_max=REDIRECTS_MAX,
        )
        if fetched.status != 200:
            raise FetchFailed(f"status {fetched.status}")
        return fetched

    async def _image_of(
        self, requester: UserId, url: str | None
    ) -> tuple[dict[str, Any], MediaId | None]:
        """A copy of a page's image, so that its readers need not show themselves to that host."""
        if url is None:
            return {}, None
        try:
            self._check(url)
            return await self._copy_image(requester, await self._fetch(url))
        except (FetchFailed, Refused) as error:
            log.info("image of a link not copied", reason=str(error))
            return {}, None

    async def _copy_image(
        self, requester: UserId, fetched: Fetched
    ) -> tuple[dict[str, Any], MediaId | None]:
        async with self._reading:
            measured = await self._images.measure(fetched.body)
        if measured is None:
            return {}, None
        width, height, kind = measured
        media_id = await self._repository.upload(requester, _once(fetched.body), kind)
        properties = {
            "og:image": self._repository.uri(media_id),
            "og:image:type": kind,
            "og:image:width": width,
            "og:image:height": height,
            "matrix:image:size": len(fetched.body),
        }
        return properties, media_id


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
