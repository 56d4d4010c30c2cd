"""The content repository on PostgreSQL, real files and real thumbnail processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bongsu.errors import Forbidden, LimitExceeded, NotFound, Refused, TooLarge, Unavailable
from bongsu.files.blob_store import FileBlobStore
from bongsu.ids import UserId
from bongsu.media import repository as repository_module
from bongsu.media.content import OCTET_STREAM
from bongsu.media.repository import MediaRepository, MediaSettings
from bongsu.postgres.database import Database
from bongsu.postgres.media_store import PostgresMediaStore

ALICE, BOB = UserId("@alice:example.org"), UserId("@bob:example.org")
SERVER = "example.org"
SETTINGS = MediaSettings(upload_bytes_max=1_000_000, pending_uploads_max=3, pending_seconds=60)


class Clock:
    now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database) -> PostgresMediaStore:
    return PostgresMediaStore(database)


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[FileBlobStore]:
    blobs = FileBlobStore(tmp_path, free_bytes_min=0)
    yield blobs
    await blobs.close()


@pytest.fixture
def repository(store: PostgresMediaStore, blobs: FileBlobStore, clock: Clock) -> MediaRepository:
    return MediaRepository(store, blobs, SERVER, SETTINGS, clock)


async def body(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def download(repository: MediaRepository, media_id: str, **options: float) -> bytes:
    content = await repository.get(SERVER, media_id, authenticated=True, **options)
    stream = repository.stream(content, 0, content.blob.size)
    return b"".join([chunk async for chunk in stream])


async def test_upload_and_download(repository: MediaRepository) -> None:
    media_id = await repository.upload(ALICE, body(b"hello"), "image/png", "산.png")
    content = await repository.get(SERVER, media_id, authenticated=True)
    assert (content.content_type, content.upload_name) == ("image/png", "산.png")
    assert content.sites == ("local",)
    assert await download(repository, media_id) == b"hello"


async def test_ids_say_nothing_of_the_content(repository: MediaRepository) -> None:
    first = await repository.upload(ALICE, body(b"same"))
    second = await repository.upload(BOB, body(b"same"), "text/html\r\na: b")
    assert first != second
    contents = [await repository.get(SERVER, id, authenticated=True) for id in (first, second)]
    assert contents[0].blob == contents[1].blob
    assert {content.content_type for content in contents} == {OCTET_STREAM}


async def test_too_large(repository: MediaRepository) -> None:
    with pytest.raises(TooLarge):
        await repository.upload(ALICE, body(bytes(SETTINGS.upload_bytes_max + 1)))


@pytest.mark.parametrize("media_id", ["unknown", "../../etc/passwd", "x" * 10_000, "\x00", ""])
async def test_unknown(repository: MediaRepository, media_id: str) -> None:
    with pytest.raises(NotFound):
        await repository.get(SERVER, media_id, authenticated=True)


async def test_other_servers_are_unknown(repository: MediaRepository) -> None:
    media_id = await repository.upload(ALICE, body(b"x"))
    with pytest.raises(NotFound):
        await repository.get("other.example.org", media_id, authenticated=True)


async def test_the_old_endpoints_serve_what_was_there_before_the_freeze(
    store: PostgresMediaStore, blobs: FileBlobStore, repository: MediaRepository
) -> None:
    thawed = MediaRepository(store, blobs, SERVER, msgspec.structs.replace(SETTINGS, frozen=False))
    before = await thawed.upload(ALICE, body(b"before"))
    after = await repository.upload(ALICE, body(b"after"))
    await repository.get(SERVER, before, authenticated=False)
    with pytest.raises(NotFound):
        await repository.get(SERVER, after, authenticated=False)


async def test_quarantined_is_served_to_nobody(
    store: PostgresMediaStore, repository: MediaRepository
) -> None:
    media_id = await repository.upload(ALICE, body(b"evil"))
    assert await store.set_quarantined(media_id, True)
    with pytest.raises(NotFound):
        await repository.get(SERVER, media_id, authenticated=True)
    await store.set_quarantined(media_id, False)
    assert await download(repository, media_id) == b"evil"


async def test_a_lost_file_is_not_called_unknown(
    blobs: FileBlobStore, repository: MediaRepository
) -> None:
    media_id = await repository.upload(ALICE, body(b"x"))
    content = await repository.get(SERVER, media_id, authenticated=True)
    await blobs.delete(content.blob.sha256)
    with pytest.raises(Unavailable):
        await repository.get(SERVER, media_id, authenticated=True)


async def test_created_then_uploaded_once(repository: MediaRepository, clock: Clock) -> None:
    media = await repository.create(ALICE)
    assert media.expires_ts == clock.now + 60_000
    with pytest.raises(Forbidden):
        await repository.upload_to(BOB, SERVER, media.media_id, body(b"x"))
    await repository.upload_to(ALICE, SERVER, media.media_id, body(b"first"), "text/plain", "a")
    clock.now += 100_000
    assert await download(repository, media.media_id) == b"first"
    with pytest.raises(Refused) as refused:
        await repository.upload_to(ALICE, SERVER, media.media_id, body(b"second"))
    assert (refused.value.status, refused.value.code) == (409, "M_CANNOT_OVERWRITE_MEDIA")


async def test_of_two_uploads_at_once_one_wins(repository: MediaRepository) -> None:
    media = await repository.create(ALICE)
    results = await asyncio.gather(
        *(repository.upload_to(ALICE, SERVER, media.media_id, body(b"%d" % i)) for i in range(4)),
        return_exceptions=True,
    )
    assert sorted(str(result) for result in results) == ["Media already uploaded"] * 3 + ["None"]


async def test_expired(repository: MediaRepository, clock: Clock) -> None:
    media = await repository.create(ALICE)

    async def late() -> AsyncIterator[bytes]:
        yield b"x"
        clock.now += 60_000

    with pytest.raises(NotFound):
        await repository.upload_to(ALICE, SERVER, media.media_id, late())
    with pytest.raises(NotFound):
        await repository.upload_to(ALICE, SERVER, media.media_id, body(b"x"))
    with pytest.raises(NotFound):
        await repository.get(SERVER, media.media_id, authenticated=True)


async def test_pending_uploads_are_limited(repository: MediaRepository, clock: Clock) -> None:
    results = await asyncio.gather(
        *(repository.create(ALICE) for _ in range(8)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, LimitExceeded)]
    assert len(refused) == 8 - SETTINGS.pending_uploads_max
    assert refused[0].extra["retry_after_ms"] > 0
    await repository.create(BOB)
    clock.now += 60_000
    await repository.create(ALICE)


async def test_a_completed_upload_pends_no_more(repository: MediaRepository) -> None:
    for _ in range(SETTINGS.pending_uploads_max + 1):
        media = await repository.create(ALICE)
        await repository.upload_to(ALICE, SERVER, media.media_id, body(b"x"))


async def test_a_download_waits_for_its_upload(repository: MediaRepository) -> None:
    media = await repository.create(ALICE)
    waiting = asyncio.create_task(download(repository, media.media_id, wait_seconds=60))
    await asyncio.sleep(0.05)
    await repository.upload_to(ALICE, SERVER, media.media_id, body(b"at last"))
    assert await waiting == b"at last"


@pytest.mark.parametrize("waiters_max", [0, 1])
async def test_not_yet_uploaded(
    repository: MediaRepository, monkeypatch: pytest.MonkeyPatch, waiters_max: int
) -> None:
    monkeypatch.setattr(repository_module, "WAITERS_MAX", waiters_max)
    media = await repository.create(ALICE)
    with pytest.raises(Refused) as refused:
        await repository.get(SERVER, media.media_id, authenticated=True, wait_seconds=0.2)
    assert (refused.value.status, refused.value.code) == (504, "M_NOT_YET_UPLOADED")


async def test_uploads_at_once_are_limited(repository: MediaRepository) -> None:
    go_on = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield os.urandom(10)
        await go_on.wait()

    most = repository_module.UPLOADS_OF_USER_MAX
    uploads = [asyncio.create_task(repository.upload(ALICE, stalled())) for _ in range(most)]
    await asyncio.sleep(0)
    with pytest.raises(LimitExceeded):
        await repository.upload(ALICE, body(b"x"))
    await repository.upload(BOB, body(b"x"))
    go_on.set()
    await asyncio.gather(*uploads)
    await repository.upload(ALICE, body(b"x"))
