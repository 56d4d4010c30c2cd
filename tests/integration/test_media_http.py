"""Media through the real HTTP server: bodies that lie, types that would run, parts and pictures."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from PIL import Image

from bongsu.errors import UnknownToken
from bongsu.files.blob_store import FileBlobStore
from bongsu.files.thumbnail_cache import FileThumbnailCache
from bongsu.http.app import App
from bongsu.http.client.media import MediaEndpoints
from bongsu.http.router import Router
from bongsu.http.server import Server
from bongsu.ids import DeviceId, UserId
from bongsu.media.repository import MediaRepository, MediaSettings
from bongsu.media.thumbnails import Thumbnails
from bongsu.pillow.thumbnailer import PillowThumbnailer
from bongsu.postgres.database import Database
from bongsu.postgres.media_store import PostgresMediaStore
from bongsu.users.requester import Requester

BYTES_MAX = 2_000_000
NAME = "example.org"
DOWNLOAD = "/_matrix/client/v1/media/download"
THUMBNAIL = "/_matrix/client/v1/media/thumbnail"
UPLOAD = "/_matrix/media/v3/upload"


class Everybody:
    """Tokens are localparts."""

    def cached(self, token: str) -> Requester | None:
        if not token:
            raise UnknownToken
        user = UserId(f"@{token}:{NAME}")
        return Requester(
            user, DeviceId("D"), b"", token == "guest", is_suspended=token == "mallory"
        )

    async def requester(self, token: str) -> Requester:
        raise AssertionError("cached knows all")


@pytest.fixture
async def origin(database: Database, tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """Host and port of a server that serves media only."""
    blobs = FileBlobStore(tmp_path, free_bytes_min=0)
    settings = MediaSettings(upload_bytes_max=BYTES_MAX)
    repository = MediaRepository(PostgresMediaStore(database), blobs, NAME, settings)
    thumbnails = Thumbnails(
        blobs, FileThumbnailCache(tmp_path, free_bytes_min=0), PillowThumbnailer()
    )
    router = Router()
    router.add(MediaEndpoints(repository, thumbnails))
    server = Server(App(router, Everybody()), port=0)
    await server.start()
    yield "127.0.0.1", server.port
    await server.stop()
    await thumbnails.close()
    await blobs.close()


@pytest.fixture
async def alice(origin: tuple[str, int]) -> AsyncIterator[aiohttp.ClientSession]:
    async with _client(origin, "alice") as session:
        yield session


def _client(origin: tuple[str, int], name: str | None) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {name}"} if name else {}
    return aiohttp.ClientSession("http://{}:{}".format(*origin), headers=headers)


async def _upload(
    client: aiohttp.ClientSession, content: Any, content_type: str = "image/png", query: str = ""
) -> str:
    """The `server/id` of a new media."""
    content = io.BytesIO(content) if isinstance(content, bytes) else content
    headers = {"Content-Type": content_type}
    async with client.post(UPLOAD + query, data=content, headers=headers) as response:
        answer = await response.json()
        assert response.status == 200, answer
        return answer["content_uri"].removeprefix("mxc://")


async def _json(client: aiohttp.ClientSession, verb: str, path: str, **options: Any) -> Any:
    async with client.request(verb, path, **options) as response:
        return response.status, (await response.json()).get("errcode")


async def _raw(origin: tuple[str, int], *pieces: bytes) -> bytes:
    """Everything the server says to these bytes, after which we say no more."""
    reader, writer = await asyncio.open_connection(*origin)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def _png(width: int = 900, height: int = 450) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (width, height), (9, 9, 9)).save(body, "PNG")
    return body.getvalue()


async def test_round_trip(alice: aiohttp.ClientSession) -> None:
    content = os.urandom(1_500_000)
    name = "산 & 바다.png"
    path = await _upload(alice, content, query=f"?filename={quote(name)}")
    async with alice.get(f"{DOWNLOAD}/{path}") as response:
        assert await response.read() == content
        headers = response.headers
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"] == f"inline; filename*=utf-8''{quote(name, safe='')}"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none';")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Access-Control-Allow-Origin"] == "*"
    async with alice.get(f"{DOWNLOAD}/{path}/other.png") as response:
        assert response.headers["Content-Disposition"] == 'inline; filename="other.png"'
    async with alice.head(f"{DOWNLOAD}/{path}") as response:
        assert (response.status, response.headers["Content-Length"]) == (200, "1500000")
    async with alice.get(f"{DOWNLOAD}/{path}", headers={"If-None-Match": headers["ETag"]}) as same:
        assert (same.status, await same.read()) == (304, b"")


async def test_parts(alice: aiohttp.ClientSession) -> None:
    content = os.urandom(1_000_000)
    path = await _upload(alice, content, "video/mp4")
    for start, stop in ((0, 1), (300_000, 900_001), (999_999, 1_000_000)):
        wanted = {"Range": f"bytes={start}-{stop - 1}"}
        async with alice.get(f"{DOWNLOAD}/{path}", headers=wanted) as response:
            assert response.status == 206
            assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1000000"
            assert await response.read() == content[start:stop]
    async with alice.get(f"{DOWNLOAD}/{path}", headers={"Range": "bytes=1000000-"}) as response:
        assert (response.status, response.headers["Content-Range"]) == (416, "bytes */1000000")


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "text/xml", "x"])
async def test_what_could_run_is_an_attachment(
    alice: aiohttp.ClientSession, content_type: str
) -> None:
    path = await _upload(alice, b"<script>alert(1)</script>", content_type, "?filename=a.png")
    async with alice.get(f"{DOWNLOAD}/{path}") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="a.png"'
    assert await _json(alice, "GET", f"{THUMBNAIL}/{path}?width=9&height=9") == (400, "M_UNKNOWN")


async def test_empty_content(alice: aiohttp.ClientSession) -> None:
    path = await _upload(alice, b"")
    async with alice.get(f"{DOWNLOAD}/{path}") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_thumbnail(alice: aiohttp.ClientSession) -> None:
    path = await _upload(alice, _png())
    async with alice.get(f"{THUMBNAIL}/{path}?width=300&height=200&method=scale") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "image/jpeg"
        assert response.headers["Content-Disposition"] == 'inline; filename="thumbnail.jpeg"'
        assert Image.open(io.BytesIO(await response.read())).size == (320, 160)
    async with alice.get(f"{THUMBNAIL}/{path}?width=2000&height=2000") as response:
        assert await response.read() == _png()


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        ("width=1", "M_MISSING_PARAM"),
        ("width=0&height=1", "M_INVALID_PARAM"),
        ("width=-1&height=1", "M_INVALID_PARAM"),
        ("width=1.5&height=1", "M_INVALID_PARAM"),
        ("width=1&height=1&method=stretch", "M_INVALID_PARAM"),
        ("width=1&height=1&animated=maybe", "M_INVALID_PARAM"),
        ("width=1&height=1&timeout_ms=soon", "M_INVALID_PARAM"),
    ],
)
async def test_bad_queries(alice: aiohttp.ClientSession, query: str, errcode: str) -> None:
    assert await _json(alice, "GET", f"{THUMBNAIL}/{NAME}/x?{query}") == (400, errcode)


@pytest.mark.parametrize("path", [f"{NAME}/x", "other.org/x", f"{NAME}/..%2F..%2Fetc", "%FF/x"])
async def test_unknown(alice: aiohttp.ClientSession, path: str) -> None:
    status, errcode = await _json(alice, "GET", f"{DOWNLOAD}/{path}")
    assert (status, errcode) in ((404, "M_NOT_FOUND"), (400, "M_INVALID_PARAM"))


async def test_names_that_cannot_be_kept(alice: aiohttp.ClientSession) -> None:
    for name in ("%00", "%FF", "x" * 2000):
        answer = await _json(alice, "POST", f"{UPLOAD}?filename={name}", data=b"x")
        assert answer == (400, "M_INVALID_PARAM")


async def test_who_may(origin: tuple[str, int], alice: aiohttp.ClientSession) -> None:
    path = await _upload(alice, b"x")
    async with _client(origin, None) as nobody:
        assert await _json(nobody, "GET", f"{DOWNLOAD}/{path}") == (401, "M_MISSING_TOKEN")
        assert await _json(nobody, "POST", UPLOAD, data=b"x") == (401, "M_MISSING_TOKEN")
        for version in ("v3", "r0", "v1"):
            for kind in ("download", "thumbnail"):
                old = f"/_matrix/media/{version}/{kind}/{path}?width=9&height=9"
                assert await _json(nobody, "GET", old) == (404, "M_NOT_FOUND")
    async with _client(origin, "guest") as guest:
        async with guest.get(f"{DOWNLOAD}/{path}") as response:
            assert response.status == 200
        assert (await _json(guest, "POST", UPLOAD, data=b"x"))[0] == 403
    async with _client(origin, "mallory") as mallory:
        for old in (UPLOAD, "/_matrix/media/r0/upload", "/_matrix/media/v1/create"):
            assert await _json(mallory, "POST", old, data=b"x") == (403, "M_USER_SUSPENDED")


async def test_config(alice: aiohttp.ClientSession) -> None:
    for path in ("/_matrix/client/v1/media/config", "/_matrix/media/v3/config"):
        async with alice.get(path) as response:
            assert await response.json() == {"m.upload.size": BYTES_MAX}


async def test_created_first(origin: tuple[str, int], alice: aiohttp.ClientSession) -> None:
    async with alice.post("/_matrix/media/v1/create") as response:
        answer = await response.json()
    path = answer["content_uri"].removeprefix("mxc://")
    assert isinstance(answer["unused_expires_at"], int)
    early = await _json(alice, "GET", f"{DOWNLOAD}/{path}?timeout_ms=0")
    assert early == (504, "M_NOT_YET_UPLOADED")
    async with _client(origin, "bob") as bob:
        assert await _json(bob, "PUT", f"{UPLOAD}/{path}", data=b"x") == (403, "M_FORBIDDEN")
    waiting = asyncio.create_task(alice.get(f"{DOWNLOAD}/{path}"))
    assert await _json(alice, "PUT", f"{UPLOAD}/{path}", data=b"late") == (200, None)
    async with await waiting as response:
        assert await response.read() == b"late"
    again = await _json(alice, "PUT", f"{UPLOAD}/{path}", data=b"x")
    assert again == (409, "M_CANNOT_OVERWRITE_MEDIA")
    unknown = await _json(alice, "PUT", f"{UPLOAD}/{NAME}/unknown", data=b"x")
    assert unknown == (404, "M_NOT_FOUND")


HEAD = b"POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\n"


async def test_too_large_as_announced(origin: tuple[str, int], tmp_path: Path) -> None:
    answer = await _raw(origin, HEAD + b"Content-Length: %d\r\n\r\n" % (BYTES_MAX + 1), b"x")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"M_TOO_LARGE" in answer
    assert not list((tmp_path / "incoming").iterdir())


async def test_too_large_in_chunks(alice: aiohttp.ClientSession, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BYTES_MAX // 100_000 + 1):
            yield bytes(100_000)

    assert await _json(alice, "POST", UPLOAD, data=chunks()) == (413, "M_TOO_LARGE")
    assert not list((tmp_path / "incoming").iterdir())


async def test_chunks_are_content(alice: aiohttp.ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for index in range(10):
            yield bytes([index]) * 70_000

    path = await _upload(alice, chunks())
    async with alice.get(f"{DOWNLOAD}/{path}") as response:
        assert await response.read() == b"".join([bytes([index]) * 70_000 for index in range(10)])


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"Content-Length: 600000\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n7a120\r\n",
    ],
)
async def test_half_a_body_is_no_upload(
    origin: tuple[str, int], tmp_path: Path, database: Database, head: bytes
) -> None:
    answer = await _raw(origin, head, bytes(500_000))
    assert not answer.startswith(b"HTTP/1.1 200")
    async with asyncio.timeout(30):
        while list((tmp_path / "incoming").iterdir()):
            await asyncio.sleep(0.01)
    assert not await database.fetch("SELECT * FROM media")
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


async def test_readers_that_leave_hold_nothing_up(alice: aiohttp.ClientSession) -> None:
    content = os.urandom(BYTES_MAX)
    path = await _upload(alice, content)
    for _ in range(20):
        async with alice.get(f"{DOWNLOAD}/{path}") as response:
            await response.content.readexactly(10)
            response.close()
    async with alice.get(f"{DOWNLOAD}/{path}") as response:
        assert await response.read() == content
