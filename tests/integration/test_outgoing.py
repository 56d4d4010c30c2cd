"""Requests that hostile users, DNS servers and web servers try to lead astray.

Real servers on loopback; what "the internet" is there says the list of allowed networks: 127.0.0.1
is, 127.0.0.2 is not.
"""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bongsu.fetching import FetchFailed, FetchRefused
from bongsu.outgoing.client import Outgoing

INTERNET = ("127.0.0.1/32",)
SECONDS_MAX = 60.0  # without its deadline, it would take minutes


class HostileDns(AbstractResolver):
    """Answers each question with the next of its lists of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = self.answers.pop(0)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class Site:
    """A web server on every address of this machine that counts what reaches it."""

    def __init__(self) -> None:
        self.port = 0
        self.reached: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.released = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{kind}", self._answer)
        app.router.add_get("/to/{target:.*}", self._redirect)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "0.0.0.0", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.released.set()
        await self._runner.cleanup()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.reached.append(request.path)
        self.headers.append(dict(request.headers))
        match request.match_info["kind"]:
            case "hang":
                await self.released.wait()
            case "cookie":
                return web.Response(headers={"Set-Cookie": "a=b"})
            case "echo":
                return web.json_response(await request.json())
            case "endless" | "drip" | "bomb" as kind:
                return await self._stream(request, kind)
        return web.Response(text="hello")

    async def _redirect(self, request: web.Request) -> web.StreamResponse:
        self.reached.append(request.path)
        self.headers.append(dict(request.headers))
        return web.Response(status=302, headers={"Location": request.match_info["target"]})

    async def _stream(self, request: web.Request, kind: str) -> web.StreamResponse:
        response = web.StreamResponse()
        if kind == "bomb":
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        chunk = {"endless": b"x" * 65536, "drip": b"x", "bomb": gzip.compress(bytes(10**8))}[kind]
        try:
            for _ in range(10_000):
                await response.write(chunk)
                await asyncio.sleep(0.05 if kind == "drip" else 0)
        except ConnectionError:
            pass
        return response


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.start()
    yield site
    await site.stop()


@pytest.fixture
async def outgoing() -> AsyncIterator[Outgoing]:
    outgoing = Outgoing(INTERNET)
    yield outgoing
    await outgoing.close()


async def test_get_and_post(site: Site, outgoing: Outgoing) -> None:
    fetched = await outgoing.get(site.url("/page#part"))
    assert (fetched.status, fetched.body) == (200, b"hello")
    assert fetched.headers["content-type"] == "text/plain; charset=utf-8"
    posted = await outgoing.send_json("POST", site.url("/echo"), {"a": [1]})
    assert posted.body == b'{"a": [1]}'


async def test_private_addresses_are_refused_however_written(site: Site) -> None:
    outgoing = Outgoing()
    try:
        for host in (
            "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1",
            "127.1", "0.0.0.0", "[::]", "127.0.0.1.", "①②⑦.⓪.⓪.①",
        ):  # fmt: skip
            with pytest.raises(FetchFailed) as failed:
                await outgoing.get(site.url("/page", host))
            assert "127" not in str(failed.value) or "canonical" in str(failed.value)
    finally:
        await outgoing.close()
    assert site.reached == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://example.com/", "gopher://127.0.0.1/", "//example.com/",
        "http://", "http://user:secret@127.0.0.1/", "javascript:alert(1)", "", "http://[::1",
        "http://example.com:99999/", "http://127.0.0.1:0/", "http://a" + "b" * 9000 + "/",
    ],
)  # fmt: skip
async def test_only_plain_urls_of_the_web(outgoing: Outgoing, url: str) -> None:
    with pytest.raises(FetchRefused):
        await outgoing.get(url)


async def test_a_name_that_means_loopback(site: Site) -> None:
    dns = HostileDns(["127.0.0.2"], ["::ffff:127.0.0.2", "169.254.169.254", "127.0.0.3"])
    outgoing = Outgoing(INTERNET, resolver=dns)
    for name in ("one.example", "two.example"):
        with pytest.raises(FetchRefused):
            await outgoing.get(site.url("/page", name))
    assert site.reached == []
    await outgoing.close()


async def test_a_name_that_means_something_else_when_asked_again(site: Site) -> None:
    """What was checked is what is connected to: each name is asked for once a connection, and a
    later answer is checked like the first."""
    dns = HostileDns(["127.0.0.1"], ["127.0.0.2"])
    outgoing = Outgoing(INTERNET, resolver=dns)
    fetched = await outgoing.get(site.url("/to/http://rebound.example/", "rebound.example"))
    assert (fetched.status, dns.asked) == (302, 1)
    with pytest.raises(FetchRefused):
        await outgoing.get(site.url("/page", "other.example"))
    assert len(site.reached) == 1
    await outgoing.close()


async def test_an_allowed_address_beside_a_refused_one(site: Site) -> None:
    outgoing = Outgoing(INTERNET, resolver=HostileDns(["127.0.0.2", "127.0.0.1"]))
    assert (await outgoing.get(site.url("/page", "both.example"))).status == 200
    await outgoing.close()


async def test_redirects_are_counted_and_checked(site: Site, outgoing: Outgoing) -> None:
    onward = site.url("/to/" + site.url("/page"))
    assert (await outgoing.get(onward)).status == 302
    assert (await outgoing.get(onward, redirects_max=1)).body == b"hello"
    assert (await outgoing.get(site.url("/to/" + onward), redirects_max=1)).status == 302
    for target in (site.url("/page", "127.0.0.2"), "file:///etc/passwd", "http://[::1"):
        with pytest.raises(FetchFailed):
            await outgoing.get(site.url("/to/" + target), redirects_max=3)
    posted = await outgoing.send_json("POST", site.url("/cookie"), {})
    assert posted.status == 200


async def test_credentials_stay_with_the_host_they_are_for(site: Site, outgoing: Outgoing) -> None:
    other = Site()
    await other.start()
    url = site.url("/to/" + other.url("/page"))
    await outgoing.get(url, headers={"Authorization": "Bearer x"}, redirects_max=1)
    await other.stop()
    assert site.headers[0]["Authorization"] == "Bearer x"
    assert "Authorization" not in other.headers[0]


async def test_no_cookies(site: Site, outgoing: Outgoing) -> None:
    await outgoing.get(site.url("/cookie"))
    await outgoing.get(site.url("/cookie"))
    assert "Cookie" not in site.headers[1]


@pytest.mark.parametrize("kind", ["endless", "bomb"])
async def test_a_body_without_end(site: Site, outgoing: Outgoing, kind: str) -> None:
    with pytest.raises(FetchFailed):
        await outgoing.get(site.url(f"/{kind}"), body_bytes_max=100_000)


@pytest.mark.parametrize("kind", ["hang", "drip"])
async def test_one_deadline_for_everything(site: Site, outgoing: Outgoing, kind: str) -> None:
    started = asyncio.get_running_loop().time()
    with pytest.raises(FetchFailed, match="within"):
        await outgoing.get(site.url(f"/{kind}"), seconds_max=0.3)
    assert asyncio.get_running_loop().time() - started < SECONDS_MAX


async def test_plain_http_only_where_the_operator_allowed_it(site: Site) -> None:
    """8.8.8.8 is public, but not by plain http: refused without a packet being sent."""
    outgoing = Outgoing(INTERNET)
    assert (await outgoing.send_json("POST", site.url("/echo"), {}, https_only=True)).status == 200
    with pytest.raises(FetchRefused):
        await outgoing.send_json("POST", "http://8.8.8.8/", {}, https_only=True)
    await outgoing.close()


async def test_no_proxy_of_the_environment(
    site: Site, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", site.url(""))
    monkeypatch.setenv("HTTP_PROXY", site.url(""))
    with pytest.raises(FetchRefused):
        await outgoing.get("http://127.0.0.2/")
    assert site.reached == []
