"""The files of a built browser client: found once, read when first asked for.

The build writes `NAME.br` and `NAME.gz` beside what is worth compressing, so no request costs a
compression. Names under `assets/` hold a hash of their content.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from bongsu.errors import OperatorError

WEB_CLIENT_OFF = "off"
BUILT = Path(__file__).parent / "built"  # where `make web` puts it, and a wheel brings it
INDEX = "index.html"
FILES_MAX = 1000
FILE_BYTES_MAX = 32 * 1024**2
ENCODINGS = {b"br": ".br", b"gzip": ".gz"}  # the better first
CONTENT_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".wasm": b"application/wasm",
    ".webmanifest": b"application/manifest+json",
    ".woff2": b"font/woff2",
}


def folder_of(web_client: str) -> Path | None:
    """The folder that the setting means; none if nothing is to be served, or nothing was built.

    `OperatorError` if a folder was named that holds no build.
    """
    if web_client == WEB_CLIENT_OFF:
        return None
    folder = Path(web_client) if web_client else BUILT
    if (folder / INDEX).is_file():
        return folder
    if web_client:
        raise OperatorError(f"web_client: {folder} holds no {INDEX}")
    return None


@dataclass
class BuiltFile:
    """One file as it goes out; `encoding` is empty for the plain one."""

    path: Path
    content_type: bytes
    encoding: bytes = b""
    _read: tuple[bytes, bytes] | None = field(default=None, repr=False)

    async def read(self) -> tuple[bytes, bytes]:
        """Its bytes and their ETag, kept from the first time on; `OSError` if it is gone."""
        if self._read is None:
            body = await asyncio.to_thread(self.path.read_bytes)
            self._read = body, b'"%b"' % hashlib.sha256(body).hexdigest()[:32].encode()
        return self._read


class Build:
    """What a folder holds, by the path within it: `index.html`, `assets/index-1a2b.js`."""

    def __init__(self, folder: Path) -> None:
        """`OperatorError` if the folder cannot be a build."""
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        if len(found) > FILES_MAX:
            raise OperatorError(f"web_client: {folder} holds more than {FILES_MAX} files")
        for path in found:
            if path.stat().st_size > FILE_BYTES_MAX:
                raise OperatorError(f"web_client: {path} is larger than {FILE_BYTES_MAX} bytes")
        self._files: dict[str, dict[bytes, BuiltFile]] = {}
        names = {path.relative_to(folder).as_posix(): path for path in found}
        for name, path in names.items():
            content_type = CONTENT_TYPES.get(path.suffix, b"application/octet-stream")
            variants = {b"": BuiltFile(path, content_type)}
            for encoding, suffix in ENCODINGS.items():
                packed = names.get(name + suffix)
                if packed is not None:
                    variants[encoding] = BuiltFile(packed, content_type, encoding)
            self._files[name] = variants

    def find(self, name: str, accepted: frozenset[bytes]) -> BuiltFile | None:
        """The best variant of `name` for a client that takes these encodings."""
        variants = self._files.get(name)
        if variants is None:
            return None
        for encoding in ENCODINGS:
            if encoding in accepted and encoding in variants:
                return variants[encoding]
        return variants[b""]


def accepted_encodings(header: bytes | None) -> frozenset[bytes]:
    """The encodings that an Accept-Encoding header lets us send."""
    if header is None:
        return frozenset()
    accepted: set[bytes] = set()
    for part in header.lower().split(b","):
        name, _, parameter = part.partition(b";")
        weight = parameter.partition(b"=")[2].strip()
        if weight.strip(b"0.") or not weight:
            accepted.add(name.strip())
    return frozenset(accepted)
