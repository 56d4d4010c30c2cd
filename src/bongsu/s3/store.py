"""One bucket of an S3 store, as `media.stores.Store` wants it."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from bongsu.media.content import Blob
from bongsu.media.stores import EMPTY_SHA256, PROBE_KEY, StoreFailed, key_of
from bongsu.s3.signature import Keys, signed_headers

CONNECT_SECONDS_MAX = 1.0
ANSWER_SECONDS_MAX = 2.0  # between two reads of an answer; another store has it too
HEAD_SECONDS_MAX = 1.5
STORED_SECONDS_MAX = 10.0  # from the last byte of an upload to the answer
PUT_SECONDS_MIN = 10.0  # and a second more for each
PUT_BYTES_PER_SECOND = 500_000
PROBE_SECONDS_MAX = 1.5
PROBE = b"probe"  # an empty object would touch no volume
CHUNK_BYTES = 256 * 1024
CONNECTIONS_MAX = 100


class S3Store:
    """`url` is that of the bucket, path style. Make it in a running loop; close it at the end."""

    def __init__(self, url: str, keys: Keys | None) -> None:
        self._url = URL(url)
        self._keys = keys
        self._skew = timedelta()  # of the store's clock against ours, learnt when it refuses us
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            auto_decompress=False,
        )

    async def put(self, blob: Blob, read: Callable[[], AsyncIterator[bytes]]) -> None:
        seconds = PUT_SECONDS_MIN + blob.size / PUT_BYTES_PER_SECOND
        headers = {
            "Content-Length": str(blob.size),
            "Content-Type": "application/octet-stream",
        }
        async with self._asked(
            "PUT",
            key_of(blob.sha256),
            body_sha256=blob.sha256.hex(),
            headers=headers,
            data=read() if blob.size else None,
            seconds=seconds,
        ) as answer:
            if answer.status != 200:
                raise StoreFailed(f"PUT was answered {answer.status}")

    async def size(self, sha256: bytes) -> int | None:
        seconds = HEAD_SECONDS_MAX
        async with self._asked("HEAD", key_of(sha256), seconds=seconds) as answer:
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise StoreFailed(f"HEAD was answered {answer.status}")
            return int(answer.headers.get("Content-Length", "0"))

    async def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `stop`; `StoreFailed` if it has them not, or not all."""
        if start >= stop:
            return
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        async with self._asked("GET", key_of(sha256), headers=headers) as answer:
            if answer.status != 206 and not (answer.status == 200 and start == 0):
                raise StoreFailed(f"GET was answered {answer.status}")
            left = stop - start
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                yield chunk[:left]
                left -= len(chunk[:left])
            if left:
                raise StoreFailed("An object is shorter than it was")

    async def put_file(self, key: str, body: bytes, media_type: str, cache_control: str) -> None:
        """An object by a name of its own, for others to read."""
        sha256 = hashlib.sha256(body).hexdigest()
        headers = {"Content-Type": media_type, "Cache-Control": cache_control}
        seconds = PUT_SECONDS_MIN + len(body) / PUT_BYTES_PER_SECOND
        async with self._asked(
            "PUT", key, body_sha256=sha256, headers=headers, data=body, seconds=seconds
        ) as answer:
            if answer.status != 200:
                raise StoreFailed(f"PUT was answered {answer.status}")

    async def delete(self, sha256: bytes) -> None:
        async with self._asked("DELETE", key_of(sha256)) as answer:
            if answer.status not in (200, 204, 404):
                raise StoreFailed(f"DELETE was answered {answer.status}")

    async def probe(self, *, write: bool) -> None:
        method, key, data = ("PUT", PROBE_KEY, PROBE) if write else ("HEAD", "", None)
        sha256 = hashlib.sha256(data or b"").hexdigest()
        seconds = PROBE_SECONDS_MAX
        async with self._asked(
            method, key, body_sha256=sha256, data=data, seconds=seconds
        ) as answer:
            if answer.status != 200:
                raise StoreFailed(f"a probe was answered {answer.status}")

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        key: str,
        *,
        body_sha256: str = EMPTY_SHA256,
        headers: Mapping[str, str] | None = None,
        data: AsyncIterator[bytes] | bytes | None = None,
        seconds: float | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        url = self._url / key if key else self._url
        signed: dict[str, str] = {}
        if self._keys is not None:
            now = datetime.now(UTC) + self._skew
            signed = signed_headers(self._keys, method, url.authority, url.path, body_sha256, now)
        silence = ANSWER_SECONDS_MAX if data is None else STORED_SECONDS_MAX
        timeout = aiohttp.ClientTimeout(
            total=seconds, sock_connect=CONNECT_SECONDS_MAX, sock_read=silence
        )
        try:
            async with self._session.request(
                method, url, headers={**(headers or {}), **signed}, data=data, timeout=timeout,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
                allow_redirects=False,
            ) as answer:  # fmt: skip
                if answer.status == 403:
                    self._skew = skew_of(answer.headers.get("Date"), datetime.now(UTC))
                yield answer
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise StoreFailed(f"{type(error).__name__}: {error}") from error


def skew_of(date: str | None, now: datetime) -> timedelta:
    """How far ahead of `now` the store's clock is, by its Date header.

    What is signed a quarter of an hour from its own time a store refuses; our clock may be wrong.
    """
    try:
        return parsedate_to_datetime(date or "") - now
    except (TypeError, ValueError):
        return timedelta()
