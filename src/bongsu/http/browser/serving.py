"""The endpoints of the browser client, and the headers under which its page lives."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from bongsu.errors import NotFound
from bongsu.http.browser.build import INDEX, Build, accepted_encodings
from bongsu.http.message import Request, Response
from bongsu.http.routing import Auth, get
from bongsu.http.wire import Header

ASK_EACH_TIME = b"no-cache"  # kept, but asked for again: a new build is seen at once
FOR_GOOD = b"public, max-age=31536000, immutable"  # the name changes with the content

_COMMON: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),  # the desk asks whence its forms come
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(self), geolocation=()"),
    (b"vary", b"accept-encoding"),
)


class WebClient:
    """`origins`: what else than this address the page may speak to; `desks`, also by forms."""

    def __init__(
        self, build: Build, origins: Iterable[str] = (), desks: Iterable[str] = ()
    ) -> None:
        self._build = build
        self._policy = content_security_policy(origins, desks)

    @get("/", auth=Auth.NONE)
    async def page(self, request: Request) -> Response:
        return await self._answer(INDEX, request, ASK_EACH_TIME)

    @get("/sw.js", auth=Auth.NONE)
    @get("/manifest.webmanifest", auth=Auth.NONE)
    @get("/icon.svg", auth=Auth.NONE)
    @get("/icon-180.png", auth=Auth.NONE)
    @get("/icon-192.png", auth=Auth.NONE)
    @get("/icon-512.png", auth=Auth.NONE)
    @get("/icon-maskable-512.png", auth=Auth.NONE)
    async def beside_the_page(self, request: Request) -> Response:
        return await self._answer(request.raw_path[1:].decode("ascii"), request, ASK_EACH_TIME)

    @get("/assets/{name}", auth=Auth.NONE)
    async def asset(self, request: Request) -> Response:
        return await self._answer(f"assets/{request.path['name']}", request, FOR_GOOD)

    async def _answer(self, name: str, request: Request, caching: bytes) -> Response:
        accepted = accepted_encodings(request.headers.get(b"accept-encoding"))
        file = self._build.find(name, accepted)
        if file is None:
            raise NotFound("No such file of the browser client")
        try:
            body, etag = await file.read()
        except OSError:
            raise NotFound("This file belonged to a build that has been replaced") from None
        headers = [
            *_COMMON,
            (b"content-security-policy", self._policy),
            (b"cache-control", caching),
            (b"etag", etag),
        ]
        if file.encoding:
            headers.append((b"content-encoding", file.encoding))
        is_known = etag in (request.headers.get(b"if-none-match") or b"")
        return Response(
            b"" if is_known else body,
            status=304 if is_known else 200,
            content_type=file.content_type,
            headers=tuple(headers),
        )


def content_security_policy(origins: Iterable[str], desks: Iterable[str] = ()) -> bytes:
    """Our own scripts and styles alone; wasm for encryption, blobs for decrypted media."""
    forms = {_origin(url) for url in desks}
    form_action = " ".join(["'self'", *sorted(forms)])
    connect = " ".join(["'self'", *sorted({_origin(url) for url in origins} | forms)])
    return (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; "
        f"connect-src {connect}; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
        f"form-action {form_action}; frame-ancestors 'none'"
    ).encode()


def _origin(url: str) -> str:
    """`https://host:port` of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
