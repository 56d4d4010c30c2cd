"""A visitor of the desk without a browser: keeps cookies, fills in forms, follows redirects."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

import aiohttp

_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')
PASSWORD = "wonderland"


class Page(NamedTuple):
    status: int
    path: str  # where the redirects led
    text: str
    headers: Mapping[str, str]


class File(NamedTuple):
    """A file of a form. `field` is the name of its input."""

    field: str
    name: str
    body: bytes
    media_type: str = "application/octet-stream"


class Visitor:
    """Made by `DeskHouse.visitor`; close it at the end."""

    def __init__(self, url: str, *, language: str = "en") -> None:
        self.url = url
        jar = aiohttp.CookieJar(unsafe=True)
        headers = {"Accept-Language": language}
        self._session = aiohttp.ClientSession(url, cookie_jar=jar, headers=headers)

    async def get(self, path: str, *, follow: bool = True) -> Page:
        async with self._session.get(path, allow_redirects=follow) as answer:
            return await _page(answer)

    async def post(
        self,
        path: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        *,
        files: Sequence[File] = (),
        form_at: str | None = None,
        token: str | None = None,
        origin: str | None = None,
        follow: bool = True,
    ) -> Page:
        """Fill in the form at `form_at` (at `path` if that is not said) and send it to `path`.

        With `token` no form is fetched: that is what a forger would send. `origin`: of the page
        whose form it is, as a browser says it.
        """
        if token is None:
            form = await self.get(form_at or path)
            found = _TOKEN.search(form.text)
            assert found, f"no form at {form_at or path}: {form.status} {form.text[-1500:]}"
            token = found[1]
        pairs = [("csrf", token), *_pairs(fields or {})]
        data: bytes | aiohttp.FormData = urlencode(pairs).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if files:
            data, headers = _multipart(pairs, files), {}
        if origin is not None:
            headers["Origin"] = origin
        async with self._session.post(
            path, data=data, headers=headers, allow_redirects=follow
        ) as answer:
            return await _page(answer)

    async def sign_in(self, name: str, password: str = PASSWORD) -> Page:
        return await self.post("/operator/sign-in", {"name": name, "password": password})

    async def close(self) -> None:
        await self._session.close()


def _pairs(fields: Mapping[str, str | Sequence[str]]) -> list[tuple[str, str]]:
    return [
        (name, each)
        for name, value in fields.items()
        for each in ([value] if isinstance(value, str) else value)
    ]


def _multipart(pairs: Sequence[tuple[str, str]], files: Sequence[File]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in pairs:
        form.add_field(name, value)
    for file in files:
        form.add_field(file.field, file.body, filename=file.name, content_type=file.media_type)
    return form


async def _page(answer: aiohttp.ClientResponse) -> Page:
    text = (await answer.read()).decode("utf-8", "replace")
    return Page(answer.status, answer.url.path_qs, text, dict(answer.headers))
