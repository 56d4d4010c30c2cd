"""Files that pages need: read once, named by their content so that browsers keep them for good."""

import hashlib
from importlib.resources import files
from typing import NamedTuple

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "woff2": "font/woff2",
}
KEEP = "public, max-age=31536000, immutable"


class StaticFile(NamedTuple):
    name: str  # with the hash in it, as links have it
    body: bytes
    media_type: str


class StaticFiles:
    def __init__(self) -> None:
        self._by_plain_name: dict[str, StaticFile] = {}
        for entry in (files("bongsu.http.desk") / "static").iterdir():
            stem, _, suffix = entry.name.rpartition(".")
            if suffix in TYPES:
                body = entry.read_bytes()
                digest = hashlib.sha256(body).hexdigest()[:12]
                file = StaticFile(f"{stem}.{digest}.{suffix}", body, TYPES[suffix])
                self._by_plain_name[entry.name] = file
        self.by_name = {file.name: file for file in self._by_plain_name.values()}

    def path(self, plain_name: str) -> str:
        """Where browsers find `desk.css`."""
        return f"/static/{self._by_plain_name[plain_name].name}"

    def all(self) -> list[StaticFile]:
        return list(self.by_name.values())
