"""Which thumbnail a request gets, and what the worker makes of images, good and evil."""

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bongsu.media.thumbnail import SIZES, WHOLE, Outcome, Size, Thumbnail, choose_size
from bongsu.media.thumbnail import decode as decode_thumbnail
from bongsu.media.thumbnail import encode as encode_thumbnail
from bongsu.pillow import worker
from bongsu.pillow.worker import cut, make_thumbnail

BOX = Size(320, 240, "scale")
SQUARE = Size(96, 96, "crop")
RED, BLUE = (200, 0, 0), (0, 0, 200)


def image_bytes(format: str, size: tuple[int, int], mode: str = "RGB", **options: Any) -> bytes:
    """An image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    body = io.BytesIO()
    image.convert(mode).save(body, format, **options)
    return body.getvalue()


def animation(format: str, size: tuple[int, int], frames: int = 3) -> bytes:
    images = [Image.new("RGB", size, (index % 7 * 40, 0, 0)) for index in range(frames)]
    body = io.BytesIO()
    images[0].save(body, format, save_all=True, append_images=images[1:], duration=70, loop=0)
    return body.getvalue()


def opened(thumbnail: Thumbnail) -> Image.Image:
    assert thumbnail.outcome is Outcome.MADE, thumbnail.outcome
    return Image.open(io.BytesIO(thumbnail.body))


def still(content: bytes, size: Size = BOX) -> Thumbnail:
    return make_thumbnail(content, size, animated=False)


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ((1, 1, "crop"), Size(32, 32, "crop")),
        ((48, 48, "crop"), Size(96, 96, "crop")),
        ((320, 240, "crop"), Size(320, 240, "crop")),
        ((320, 240, "scale"), Size(320, 240, "scale")),
        ((321, 1, "scale"), Size(640, 480, "scale")),
        ((800, 600, "scale"), Size(800, 600, "scale")),
        ((1601, 1, "scale"), WHOLE),
        ((65535, 65535, "crop"), WHOLE),
    ],
)
def test_chosen_size(asked: Any, size: Size) -> None:
    assert choose_size(*asked) == size


@given(st.integers(1, 70000), st.integers(1, 70000), st.sampled_from(["crop", "scale"]))
def test_chosen_size_is_never_smaller_and_always_listed(
    width: int, height: int, method: Any
) -> None:
    size = choose_size(width, height, method)
    assert size in SIZES or size == WHOLE
    assert size == WHOLE or size.covers(width, height)


@given(st.integers(1, 20000), st.integers(1, 20000), st.sampled_from(SIZES))
def test_cut_never_enlarges_and_stays_inside(width: int, height: int, size: Size) -> None:
    (new_width, new_height), (left, top, right, bottom) = cut(width, height, size)
    assert 1 <= new_width <= min(width, size.width)
    assert 1 <= new_height <= min(height, size.height)
    assert 0 <= left < right <= width + 1e-6
    assert 0 <= top < bottom <= height + 1e-6


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_scale_keeps_the_aspect(format: str) -> None:
    thumbnail = opened(still(image_bytes(format, (1000, 500))))
    assert thumbnail.size == (320, 160)
    assert thumbnail.convert("RGB").getpixel((20, 80)) == pytest.approx(RED, abs=12)


def test_crop_keeps_the_middle() -> None:
    thumbnail = opened(still(image_bytes("PNG", (1000, 500)), SQUARE)).convert("RGB")
    assert thumbnail.size == (96, 96)
    assert thumbnail.getpixel((10, 48)) == pytest.approx(RED, abs=12)
    assert thumbnail.getpixel((86, 48)) == pytest.approx(BLUE, abs=12)


def test_crop_of_a_narrow_image_is_narrow() -> None:
    assert opened(still(image_bytes("PNG", (20, 500)), SQUARE)).size == (20, 96)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "I;16"])
def test_every_mode_of_png(mode: str) -> None:
    thumbnail = still(image_bytes("PNG", (1000, 500), "L" if mode == "I;16" else mode))
    assert thumbnail.content_type == ("image/png" if mode in ("RGBA", "LA") else "image/jpeg")
    assert opened(thumbnail).size == (320, 160)


def test_sixteen_bits_of_grey() -> None:
    body = io.BytesIO()
    Image.new("I;16", (1000, 500), 0x8000).save(body, "PNG")
    pixel = opened(still(body.getvalue())).convert("L").getpixel((5, 5))
    assert pixel == pytest.approx(0x80, abs=4)


def test_cmyk() -> None:
    assert opened(still(image_bytes("JPEG", (1000, 500), "CMYK"))).mode == "RGB"


def test_exif_orientation_turns_the_pixels_and_is_gone() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: the left edge belongs on top
    thumbnail = opened(still(image_bytes("JPEG", (1000, 500), exif=exif)))
    assert thumbnail.size == (120, 240)
    assert thumbnail.convert("RGB").getpixel((60, 20)) == pytest.approx(RED, abs=12)
    assert not thumbnail.getexif()


def test_a_smaller_image_is_its_own_thumbnail() -> None:
    thumbnail = still(image_bytes("GIF", (300, 200)))
    assert thumbnail == Thumbnail(Outcome.ORIGINAL, "image/gif")


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_animation(format: str) -> None:
    content = animation(format, (400, 400))
    moving = opened(make_thumbnail(content, BOX, animated=True))
    assert (moving.format, moving.size, moving.n_frames) == ("WEBP", (240, 240), 3)  # type: ignore[attr-defined]
    resting = opened(make_thumbnail(content, BOX, animated=False))
    assert resting.format in ("JPEG", "PNG")
    assert not getattr(resting, "is_animated", False)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_a_small_animation_rests_unless_asked(format: str) -> None:
    content = animation(format, (40, 40))
    assert make_thumbnail(content, BOX, animated=True).outcome is Outcome.ORIGINAL
    resting = opened(make_thumbnail(content, BOX, animated=False))
    assert resting.size == (40, 40)
    assert not getattr(resting, "is_animated", False)


def test_animated_is_ignored_for_what_cannot_move() -> None:
    assert opened(make_thumbnail(image_bytes("JPEG", (900, 900)), BOX, animated=True)).size == (
        240, 240,
    )  # fmt: skip


def test_an_endless_animation_becomes_a_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FRAMES_PIXELS_MAX", 400 * 400 * 2)
    content = animation("GIF", (400, 400), frames=3)
    assert opened(make_thumbnail(content, BOX, animated=True)).format in ("JPEG", "PNG")


def png_of_zeros(width: int, height: int, *, whole: bool = True) -> bytes:
    """A small file that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    rows = bytes((width // 8 + 1) * height) if whole else b""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"".join(
        (b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)),
         chunk(b"IEND", b""))
    )  # fmt: skip


