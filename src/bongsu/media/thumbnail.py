"""Which thumbnails there are, and what making one may come to. Pure.

Only the sizes listed here are ever made, however many a client asks for, so that the cache of an
image is bounded. Matrix spec: client-server API, "Thumbnails".
"""

from enum import Enum
from typing import Literal

import msgspec

from bongsu.errors import Refused, TooLarge

Method = Literal["crop", "scale"]

PIXELS_SIDE_MAX = 65535  # more than any image that is thumbnailed has
SOURCE_TYPES = frozenset({"image/png", "image/apng", "image/jpeg", "image/gif", "image/webp"})


class Size(msgspec.Struct, frozen=True):
    """A thumbnail to make: the box in pixels, and how the image is brought into it."""

    width: int
    height: int
    method: Method

    def covers(self, width: int, height: int) -> bool:
        return self.width >= width and self.height >= height

    def distance_from(self, width: int, height: int) -> tuple[float, int]:
        """How badly the box suits a request: first its aspect, if it crops, then its area."""
        cut = width / height / (self.width / self.height) if self.method == "crop" else 1.0
        return max(cut, 1 / cut), self.width * self.height


# A box that holds every image: its "thumbnail" is the image itself, or its first frame.
WHOLE = Size(PIXELS_SIDE_MAX, PIXELS_SIDE_MAX, "scale")

# The spec's five, then what clients ask for on dense screens.
SIZES = (
    Size(32, 32, "crop"),
    Size(96, 96, "crop"),
    Size(256, 256, "crop"),
    Size(640, 640, "crop"),
    Size(320, 240, "crop"),
    Size(800, 600, "crop"),
    Size(320, 240, "scale"),
    Size(640, 480, "scale"),
    Size(800, 600, "scale"),
    Size(1600, 1200, "scale"),
)


def choose_size(width: int, height: int, method: Method) -> Size:
    """The listed size for a request of at least `width` x `height` pixels: never a smaller box."""
    fitting = [size for size in SIZES if size.method == method and size.covers(width, height)]
    return min(fitting, key=lambda size: size.distance_from(width, height), default=WHOLE)


class Outcome(Enum):
    """What came of an image. All of them hold for ever, since content never changes."""

    MADE = "made"
    ORIGINAL = "original"  # no bigger than the box: serve the image itself
    UNREADABLE = "unreadable"  # no image, a broken one, or of a kind that is not thumbnailed
    TOO_LARGE = "too_large"


class Thumbnail(msgspec.Struct, frozen=True):
    """An outcome; `content_type` for `MADE` and `ORIGINAL`, `body` for `MADE` only."""

    outcome: Outcome
    content_type: str = ""
    body: bytes = b""

    def refusal(self) -> Refused | None:
        """The error that the client is told, if there is nothing to show."""
        if self.outcome is Outcome.TOO_LARGE:
            return TooLarge("Content is too large to thumbnail")
        if self.outcome is Outcome.UNREADABLE:
            return Refused("Cannot generate thumbnails for the requested content")
        return None


def encode(thumbnail: Thumbnail) -> bytes:
    """One line with the outcome and the type, then the body: the form in pipe and cache."""
    return f"{thumbnail.outcome.value} {thumbnail.content_type}\n".encode() + thumbnail.body


def decode(encoded: bytes) -> Thumbnail:
    """The reverse of `encode`; `ValueError` if it is not of that form."""
    head, newline, body = encoded.partition(b"\n")
    outcome, _, content_type = head.decode("ascii").partition(" ")
    if not newline:
        raise ValueError("thumbnail without a head")
    return Thumbnail(Outcome(outcome), content_type, body)
