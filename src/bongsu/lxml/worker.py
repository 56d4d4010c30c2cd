"""The process that reads one page: HTML on stdin, JSON of a `media.page.Page` on stdout.

    python -I -m bongsu.lxml.worker <content type>

The parser tells of tags as they come and builds no tree: a page that is nested a million deep
costs no more than any other of its size. Entities that a page declares itself are not expanded.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import msgspec

from bongsu.host.confined import confine
from bongsu.media.page import PROPERTIES_MAX, TEXT_CHARS_MAX, URL_CHARS_MAX, Page
from bongsu.media.page_encoding import decode_page

MEMORY_BYTES_MAX = 768 * 1024 * 1024
CPU_SECONDS_MAX = 4
FEED_CHARS = 64 * 1024
META_CHARS_MAX = 2000

_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav", "header",
                     "footer", "aside", "button", "select", "iframe", "form"})  # fmt: skip
_HEADINGS = frozenset({"h1", "h2", "h3"})
_META_NAMES = ("property", "name", "itemprop")


class Finder:
    """A parser's target. It keeps what a preview may need, and not more of it than that."""

    def __init__(self) -> None:
        self._metas: dict[str, str] = {}
        self._found: dict[str, str] = {}
        self._texts: dict[str, list[str]] = {"title": [], "heading": [], "text": []}
        self._open: str | None = None  # what text that comes now belongs to
        self._open_tag = ""
        self._silent = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "meta":
            self._meta(attributes)
        elif tag == "link" and "image_src" in (attributes.get("rel") or "").lower().split():
            self._found.setdefault("image_src", (attributes.get("href") or "")[:URL_CHARS_MAX])
        elif tag == "base":
            self._found.setdefault("base", (attributes.get("href") or "")[:URL_CHARS_MAX])
        elif tag in _SILENT:
            self._silent += 1
        self._begin(tag)

    def end(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag == self._open_tag:
            self._open = None

    def data(self, text: str) -> None:
        if self._open is None:
            return
        kept = self._texts[self._open]
        if sum(map(len, kept)) < 2 * TEXT_CHARS_MAX:
            kept.append(text[: 2 * TEXT_CHARS_MAX])

    def close(self) -> Page:
        texts = {name: " ".join("".join(parts).split()) for name, parts in self._texts.items()}
        return Page(
            metas=self._metas,
            title=texts["title"] or None,
            heading=texts["heading"] or None,
            text=texts["text"] or None,
            image_src=self._found.get("image_src"),
            base=self._found.get("base"),
        )

    def _begin(self, tag: str) -> None:
        belongs = None
        if tag == "title" and not self._texts["title"]:
            belongs = "title"
        elif tag in _HEADINGS and not self._silent and not self._texts["heading"]:
            belongs = "heading"
        elif tag == "p" and not self._silent:
            belongs = "text"
            self._texts["text"].append(" ")
        if belongs is not None:
            self._open, self._open_tag = belongs, tag

    def _meta(self, attributes: Mapping[str, str]) -> None:
        content = attributes.get("content")
        if not content or len(self._metas) >= PROPERTIES_MAX:
            return
        for kind in _META_NAMES:
            name = (attributes.get(kind) or "").strip().lower()[:100]
            if name:
                self._metas.setdefault(name, content[:META_CHARS_MAX])


def read_page(body: bytes, content_type: str | None) -> Page:
    text = decode_page(body, content_type) or "<html>"
    # lxml has no types, and so nothing but its name is needed here.
    parser: Any = import_module("lxml.etree").HTMLParser(
        target=Finder(), recover=True, no_network=True
    )
    for start in range(0, len(text), FEED_CHARS):
        parser.feed(text[start : start + FEED_CHARS])
    return parser.close()


def main() -> None:
    confine(memory_bytes_max=MEMORY_BYTES_MAX, cpu_seconds_max=CPU_SECONDS_MAX)
    body = sys.stdin.buffer.read()
    sys.stdout.buffer.write(msgspec.json.encode(read_page(body, sys.argv[1])))


if __name__ == "__main__":
    main()