def test_decompression_bomb() -> None:
    assert still(png_of_zeros(20_000, 20_000)).outcome is Outcome.TOO_LARGE
    assert still(png_of_zeros(2**31 - 1, 2**31 - 1, whole=False)).outcome is Outcome.TOO_LARGE


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_truncated(format: str) -> None:
    content = image_bytes(format, (1000, 500))
    assert still(content[: len(content) // 2]).outcome is Outcome.UNREADABLE


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"><script/></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.mark.parametrize("content", [b"", b"\x00", SVG, HTML, b"%PDF-1.4", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image(content: bytes) -> None:
    assert still(content).outcome is Outcome.UNREADABLE


@pytest.mark.parametrize("format", ["TIFF", "BMP", "PPM"])
def test_other_formats_are_not_decoded(format: str) -> None:
    assert still(image_bytes(format, (900, 900))).outcome is Outcome.UNREADABLE


@given(st.binary(max_size=200), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]), st.data())
def test_damage_never_raises(noise: bytes, format: str, data: st.DataObject) -> None:
    content = image_bytes(format, (350, 10))
    start = data.draw(st.integers(0, len(content)))
    make_thumbnail(content[:start] + noise + content[start + len(noise) :], BOX, animated=True)


@pytest.mark.parametrize(
    "thumbnail",
    [
        Thumbnail(Outcome.MADE, "image/png", b"\n\nbody\x00"),
        Thumbnail(Outcome.ORIGINAL, "image/gif"),
        Thumbnail(Outcome.TOO_LARGE),
    ],
)
def test_encoding(thumbnail: Thumbnail) -> None:
    assert decode_thumbnail(encode_thumbnail(thumbnail)) == thumbnail
