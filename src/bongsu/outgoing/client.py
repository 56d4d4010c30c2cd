"""The guarded HTTP client, as `fetching.Fetcher` wants it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from yarl import URL

from bongsu.fetching import BODY_BYTES_MAX, SECONDS_MAX, Fetched, FetchFailed, FetchRefused
from bongsu.outgoing.addresses import AllowedAddresses
from bongsu.outgoing.connecting import AddressRefused, Resolver, guarded_connector

URL_CHARS_MAX = 8192
RUNNING_MAX = 1000  # requests at once, those that wait for a connection too
CONNECT_SECONDS_MAX = 5.0
CHUNK_BYTES = 64 * 1024

SCHEMES = ("http", "https")
REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": "Bongsu", "Accept-Encoding": "identity"}


class Outgoing:
    """Make it in a running loop; close it at the end. No cookies, no proxies of the environment.

    `allowed_networks` (CIDR) may be reached though they are not public. Implements
    `fetching.Fetcher`.
    """

    def __init__(
        self, allowed_networks: tuple[str, ...] = (), *, resolver: AbstractResolver | None = None
    ) -> None:
        allowed = AllowedAddresses(allowed_networks)
        self._resolver = resolver or Resolver()
        self._anywhere = _session(guarded_connector(allowed, self._resolver, public=True))
        self._allowed_only = _session(guarded_connector(allowed, self._resolver, public=False))
        self._running = 0

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
        seconds_max: float = SECONDS_MAX,
        redirects_max: int = 0,
    ) -> Fetched:
        request = _Request("GET", headers or {}, None, body_bytes_max)
        return await self._bounded(request, url, seconds_max, redirects_max, https_only=False)

    async def send_json(
        self,
        method: str,
        url: str,
        document: Any,
        *,
        headers: Mapping[str, str] | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
        seconds_max: float = SECONDS_MAX,
        https_only: bool = False,
    ) -> Fetched:
        all_headers = {**(headers or {}), "Content-Type": "application/json"}
        request = _Request(method, all_headers, msgspec.json.encode(document), body_bytes_max)
        return await self._bounded(request, url, seconds_max, 0, https_only=https_only)

    async def close(self) -> None:
        await self._anywhere.close()
        await self._allowed_only.close()
        await self._resolver.close()

    async def _bounded(
        self,
        request: "_Request",
        url: str,
        seconds_max: float,
        redirects_max: int,
        *,
        https_only: bool,
    ) -> Fetched:
        if self._running >= RUNNING_MAX:
            raise FetchFailed("too many requests at once")
        self._running += 1
        try:
            async with asyncio.timeout(seconds_max):
                return await self._follow(request, parse_url(url), redirects_max, https_only)
        except TimeoutError:
            raise FetchFailed(f"no whole answer within {seconds_max} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(getattr(error, "os_error", None), AddressRefused):
                raise FetchRefused("the address is not one of the public internet") from None
            raise FetchFailed(f"{type(error).__name__}: {str(error)[:200]}") from None
        finally:
            self._running -= 1

    async def _follow(
        self, request: "_Request", url: URL, redirects_max: int, https_only: bool
    ) -> Fetched:
        """The first answer that is no redirect, or the one after `redirects_max` of them."""
        for left in range(redirects_max, -1, -1):
            plain = https_only and url.scheme != "https"
            session = self._allowed_only if plain else self._anywhere
            fetched = await request.send(session, url)
            location = fetched.headers.get("location")
            if left == 0 or fetched.status not in REDIRECTS or location is None:
                return fetched
            target = parse_url(str(url.join(URL(location))))
            if target.origin() != url.origin():
                request = request.without_headers()
            url = target
        raise AssertionError("redirects_max is negative")


class _Request:
    """What is asked, wherever it is sent."""

    def __init__(
        self, method: str, headers: Mapping[str, str], body: bytes | None, body_bytes_max: int
    ) -> None:
        self._method = method
        self._headers = {**_HEADERS, **headers}
        self._body = body
        self._body_bytes_max = body_bytes_max

    def without_headers(self) -> "_Request":
        """For another host than the one that the caller meant: credentials are not for it."""
        kept = {n: v for n, v in self._headers.items() if n.lower() in ("accept", "user-agent")}
        return _Request(self._method, kept, self._body, self._body_bytes_max)

    async def send(self, session: aiohttp.ClientSession, url: URL) -> Fetched:
        async with session.request(
            self._method, url, headers=self._headers, data=self._body, allow_redirects=False
        ) as answer:
            body = await self._read(answer)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Fetched(answer.status, str(url), headers, body)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            if size > self._body_bytes_max:
                answer.close()  # what is left of it is not read either
                raise FetchFailed(f"an answer of more than {self._body_bytes_max} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


def parse_url(text: str) -> URL:
    """A URL that may be asked, so far as it can be told without asking DNS; `FetchRefused`."""
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise FetchRefused("not a URL") from None
    if len(text) > URL_CHARS_MAX or url.scheme not in SCHEMES or not host or not port:
        raise FetchRefused("not a http or https URL, or too long a one")
    if url.user is not None or url.password is not None:
        raise FetchRefused("the URL holds a user or password")
    return url.with_fragment(None)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=True,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS_MAX),
        trust_env=False,
    )
