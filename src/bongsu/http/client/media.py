"""Content repository: uploads, downloads and thumbnails.

The old, unauthenticated paths under `/_matrix/media/v3` serve only what was uploaded before they
were frozen. Matrix spec: client-server API, "Content repository".
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from bongsu.errors import InvalidParam, Refused, TooLarge
from bongsu.http.client.media_serving import Served, disposition_of, serve
from bongsu.http.message import Request, Response
from bongsu.http.routing import Auth, get, post, route
from bongsu.ids import UserId
from bongsu.media.content import Content, checked_upload_name
from bongsu.media.repository import MediaRepository
from bongsu.media.thumbnail import PIXELS_SIDE_MAX, Method, Outcome, Size, choose_size
from bongsu.media.thumbnails import Thumbnails

WAIT_MS_DEFAULT = 20_000
WAIT_MS_MAX = 60_000

_DOWNLOAD = "/download/{server_name}/{media_id}"
_DOWNLOAD_NAMED = "/download/{server_name}/{media_id}/{file_name}"
_THUMBNAIL = "/thumbnail/{server_name}/{media_id}"
_AUTHENTICATED = "/_matrix/client/v1/media"
_OLD_VERSIONS = ("v3", "v1", "r0")

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def old(verb: str, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
    """Mark an endpoint under `/_matrix/media`, in the versions that clients still use."""

    def mark(method: Endpoint) -> Endpoint:
        for version in _OLD_VERSIONS:
            method = route(verb, f"/_matrix/media/{version}{path}", **options)(method)
        return method

    return mark


class MediaEndpoints:
    """The endpoints of the content repository."""

    def __init__(self, repository: MediaRepository, thumbnails: Thumbnails) -> None:
        self._repository = repository
        self._thumbnails = thumbnails

    @old("POST", "/upload", streams_body=True, limit="media")
    async def upload(self, request: Request) -> dict[str, str]:
        media_id = await self._repository.upload(
            _uploader(request), self._body(request), *_described(request)
        )
        return {"content_uri": self._repository.uri(media_id)}

    @post("/_matrix/media/v1/create", limit="media")
    async def create(self, request: Request) -> dict[str, Any]:
        media = await self._repository.create(_uploader(request))
        return {
            "content_uri": self._repository.uri(media.media_id),
            "unused_expires_at": media.expires_ts,
        }

    @old("PUT", "/upload/{server_name}/{media_id}", streams_body=True, limit="media")
    async def upload_to(self, request: Request) -> dict[str, str]:
        await self._repository.upload_to(
            _uploader(request), request.path["server_name"], request.path["media_id"],
            self._body(request), *_described(request),
        )  # fmt: skip
        return {}

    @get(_AUTHENTICATED + "/config", auth=Auth.GUEST)
    @old("GET", "/config", auth=Auth.GUEST)
    async def config(self, request: Request) -> dict[str, int]:
        return {"m.upload.size": self._repository.settings.upload_bytes_max}

    @get(_AUTHENTICATED + _DOWNLOAD, auth=Auth.GUEST)
    @get(_AUTHENTICATED + _DOWNLOAD_NAMED, auth=Auth.GUEST)
    async def download(self, request: Request) -> Response:
        return self._serve_whole(request, await self._content(request, authenticated=True))

    @old("GET", _DOWNLOAD, auth=Auth.NONE, limit="media")
    @old("GET", _DOWNLOAD_NAMED, auth=Auth.NONE, limit="media")
    async def download_frozen(self, request: Request) -> Response:
        return self._serve_whole(request, await self._content(request, authenticated=False))

    @get(_AUTHENTICATED + _THUMBNAIL, auth=Auth.GUEST)
    async def thumbnail(self, request: Request) -> Response:
        return await self._serve_thumbnail(request, authenticated=True)

    @old("GET", _THUMBNAIL, auth=Auth.NONE, limit="media")
    async def thumbnail_frozen(self, request: Request) -> Response:
        return await self._serve_thumbnail(request, authenticated=False)

    def _body(self, request: Request) -> AsyncIterator[bytes]:
        """The body of an upload, refused before it is read if it is announced as too large."""
        announced = request.headers.get(b"content-length", b"")
        bytes_max = self._repository.settings.upload_bytes_max
        if announced.isdigit() and int(announced[:20]) > bytes_max:
            raise TooLarge(f"Cannot upload files larger than {bytes_max} bytes")
        assert request.body_stream is not None, "the route of an upload does not stream"
        return request.body_stream

    async def _content(self, request: Request, *, authenticated: bool) -> Content:
        wait_ms = request.query_int("timeout_ms", WAIT_MS_DEFAULT, maximum=WAIT_MS_MAX)
        return await self._repository.get(
            request.path["server_name"], request.path["media_id"],
            authenticated=authenticated, wait_seconds=wait_ms / 1000,
        )  # fmt: skip

    def _serve_whole(self, request: Request, content: Content) -> Response:
        name = checked_upload_name(request.path.get("file_name")) or content.upload_name
        served = Served(
            etag=_etag(request),
            size=content.blob.size,
            content_type=content.content_type,
            disposition=disposition_of(content.content_type, name),
            read=lambda start, stop: self._repository.stream(content, start, stop),
        )
        return serve(served, request.method, request.headers)

    async def _serve_thumbnail(self, request: Request, *, authenticated: bool) -> Response:
        size, animated = _wanted_size(request), request.query_bool("animated")
        content = await self._content(request, authenticated=authenticated)
        thumbnail = await self._thumbnails.get(content, size, animated=animated)
        body = thumbnail.body

        def read(start: int, stop: int) -> AsyncIterator[bytes]:
            if thumbnail.outcome is Outcome.ORIGINAL:
                return self._repository.stream(content, start, stop)
            return _once(body[start:stop])

        extension = thumbnail.content_type.removeprefix("image/")
        served = Served(
            etag=_etag(request, f"{size.width}x{size.height}-{size.method}-{animated:d}"),
            size=content.blob.size if thumbnail.outcome is Outcome.ORIGINAL else len(body),
            content_type=thumbnail.content_type,
            disposition=f'inline; filename="thumbnail.{extension}"',
            read=read,
        )
        return serve(served, request.method, request.headers)


def _uploader(request: Request) -> UserId:
    """Who uploads; suspended people may not, on old paths neither."""
    if request.requester.is_suspended:
        raise Refused("Your account is suspended", code="M_USER_SUSPENDED", status=403)
    return request.requester.user_id


def _described(request: Request) -> tuple[str | None, str | None]:
    """Content type and file name as the uploader gives them."""
    content_type = request.headers.get(b"content-type", b"").decode("latin-1")
    return content_type, request.query_text("filename")


def _wanted_size(request: Request) -> Size:
    width, height = _side(request, "width"), _side(request, "height")
    methods: dict[str, Method] = {"crop": "crop", "scale": "scale"}
    method = methods.get(request.query_text("method", "scale") or "")
    if method is None:
        raise InvalidParam("Query parameter method is neither crop nor scale")
    return choose_size(width, height, method)


def _side(request: Request, name: str) -> int:
    request.query_required(name)
    return request.query_int(name, 0, minimum=1, maximum=PIXELS_SIDE_MAX)


def _etag(request: Request, variant: str = "whole") -> bytes:
    """Ids name one content for ever; the content's own hash is not for clients to see."""
    return f'"{request.path["media_id"]}-{variant}"'.encode()


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
