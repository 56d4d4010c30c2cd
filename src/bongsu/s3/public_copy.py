"""A copy of the desk's public pages in a bucket, for whoever serves that."""

from collections.abc import Mapping

from bongsu.s3.store import S3Store

CACHE_PAGES = "public, max-age=10"
CACHE_FILES = "public, max-age=31536000, immutable"
TYPES = {
    "html": "text/html; charset=utf-8", "atom": "application/atom+xml; charset=utf-8",
    "json": "application/json", "css": "text/css; charset=utf-8", "svg": "image/svg+xml",
    "js": "text/javascript; charset=utf-8", "png": "image/png", "woff2": "font/woff2",
}  # fmt: skip
_NAMED_BY_CONTENT = ("css", "svg", "js", "png", "woff2")


class BucketCopy:
    """Puts what differs from what it put before; a failure leaves the rest for the next time."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._put: dict[str, bytes] = {}

    async def write(self, files: Mapping[str, bytes]) -> None:
        for name, body in files.items():
            if self._put.get(name) == body:
                continue
            suffix = name.rpartition(".")[2]
            kept = CACHE_FILES if suffix in _NAMED_BY_CONTENT else CACHE_PAGES
            media_type = TYPES.get(suffix, "application/octet-stream")
            await self._store.put_file(name, body, media_type, kept)
            self._put[name] = body

    async def close(self) -> None:
        await self._store.close()
