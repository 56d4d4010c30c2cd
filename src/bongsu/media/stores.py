"""The sites' blob stores as one: every upload at two of them, every download from one that has it.

The stores know nothing of each other; which of them has what stands in the rows. An upload is
spooled while it is hashed, so that a store that fails is replaced by another one without asking
the client again. A store that is slow is not waited for either: the next one gets a copy too, and
the first two that have it are enough.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import NamedTuple, Protocol

import structlog

from bongsu.errors import Unavailable
from bongsu.media.content import Blob, PlacedBlob
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

COPIES = 2
HEDGE_SECONDS = 1.0  # a store that needs longer, and a second for each
HEDGE_BYTES_PER_SECOND = 10_000_000
PROBE_SECONDS = 1.0
FOUND_MAX = 10_000
RETRY_AFTER_MS = 3000


class StoreFailed(Exception):
    """A store did not do what it was asked, or did not answer."""


class Store(Protocol):
    """One site's store. Every method raises `StoreFailed` when it is out of reach."""

    async def put(self, blob: Blob, read: Callable[[], AsyncIterator[bytes]]) -> None:
        """Returns once the bytes are safe on its disk."""
        ...

    async def size(self, sha256: bytes) -> int | None:
        """Bytes of a blob; None if it is not there."""
        ...

    def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]: ...

    async def delete(self, sha256: bytes) -> None: ...

    async def probe(self, *, write: bool) -> None:
        """See that it answers, and with `write` that it takes uploads."""
        ...

    async def close(self) -> None: ...


class Spooled(NamedTuple):
    """A stream that has come in whole. `read` gives it from the start, as often as asked."""

    blob: Blob
    read: Callable[[], AsyncIterator[bytes]]


class Spool(Protocol):
    def spool(
        self, content: AsyncIterator[bytes], *, bytes_max: int
    ) -> AbstractAsyncContextManager[Spooled]: ...


class Health:
    """Whether a store answers, and since when not."""

    def __init__(self) -> None:
        self.down_since: float | None = None

    @property
    def is_up(self) -> bool:
        return self.down_since is None

    @property
    def down_seconds(self) -> float:
        return 0.0 if self.down_since is None else monotonic() - self.down_since

    def succeeded(self) -> None:
        self.down_since = None

    def failed(self) -> None:
        if self.down_since is None:
            self.down_since = monotonic()


