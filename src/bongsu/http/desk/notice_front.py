"""The public notices from memory: the answer to a request is looked up, not made.

Everybody loads these pages at once when something does not work. Each is kept as it goes out, plain
and compressed, in each language; nothing is asked of a database, a template or a router.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs

from bongsu.http.asgi import Scope
from bongsu.http.desk import headers
from bongsu.http.desk.app import LANGUAGE_COOKIE, LANGUAGE_SECONDS, Ready
from bongsu.http.desk.notice_links import LiveLinks
from bongsu.http.desk.notice_render import Page
from bongsu.http.desk.texts import LANGUAGES, choose_language

CACHE_CONTROL = b"public, max-age=5, stale-while-revalidate=30, stale-if-error=86400"
CHOICES_MAX = 10_000
COMPRESSION = 6


class _Kept(NamedTuple):
    plain: Ready
    compressed: Ready
    unchanged: Ready
    etag: bytes


class _Choice(NamedTuple):
    language: str
    set_cookie: bytes | None


class NoticeFront:
    """Implements `app.Front`. `replace` puts new pages in the place of all old ones."""

    def __init__(self, *, is_secure: bool) -> None:
        self._common = headers.common(is_secure=is_secure)
        self._is_secure = is_secure
        self._kept: Mapping[tuple[str, str], _Kept] = {}
        self._made: dict[tuple[str, str], tuple[Page, _Kept]] = {}

    def replace(self, pages: Mapping[str, Iterable[Page]]) -> None:
        """`pages` by language; one that has not changed is not made anew."""
        made: dict[tuple[str, str], tuple[Page, _Kept]] = {}
        for language, of_language in pages.items():
            for page in of_language:
                key = LiveLinks.path(page.name), language
                before = self._made.get(key)
                made[key] = before if before and before[0] == page else (page, self._make(page))
        self._made = made
        self._kept = {key: kept for key, (_, kept) in made.items()}

    def __call__(self, scope: Scope) -> Ready | None:
        if scope["method"] not in ("GET", "HEAD"):
            return None
        cookie = accepted = encodings = none_match = b""
        for name, value in scope["headers"]:
            if name == b"cookie":
                cookie = value
            elif name == b"accept-language":
                accepted = value
            elif name == b"accept-encoding":
                encodings = value
            elif name == b"if-none-match":
                none_match = value
        choice = _choose(scope["query_string"], cookie, accepted, self._is_secure)
        kept = self._kept.get((scope["path"], choice.language))
        if kept is None:
            return None
        if none_match and kept.etag in none_match:
            ready = kept.unchanged
        else:
            ready = kept.compressed if b"gzip" in encodings else kept.plain
        if choice.set_cookie is not None:
            return ready._replace(headers=[*ready.headers, (b"set-cookie", choice.set_cookie)])
        return ready

    def _make(self, page: Page) -> _Kept:
        body = page.text.encode()
        packed = gzip.compress(body, COMPRESSION, mtime=0)
        etag = b'W/"' + hashlib.sha256(body).hexdigest()[:24].encode() + b'"'
        shared = [
            *(header for header in self._common if header[0] != b"cache-control"),
            (b"cache-control", CACHE_CONTROL),
            (b"vary", b"accept-language, accept-encoding, cookie"),
            (b"etag", etag),
        ]
        if not page.media_type.startswith("text/html"):
            shared.append((b"access-control-allow-origin", b"*"))
        full = [*shared, (b"content-type", page.media_type.encode())]
        return _Kept(
            Ready(200, [*full, (b"content-length", b"%d" % len(body))], body),
            Ready(
                200,
                [*full, (b"content-encoding", b"gzip"), (b"content-length", b"%d" % len(packed))],
                packed,
            ),
            Ready(304, shared, b""),
            etag,
        )


@lru_cache(CHOICES_MAX)
def _choose(query: bytes, cookie: bytes, accepted: bytes, is_secure: bool) -> _Choice:
    """The language of a request, and the cookie that remembers one asked for by ?lang=."""
    asked = parse_qs(query.decode("latin-1"), max_num_fields=20).get("lang", [""])[0]
    remembered = _cookie(cookie)
    language = choose_language(asked, remembered, accepted.decode("latin-1"))
    if asked not in LANGUAGES or asked == remembered:
        return _Choice(language, None)
    secure = "; Secure" if is_secure else ""
    text = f"{LANGUAGE_COOKIE}={asked}; Max-Age={LANGUAGE_SECONDS}; Path=/; SameSite=lax{secure}"
    return _Choice(language, text.encode())


def _cookie(header: bytes) -> str | None:
    if LANGUAGE_COOKIE.encode() not in header:
        return None
    try:
        morsel = SimpleCookie(header.decode("latin-1")).get(LANGUAGE_COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value
