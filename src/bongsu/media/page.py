"""What a web page says about itself, as a link preview shows it: OpenGraph, else Twitter's cards,
else what stands in the page. Pure. https://ogp.me
"""

import re
from collections.abc import Mapping
from urllib.parse import urljoin

import msgspec

TEXT_CHARS_MAX = 500
TITLE_CHARS_MAX = 300
URL_CHARS_MAX = 4096
PROPERTIES_MAX = 40

_BLANKS = re.compile(r"[\s\x00\ud800-\udfff]+")
_PROPERTY = re.compile(r"og:[a-z_:]{1,60}\Z")
# What a preview may show besides: the rest of OpenGraph is for machines of other kinds.
_KEPT = frozenset({"og:type", "og:site_name", "og:locale", "og:video:type", "og:audio:type"})
_IMAGES = ("og:image:secure_url", "og:image:url", "og:image", "twitter:image", "twitter:image:src",
           "thumbnail", "image")  # fmt: skip


class Page(msgspec.Struct, frozen=True):
    """What a reader found. `metas`: the first content of each property, name or itemprop.

    `text` begins with the page's visible paragraphs; `image_src` is of a `<link>`.
    """

    metas: Mapping[str, str] = {}
    title: str | None = None
    heading: str | None = None
    text: str | None = None
    image_src: str | None = None
    base: str | None = None


class PagePreview(msgspec.Struct, frozen=True):
    """`properties` without the image, which is `image_url`, absolute."""

    properties: dict[str, str]
    image_url: str | None


def preview_of(page: Page, url: str) -> PagePreview:
    """The preview of a page that came from `url`."""
    metas = page.metas
    properties = {
        name: _cut(value, TITLE_CHARS_MAX)
        for name, value in metas.items()
        if name in _KEPT and _PROPERTY.match(name) and value
    }
    title = _first(metas, ("og:title", "twitter:title")) or page.title or page.heading
    if title:
        properties["og:title"] = _cut(title, TITLE_CHARS_MAX)
    description = _first(metas, ("og:description", "twitter:description", "description"))
    if description or page.text:
        properties["og:description"] = _cut(description or page.text or "", TEXT_CHARS_MAX)
    base = _absolute(url, page.base) or url
    canonical = _absolute(base, metas.get("og:url"))
    if properties:
        properties["og:url"] = canonical or url
    image = _first(metas, _IMAGES) or page.image_src
    return PagePreview(
        {name: value for name, value in properties.items() if value}, _absolute(base, image)
    )


def _first(metas: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((metas[name] for name in names if metas.get(name, "").strip()), None)


def _cut(text: str, chars_max: int) -> str:
    """One line of text; the end of a longer one is left out, and said to be."""
    line = _BLANKS.sub(" ", text).strip()
    if len(line) <= chars_max:
        return line
    return line[: chars_max - 1].rstrip() + "…"


def _absolute(base: str, target: str | None) -> str | None:
    if not target or len(target) > URL_CHARS_MAX:
        return None
    try:
        url = urljoin(base, _BLANKS.sub("", target))
    except ValueError:
        return None
    return url if url.startswith(("http://", "https://")) else None