class SiteStores:
    """Implements `media.repository.BlobStore`. `own` is this site's; start and stop it."""

    def __init__(self, stores: Mapping[str, Store], own: str, spool: Spool) -> None:
        self.stores = dict(stores)
        self.health = {site: Health() for site in stores}
        self.copies = min(COPIES, len(stores))
        self._own = own
        self._spool = spool
        self._found: dict[bytes, str] = {}  # where a blob was seen last, oldest first
        self._tasks = TaskOwner("media stores")

    async def start(self) -> None:
        for site in self.stores:
            self._tasks.start(self._probe(site))

    async def stop(self) -> None:
        await self._tasks.stop()
        for store in self.stores.values():
            await store.close()

    def by_preference(self, sha256: bytes = b"") -> list[str]:
        """Where a blob was seen first, then own, then the others; who does not answer last."""
        found = self._found.get(sha256)

        def rank(site: str) -> tuple[bool, bool, bool, str]:
            return (not self.health[site].is_up, site != found, site != self._own, site)

        return sorted(self.stores, key=rank)

    async def put(self, content: AsyncIterator[bytes], *, bytes_max: int) -> PlacedBlob:
        """Store a stream at two sites. `Unavailable` when fewer can be reached."""
        async with self._spool.spool(content, bytes_max=bytes_max) as spooled:
            sites = await self.place(spooled, self.by_preference(), self.copies)
            return PlacedBlob(spooled.blob.sha256, spooled.blob.size, tuple(sites))

    async def place(self, spooled: Spooled, sites: Sequence[str], copies: int) -> list[str]:
        """Put what is spooled to the first `copies` of `sites` that take it; gives those."""
        patience = HEDGE_SECONDS + spooled.blob.size / HEDGE_BYTES_PER_SECOND
        waiting, placed = list(sites), list[str]()
        running: dict[asyncio.Task[bool], str] = {}
        wanted = copies
        try:
            while len(placed) < copies:
                while waiting and len(running) + len(placed) < wanted:
                    site = waiting.pop(0)
                    running[asyncio.create_task(self._put(site, spooled))] = site
                if not running:
                    raise Unavailable("Too few media stores answer", retry_after_ms=RETRY_AFTER_MS)
                done, _ = await asyncio.wait(
                    running, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                wanted += 0 if done else 1
                placed += [site for task in done if (site := running.pop(task)) and task.result()]
            return placed
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def exists(self, sha256: bytes) -> bool:
        """Whether some store that answers has it; `Unavailable` when none answers."""
        answered = False
        for site in self.by_preference(sha256):
            try:
                size = await self.stores[site].size(sha256)
            except StoreFailed as error:
                self._failed(site, error)
                continue
            answered = True
            if size is not None:
                self._remember(sha256, site)
                return True
        if not answered:
            raise Unavailable("No media store answers", retry_after_ms=RETRY_AFTER_MS)
        return False

    async def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `stop`; a store that fails half-way is followed by the next one."""
        for site in self.by_preference(sha256):
            try:
                async for chunk in self.stores[site].stream(sha256, start, stop):
                    start += len(chunk)
                    yield chunk
            except StoreFailed as error:
                log.info("media not read", site=site, reason=str(error))
                continue
            if start >= stop:
                return
        raise Unavailable("No media store has this", retry_after_ms=RETRY_AFTER_MS)

    async def delete(self, sha256: bytes) -> None:
        for site, store in self.stores.items():
            try:
                await store.delete(sha256)
            except StoreFailed as error:
                self._failed(site, error)

    async def delete_everywhere(self, sha256: bytes) -> None:
        """`StoreFailed` unless every store says that it has it no more."""
        failures: list[StoreFailed] = []
        for site, store in self.stores.items():
            try:
                await store.delete(sha256)
            except StoreFailed as error:
                self._failed(site, error)
                failures.append(error)
        if failures:
            raise failures[0]

    async def copy(self, blob: Blob, source: str, target: str) -> None:
        """Bring a blob from one store to another, its hash checked on the way."""
        found = self.stores[source].stream(blob.sha256, 0, blob.size)
        async with self._spool.spool(found, bytes_max=blob.size) as spooled:
            if spooled.blob != blob:
                raise StoreFailed(f"{source} has other bytes under this hash")
            await self.stores[target].put(blob, spooled.read)

    def _remember(self, sha256: bytes, site: str) -> None:
        self._found.pop(sha256, None)
        self._found[sha256] = site
        if len(self._found) > FOUND_MAX:
            self._found.pop(next(iter(self._found)))

    async def _put(self, site: str, spooled: Spooled) -> bool:
        try:
            await self.stores[site].put(spooled.blob, spooled.read)
        except StoreFailed as error:
            self._failed(site, error)
            return False
        return True

    def _failed(self, site: str, error: StoreFailed) -> None:
        if self.health[site].is_up:
            log.warning("media store failed", site=site, reason=str(error))
        self.health[site].failed()

    async def _probe(self, site: str) -> None:
        """Look after a store all the time, so that no upload has to find out."""
        while True:
            try:
                # A store that starts may answer long before it can take anything.
                await self.stores[site].probe(write=not self.health[site].is_up)
            except StoreFailed as error:
                self._failed(site, error)
            else:
                if not self.health[site].is_up:
                    log.info("media store answers again", site=site)
                self.health[site].succeeded()
            await asyncio.sleep(PROBE_SECONDS)


def key_of(sha256: bytes) -> str:
    """The name of a blob in every store: `ab/abcdef…`."""
    return f"{sha256.hex()[:2]}/{sha256.hex()}"


EMPTY_SHA256 = hashlib.sha256().hexdigest()
PROBE_KEY = "probe"  # of the small object that a probe writes
