"""The process that makes one thumbnail: image on stdin, encoded `Thumbnail` on stdout.

    python -I -m bongsu.pillow.worker <width> <height> <crop|scale> <animated|still>

Images come from strangers and decoders have holes, so the process has no open files but its pipes,
no environment, and bounds on memory and CPU time: past those it dies alone.
"""

import io
import sys
import warnings
from typing import Any, cast

from PIL import Image, ImageOps

from bongsu.host.confined import confine
from bongsu.media.thumbnail import Method, Outcome, Size, Thumbnail, encode

PIXELS_MAX = 64_000_000  # of one image
FRAMES_PIXELS_MAX = 64_000_000  # of all frames of an animation; above it, a still is made
MEMORY_BYTES_MAX = 1536 * 1024 * 1024
CPU_SECONDS_MAX = 20
PROFILE_BYTES_MAX = 16 * 1024
QUALITY = 80

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")

Part = tuple[float, float, float, float]  # left, top, right, bottom in pixels
_EXIF_ORIENTATION = 0x0112
_EXIF_ORIENTATIONS_ON_SIDE = (5, 6, 7, 8)

Image.MAX_IMAGE_PIXELS = PIXELS_MAX


def make_thumbnail(content: bytes, size: Size, *, animated: bool) -> Thumbnail:
    """The thumbnail of an image, or why there is none. Never raises on any bytes."""
    bombs = (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return _thumbnail(image, size, animated)
    except bombs:
        return Thumbnail(Outcome.TOO_LARGE)
    except Exception:  # hostile files make decoders raise anything
        return Thumbnail(Outcome.UNREADABLE)


def cut(width: int, height: int, size: Size) -> tuple[tuple[int, int], Part]:
    """How an image of `width` x `height` comes into a box: its new size, and what part is kept.

    Nothing is ever enlarged: a crop of an image that is narrower than the box is narrower too.
    """
    ratios = (size.width / width, size.height / height)
    factor = min(1.0, min(ratios) if size.method == "scale" else max(ratios))
    new_width = max(1, min(size.width, round(width * factor)))
    new_height = max(1, min(size.height, round(height * factor)))
    if size.method == "scale":
        return (new_width, new_height), (0, 0, width, height)
    kept_width, kept_height = min(width, new_width / factor), min(height, new_height / factor)
    left, top = (width - kept_width) / 2, (height - kept_height) / 2
    return (new_width, new_height), (left, top, left + kept_width, top + kept_height)


def _thumbnail(image: Image.Image, size: Size, animated: bool) -> Thumbnail:
    moves = image.format in ("GIF", "PNG", "WEBP") and getattr(image, "is_animated", False)
    width, height = _upright_size(image)
    if size.covers(width, height) and (animated or not moves):
        content_type = "image/jpeg" if image.format == "MPO" else Image.MIME[str(image.format)]
        return Thumbnail(Outcome.ORIGINAL, content_type)
    if moves and animated and _frame_count(image) * width * height <= FRAMES_PIXELS_MAX:
        return _animation(image, size)
    return _still(image, size)


def _still(image: Image.Image, size: Size) -> Thumbnail:
    new_size, _ = cut(*_upright_size(image), size)
    side = 2 * max(new_size)
    if image.format == "JPEG":
        image.draft(None, (side, side))  # decode at a fraction of the size, still twice too big
    profile = _colour_profile(image)
    ImageOps.exif_transpose(image, in_place=True)
    frame = _resized(image, size)
    opaque = frame.mode == "RGB"
    body = io.BytesIO()
    if opaque:
        frame.save(body, "JPEG", quality=QUALITY, icc_profile=profile)
    else:
        frame.save(body, "PNG", icc_profile=profile)
    return Thumbnail(Outcome.MADE, "image/jpeg" if opaque else "image/png", body.getvalue())


def _animation(image: Image.Image, size: Size) -> Thumbnail:
    frames: list[Image.Image] = []
    milliseconds: list[int] = []
    for index in range(_frame_count(image)):
        image.seek(index)
        frames.append(_resized(image, size))
        milliseconds.append(int(image.info.get("duration", 100)))
    body = io.BytesIO()
    first, *rest = frames
    first.save(
        body, "WEBP", save_all=True, append_images=rest, duration=milliseconds,
        loop=image.info.get("loop", 1), quality=QUALITY,
    )  # fmt: skip
    return Thumbnail(Outcome.MADE, "image/webp", body.getvalue())


def _resized(image: Image.Image, size: Size) -> Image.Image:
    new_size, box = cut(*image.size, size)
    if image.mode.startswith("I"):
        image = image.point(lambda grey: grey / 256).convert("L")  # from 16 bits to 8
    mode = "RGBA" if image.has_transparency_data else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    return image.resize(new_size, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)


def _colour_profile(image: Image.Image) -> bytes | None:
    """The profile that the thumbnail's colours are to be read with, unless it is outsized."""
    profile: bytes | None = image.info.get("icc_profile")
    fits = image.mode in ("RGB", "RGBA") and profile and len(profile) <= PROFILE_BYTES_MAX
    return profile if fits else None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    on_side = image.getexif().get(_EXIF_ORIENTATION) in _EXIF_ORIENTATIONS_ON_SIDE
    return (image.height, image.width) if on_side else image.size


def _frame_count(image: Image.Image) -> int:
    return int(cast(Any, image).n_frames)


def main() -> None:
    confine(memory_bytes_max=MEMORY_BYTES_MAX, cpu_seconds_max=CPU_SECONDS_MAX)
    width, height, method, motion = sys.argv[1:]
    size = Size(int(width), int(height), cast(Method, method))
    thumbnail = make_thumbnail(sys.stdin.buffer.read(), size, animated=motion == "animated")
    sys.stdout.buffer.write(encode(thumbnail))


if __name__ == "__main__":
    main()
