"""A person with a browser that has no JavaScript: keeps cookies, fills in forms."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

import aiohttp

SECONDS_MAX = 300.0
_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')
_MESSAGE = re.compile(r"<main[^>]*>(.*?)</main>", re.S)


class Broken(Exception):
    """A chapter did not hold; its text says how."""


class Page(NamedTuple):
    status: int
    path: str
    text: str

    def hidden(self, name: str) -> str:
        """The value of a form's hidden field."""
        return self.found(rf'name="{name}" value="([^"]*)"')

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.text)
        hold(match is not None, f"{self.path} shows nothing like {pattern}")
        assert match is not None
        return match[1]


class Upload(NamedTuple):
    field: str
    name: str
    body: bytes


class Visitor:
    """Close it at the end."""

    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(
            url,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Accept-Language": "en"},
            timeout=aiohttp.ClientTimeout(total=SECONDS_MAX),
        )

    async def get(self, path: str, *, status: int = 200) -> Page:
        async with self._session.get(path) as answer:
            return await _page(answer, status)

    async def post(
        self,
        path: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        *,
        at: str,
        files: Sequence[Upload] = (),
        status: int = 200,
    ) -> Page:
        """Fill in the form that stands `at` a page and send it to `path`."""
        form = await self.get(at)
        pairs = [("csrf", form.found(_TOKEN.pattern)), *_pairs(fields or {})]
        data: bytes | aiohttp.FormData = urlencode(pairs).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if files:
            data, headers = _multipart(pairs, files), {}
        async with self._session.post(path, data=data, headers=headers) as answer:
            return await _page(answer, status)

    async def tell(self, path: str, body: bytes, token: str) -> str:
        """A machine's request; gives the answer."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.post(path, data=body, headers=headers) as answer:
            return (await _page(answer, 200)).text

    async def close(self) -> None:
        await self._session.close()


def hold(is_so: bool, otherwise: str) -> None:
    """What must be so; `Broken` if it is not."""
    if not is_so:
        raise Broken(otherwise)


async def _page(answer: aiohttp.ClientResponse, status: int) -> Page:
    text = (await answer.read()).decode("utf-8", "replace")
    page = Page(answer.status, answer.url.path, text)
    if page.status != status:
        said = _MESSAGE.search(text)
        plain = " ".join(re.sub(r"<[^>]+>", " ", said[1] if said else text).split())
        raise Broken(f"{page.path} answered {page.status}, not {status}: {plain[:300]}")
    return page


def _pairs(fields: Mapping[str, str | Sequence[str]]) -> list[tuple[str, str]]:
    return [
        (name, each)
        for name, value in fields.items()
        for each in ([value] if isinstance(value, str) else value)
    ]


def _multipart(pairs: Sequence[tuple[str, str]], files: Sequence[Upload]) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    for name, value in pairs:
        form.add_field(name, value)
    for file in files:
        form.add_field(file.field, file.body, filename=file.name)
    return form
