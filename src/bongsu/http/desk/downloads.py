"""Files that are downloaded and never shown: whatever is in them, no browser runs it here."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

CHARS_OF_PLAIN_NAMES = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
)


class FileStore(Protocol):
    """The media stores, as `media.stores.SiteStores` or `files.blob_store` has them."""

    def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]: ...


async def attachment(store: FileStore, sha256: bytes, size: int, name: str) -> Response:
    """The file as an attachment. `Unavailable` before anything is sent, if it cannot be read."""
    chunks = store.stream(sha256, 0, size)
    first = await anext(aiter(chunks), b"")

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    headers = {**headers_of(name), "Content-Length": str(size)}
    return StreamingResponse(body(), headers=headers, media_type="application/octet-stream")


def headers_of(name: str) -> Mapping[str, str]:
    """So that it is saved under `name` and does nothing."""
    plain = "".join(char if char in CHARS_OF_PLAIN_NAMES else "_" for char in name) or "file"
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
