"""What the repository knows about a piece of content, and how it names and describes it.

Nothing here is trusted from the uploader but the bytes: ids are random, types and names are
checked for shape and length before they are stored or sent back in a header.
"""

import re
import secrets
from typing import NewType

import msgspec

from bongsu.errors import InvalidParam
from bongsu.ids import UserId

MediaId = NewType("MediaId", str)

MEDIA_ID_BYTES = 18  # 144 random bits, 24 characters
MEDIA_ID_CHARS_MAX = 64
CONTENT_TYPE_CHARS_MAX = 255
UPLOAD_NAME_BYTES_MAX = 1024
OCTET_STREAM = "application/octet-stream"

# Matrix spec, "Serving inline content": with these a browser runs no script.
INLINE_TYPES = frozenset(
    (
        "text/css", "text/plain", "text/csv", "application/json", "application/ld+json",
        "image/jpeg", "image/gif", "image/png", "image/apng", "image/webp", "image/avif",
        "video/mp4", "video/webm", "video/ogg", "video/quicktime",
        "audio/mp4", "audio/webm", "audio/aac", "audio/mpeg", "audio/ogg", "audio/wave",
        "audio/wav", "audio/x-wav", "audio/x-pn-wav", "audio/flac", "audio/x-flac",
    )
)  # fmt: skip

_MEDIA_ID = re.compile(rf"[A-Za-z0-9_\-]{{1,{MEDIA_ID_CHARS_MAX}}}\Z")
_TOKEN = r"[A-Za-z0-9!#$&^_.+\-]+"  # RFC 6838 restricted names; no quotes, no blanks
_PARAMETER = rf'[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|"[A-Za-z0-9!#$&^_.+\-/:=?@ ,;()]*")'
_CONTENT_TYPE = re.compile(rf"({_TOKEN}/{_TOKEN})((?:{_PARAMETER})*)[ \t]*;?[ \t]*\Z")


class Blob(msgspec.Struct, frozen=True):
    """Bytes at rest. `sha256` is the digest itself, 32 bytes."""

    sha256: bytes
    size: int


class PlacedBlob(Blob, frozen=True):
    """A blob and the sites whose stores have it."""

    sites: tuple[str, ...]


class Content(msgspec.Struct, frozen=True):
    """What was uploaded under a media id, and where its bytes are."""

    blob: Blob
    content_type: str
    upload_name: str | None
    sites: tuple[str, ...]


class Media(msgspec.Struct, frozen=True):
    """A media id and its content, which is None while the upload is pending.

    `authenticated` media are served on the authenticated endpoints only. Times are milliseconds
    since the epoch; `expires_ts` tells when a pending id is forgotten.
    """

    media_id: MediaId
    uploader: UserId
    created_ts: int
    expires_ts: int | None = None
    authenticated: bool = True
    quarantined: bool = False
    content: Content | None = None


def new_media_id() -> MediaId:
    """A random, URL-safe id. It maps to its content through a row, never by computation."""
    return MediaId(secrets.token_urlsafe(MEDIA_ID_BYTES))


def is_media_id(text: str) -> bool:
    return _MEDIA_ID.match(text) is not None


def clean_content_type(text: str | None) -> str:
    """The type as it may be stored and served: well formed and short, else an octet stream."""
    if text is None or len(text) > CONTENT_TYPE_CHARS_MAX:
        return OCTET_STREAM
    match = _CONTENT_TYPE.match(text.strip())
    return match[1].lower() + match[2] if match else OCTET_STREAM


def essence(content_type: str) -> str:
    """`text/html` of `text/html; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


def checked_upload_name(name: str | None) -> str | None:
    """The file name as given, which a download must repeat; `InvalidParam` if it can't be kept."""
    if not name:
        return None
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidParam("The file name is not Unicode text") from None
    if size > UPLOAD_NAME_BYTES_MAX or "\x00" in name:
        raise InvalidParam(f"The file name holds a NUL or more than {UPLOAD_NAME_BYTES_MAX} bytes")
    return name
