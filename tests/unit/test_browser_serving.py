"""The browser client's files: which variant goes out, with which headers, and what is no file."""

from pathlib import Path
from typing import Any

import pytest

from bongsu.errors import NotFound, OperatorError, Refused
from bongsu.http.browser import build as building
from bongsu.http.browser.build import Build, accepted_encodings, folder_of
from bongsu.http.browser.serving import WebClient, content_security_policy
from bongsu.http.message import Request, Response
from bongsu.http.router import Router

SCRIPT = "/assets/index-1a2b.js"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "sw.js").write_text("self")
    for suffix in ("", ".br", ".gz"):
        (tmp_path / "assets" / f"index-1a2b.js{suffix}").write_text(f"script{suffix}")
    return tmp_path


async def asked(folder: Path, path: str, **headers: bytes) -> Response:
    router = Router()
    router.add(WebClient(Build(folder), ["https://b.example.org/"]))
    fields = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    request = Request("GET", path.encode(), b"", fields, "127.0.0.1", "1")
    endpoint, request.path = router.match("GET", path.encode())
    answer: Any = await endpoint.handler(request)
    return answer


async def test_the_page_is_asked_for_each_time_and_assets_are_kept(folder: Path) -> None:
    page = await asked(folder, "/")
    assert (page.status, page.body) == (200, b"<!doctype html>")
    headers = dict(page.headers)
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"cache-control"] == b"no-cache"
    assert b"script-src 'self' 'wasm-unsafe-eval';" in headers[b"content-security-policy"]
    assert b"connect-src 'self' https://b.example.org;" in headers[b"content-security-policy"]
    asset = dict((await asked(folder, SCRIPT)).headers)
    assert asset[b"cache-control"].endswith(b"immutable")


@pytest.mark.parametrize(
    ("header", "body", "encoding"),
    [
        (b"gzip, deflate, br, zstd", b"script.br", b"br"),
        (b"gzip;q=1.0, br;q=0", b"script.gz", b"gzip"),
        (b"br;q=0.000", b"script", None),
        (b"identity", b"script", None),
        (b"GZIP ; q=0.5", b"script.gz", b"gzip"),
    ],
)
async def test_the_best_variant_that_the_browser_takes(
    folder: Path, header: bytes, body: bytes, encoding: bytes | None
) -> None:
    answer = await asked(folder, SCRIPT, accept_encoding=header)
    assert answer.body == body
    assert dict(answer.headers).get(b"content-encoding") == encoding
    assert dict(answer.headers)[b"content-type"] == b"text/javascript; charset=utf-8"


async def test_what_a_browser_has_is_not_sent_again(folder: Path) -> None:
    etag = dict((await asked(folder, "/")).headers)[b"etag"]
    again = await asked(folder, "/", if_none_match=b'W/"x", ' + etag)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/", "/assets/none.js", "/assets/..%2Findex.html", "/assets/%2e%2e", "/sw.js.br",
        "/icon-192.png", "/index.html", "/assets", "/assets/a/b", "//",
    ],
)  # fmt: skip
async def test_what_is_no_file_is_a_404(folder: Path, path: str) -> None:
    with pytest.raises(Refused) as refused:
        await asked(folder, path)
    assert refused.value.status == 404


async def test_a_file_of_a_build_that_was_replaced(folder: Path) -> None:
    router = Router()
    router.add(WebClient(Build(folder)))
    (folder / "assets" / "index-1a2b.js").unlink()
    endpoint, path = router.match("GET", SCRIPT.encode())
    request = Request("GET", SCRIPT.encode(), b"", {}, "127.0.0.1", "1")
    request.path = path
    with pytest.raises(NotFound):
        await endpoint.handler(request)


def test_the_folder_that_the_setting_means(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert folder_of("off") is None
    assert folder_of(str(folder)) == folder
    with pytest.raises(OperatorError, match=r"holds no index\.html"):
        folder_of(str(empty))
    monkeypatch.setattr(building, "BUILT", empty)
    assert folder_of("") is None
    monkeypatch.setattr(building, "FILES_MAX", 2)
    with pytest.raises(OperatorError, match="more than 2 files"):
        Build(folder)


def test_encodings_without_a_header() -> None:
    assert accepted_encodings(None) == frozenset()
    assert accepted_encodings(b"") <= {b""}


def test_the_policy_names_each_origin_once() -> None:
    policy = content_security_policy(["http://a:1/x", "http://a:1", "https://b"]).decode()
    assert "connect-src 'self' http://a:1 https://b;" in policy
