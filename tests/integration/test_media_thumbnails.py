"""Thumbnails from real worker processes, over real files."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bongsu.errors import Refused, TooLarge, Unavailable
from bongsu.files.blob_store import FileBlobStore
from bongsu.files.thumbnail_cache import FileThumbnailCache
from bongsu.media import thumbnails as thumbnails_module
from bongsu.media.content import Blob, Content
from bongsu.media.thumbnail import Outcome, Size, Thumbnail
from bongsu.media.thumbnails import Thumbnails
from bongsu.pillow import thumbnailer as thumbnailer_module
from bongsu.pillow.thumbnailer import PillowThumbnailer

BOX = Size(320, 240, "scale")


class Counting(PillowThumbnailer):
    """The real thing, counted."""

    def __init__(self) -> None:
        self.made = 0

    async def make(self, content: AsyncIterator[bytes], size: Size, *, animated: bool) -> Thumbnail:
        self.made += 1
        return await super().make(content, size, animated=animated)


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[FileBlobStore]:
    blobs = FileBlobStore(tmp_path, free_bytes_min=0)
    yield blobs
    await blobs.close()


@pytest.fixture
def thumbnailer() -> Counting:
    return Counting()


@pytest.fixture
async def thumbnails(
    blobs: FileBlobStore, thumbnailer: Counting, tmp_path: Path
) -> AsyncIterator[Thumbnails]:
    thumbnails = Thumbnails(blobs, FileThumbnailCache(tmp_path, free_bytes_min=0), thumbnailer)
    yield thumbnails
    await thumbnails.close()


async def body(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def uploaded(
    blobs: FileBlobStore, content: bytes, content_type: str = "image/png"
) -> Content:
    blob = await blobs.put(body(content), bytes_max=2**30)
    return Content(blob, content_type, None, ("local",))


def png(width: int, height: int) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (width, height), (1, 2, 3)).save(body, "PNG")
    return body.getvalue()


async def test_made_once_for_all_who_ask(
    thumbnails: Thumbnails, thumbnailer: Counting, blobs: FileBlobStore
) -> None:
    content = await uploaded(blobs, png(900, 900))
    asked = [thumbnails.get(content, BOX, animated=False) for _ in range(5)]
    first, *rest = await asyncio.gather(*asked)
    assert Image.open(io.BytesIO(first.body)).size == (240, 240)
    assert all(other == first for other in rest)
    assert await thumbnails.get(content, BOX, animated=False) == first
    assert thumbnailer.made == 1


async def test_a_leaving_client_does_not_stop_the_others(
    thumbnails: Thumbnails, thumbnailer: Counting, blobs: FileBlobStore
) -> None:
    content = await uploaded(blobs, png(900, 900))
    leaving = asyncio.create_task(thumbnails.get(content, BOX, animated=False))
    staying = asyncio.create_task(thumbnails.get(content, BOX, animated=False))
    while not thumbnailer.made:
        await asyncio.sleep(0.01)
    leaving.cancel()
    assert (await staying).outcome is Outcome.MADE
    assert thumbnailer.made == 1


async def test_a_small_image_is_shown_itself(
    thumbnails: Thumbnails, blobs: FileBlobStore, thumbnailer: Counting
) -> None:
    content = await uploaded(blobs, png(10, 10), "image/jpeg")
    for _ in range(2):
        thumbnail = await thumbnails.get(content, BOX, animated=False)
        assert thumbnail == Thumbnail(Outcome.ORIGINAL, "image/png")
    assert thumbnailer.made == 1


@pytest.mark.parametrize(
    ("content_type", "runs"), [("image/png", 1), ("image/svg+xml", 0), ("text/html", 0)]
)
async def test_what_is_no_image_is_found_out_once(
    thumbnails: Thumbnails,
    blobs: FileBlobStore,
    thumbnailer: Counting,
    content_type: str,
    runs: int,
) -> None:
    content = await uploaded(blobs, b"<script>alert(1)</script>", content_type)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await thumbnails.get(content, BOX, animated=False)
        assert (refused.value.status, refused.value.code) == (400, "M_UNKNOWN")
    assert thumbnailer.made == runs


async def test_a_large_image_needs_bounded_memory(
    thumbnails: Thumbnails, blobs: FileBlobStore
) -> None:
    content = await uploaded(blobs, png(8000, 7990))
    thumbnail = await thumbnails.get(content, BOX, animated=False)
    assert Image.open(io.BytesIO(thumbnail.body)).size == (240, 240)


async def test_too_large(
    thumbnails: Thumbnails, blobs: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TooLarge):
        await thumbnails.get(await uploaded(blobs, png(9000, 8000)), BOX, animated=False)
    huge = Content(Blob(bytes(32), thumbnails_module.SOURCE_BYTES_MAX + 1), "image/png", None, ())
    with pytest.raises(TooLarge):
        await thumbnails.get(huge, BOX, animated=False)
    monkeypatch.setattr(thumbnailer_module, "OUTPUT_BYTES_MAX", 100)
    with pytest.raises(TooLarge):
        await thumbnails.get(await uploaded(blobs, png(900, 800)), BOX, animated=False)


async def test_too_many(
    thumbnails: Thumbnails, blobs: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails_module, "WAITING_MAX", 1)
    contents = [await uploaded(blobs, png(900, 900 + i)) for i in range(2)]
    asked = [thumbnails.get(content, BOX, animated=False) for content in contents]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(result) for result in results} == {Thumbnail, Unavailable}


async def test_a_worker_that_hangs_is_killed_and_not_remembered(
    thumbnails: Thumbnails,
    blobs: FileBlobStore,
    thumbnailer: Counting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = await uploaded(blobs, png(900, 900))
    with monkeypatch.context() as patch:
        patch.setattr(thumbnailer_module, "SECONDS_MAX", 0.0)
        with pytest.raises(Unavailable):
            await thumbnails.get(content, BOX, animated=False)
    assert (await thumbnails.get(content, BOX, animated=False)).outcome is Outcome.MADE
    assert thumbnailer.made == 2
