"""The desk's ASGI application: from a request to a page, and always an answer.

    front ▶ route ▶ not too often ▶ who asks ▶ may they ▶ form ▶ handler ▶ headers

`front` has ready-made pages: it answers the public notices from memory, whatever is down or busy.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple, cast
from urllib.parse import quote

import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp
from starlette.types import Message as StarletteMessage
from starlette.types import Receive as StarletteReceive
from starlette.types import Scope as StarletteScope
from starlette.types import Send as StarletteSend

from bongsu.desk.people import Operator
from bongsu.errors import LimitExceeded, Refused, Unavailable
from bongsu.http.asgi import Receive, Scope, Send
from bongsu.http.desk import csrf, headers, proof_of_work
from bongsu.http.desk.body import bounded
from bongsu.http.desk.endpoints import FORM_BYTES_MAX, REPORTER_API, Area, Endpoint
from bongsu.http.desk.face import Face
from bongsu.http.desk.request_counts import ROUTE, UNKNOWN, RequestCounts
from bongsu.http.desk.static import KEEP
from bongsu.http.desk.texts import LANGUAGES, choose_language
from bongsu.http.desk.visit import Visit

log = structlog.get_logger(__name__)

SESSION_COOKIE = "desk_session"
LANGUAGE_COOKIE = "desk_lang"
LANGUAGE_SECONDS = 365 * 24 * 3600
SIGN_IN_PATH = "/operator/sign-in"
PREFLIGHT_SECONDS = 600
PATH_CHARS_MAX = 2_000
WHO_SECONDS_MAX = 1.0  # a public page waits so long to know whether an operator looks at it


class Ready(NamedTuple):
    """An answer that was made before it was asked for."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


_LONE = re.compile("[\ud800-\udfff]")

Front = Callable[[Scope], Ready | None]


class DeskApp:
    """`front` has a ready-made answer to some requests."""

    def __init__(self, face: Face, areas: Sequence[Area], front: Front | None = None) -> None:
        self._face = face
        self._front = front
        self.counts = RequestCounts()
        routes: list[BaseRoute] = [
            self._route(endpoint) for area in areas for endpoint in area.endpoints()
        ]
        routes.append(Route("/static/{name}", self._static))
        self._starlette = Starlette(
            routes=routes,
            exception_handlers={HTTPException: _raise, Exception: _raise},
        )
        self._across_origins = CORSMiddleware(
            self._always_answered,
            allow_origins=sorted(face.client_origins),
            allow_headers=["Authorization"],
            expose_headers=["Retry-After"],
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        ready = self._front(scope) if self._front is not None else None
        if ready is not None:
            self.counts.ready(ready.status)
            start = {"type": "http.response.start", "status": ready.status}
            await send({**start, "headers": ready.headers})
            await send({"type": "http.response.body", "body": ready.body})
            return
        adding = headers.Sender(send, is_secure=self._face.is_secure)
        is_across = scope["path"].startswith(f"{REPORTER_API}/")
        app: ASGIApp = self._across_origins if is_across else self._always_answered
        await self.counts.counted(app, scope, receive, cast(StarletteSend, adding))

    async def _always_answered(
        self, scope: StarletteScope, receive: StarletteReceive, send: StarletteSend
    ) -> None:
        has_begun = False

        async def sending(message: StarletteMessage) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            if not _could_be_ours(scope):
                raise HTTPException(404)
            await self._starlette(scope, receive, sending)
        except Exception as error:
            if has_begun:
                raise
            await self._refusal(Request(scope), error)(scope, receive, send)

    def _route(self, endpoint: Endpoint) -> Route:
        async def answer(request: Request) -> Response:
            request.scope[ROUTE] = endpoint.path
            return await self._answer(endpoint, request)

        return Route(endpoint.path, answer, methods=[endpoint.method])

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        visit = self._visit(request)
        face = self._face
        face.limiter.spend(endpoint.limit, visit.address)
        bearer = _bearer(request.headers)
        session = bearer if endpoint.takes_body else request.cookies.get(SESSION_COOKIE)
        operator = await self._who(session, endpoint)
        if endpoint.roles is not None:
            if operator is None:
                return self._to_sign_in(endpoint, request)
            if not operator.may(*endpoint.roles):
                raise Refused(visit.t("base.role_missing"), code="DESK_ROLE", status=403)
        visit.session, visit.operator_or_none = session, operator
        visit.request = bounded(request, _bytes_max(endpoint, request))
        if endpoint.method == "POST" and not endpoint.takes_body:
            await self._read_form(endpoint, visit)
        try:
            response = await endpoint.handler(visit)
        finally:
            await visit.request.close()
        return self._with_cookies(endpoint, visit, response)

    async def _who(self, session: str | None, endpoint: Endpoint) -> Operator | None:
        """Public pages go on without a database; they only lack the operator's links."""
        if not session:
            return None
        if endpoint.roles is not None:
            return await self._face.people.who(session)
        try:
            async with asyncio.timeout(WHO_SECONDS_MAX):
                return await self._face.people.who(session)
        except (Unavailable, TimeoutError):
            return None

    async def _read_form(self, endpoint: Endpoint, visit: Visit) -> None:
        visit.form = await visit.request.form(
            max_files=endpoint.files_max,
            max_fields=endpoint.fields_max,
            max_part_size=FORM_BYTES_MAX,  # of a field; files go to the disk
        )
        token = visit.form.get(csrf.FIELD)
        if not self._face.csrf.is_token(token, visit.visitor, visit.session):
            raise Refused(visit.t("base.form_old"), code="DESK_FORM_OLD", status=403)
        if endpoint.asks_work and not self._face.work.is_done(
            visit.form.get(proof_of_work.CHALLENGE_FIELD),
            visit.form.get(proof_of_work.ANSWER_FIELD),
        ):
            self._face.limiter.spend("unworked", visit.address)

    def _visit(self, request: Request) -> Visit:
        face = self._face
        language = choose_language(
            request.query_params.get("lang"),
            request.cookies.get(LANGUAGE_COOKIE),
            request.headers.get("accept-language", ""),
        )
        visitor = request.cookies.get(csrf.VISITOR_COOKIE)
        if visitor is None or not face.csrf.is_visitor(visitor):
            visitor = face.csrf.new_visitor()
        client = request.client
        address = face.peers.address(
            (client.host, client.port) if client else None, dict(request.scope["headers"])
        )
        return Visit(request, face, language=language, address=address, visitor=visitor)

    def _with_cookies(self, endpoint: Endpoint, visit: Visit, response: Response) -> Response:
        """Other sites' forms come without our cookies: they must not make visitors anew."""
        request, secure = visit.request, self._face.is_secure
        is_known = request.cookies.get(csrf.VISITOR_COOKIE) == visit.visitor
        if not is_known and not endpoint.takes_body:
            response.set_cookie(
                csrf.VISITOR_COOKIE, visit.visitor, csrf.VISITOR_SECONDS, secure=secure,
                httponly=True, samesite="lax",
            )  # fmt: skip
        asked = request.query_params.get("lang")
        if asked in LANGUAGES and request.cookies.get(LANGUAGE_COOKIE) != asked:
            response.set_cookie(
                LANGUAGE_COOKIE, asked, LANGUAGE_SECONDS, secure=secure, samesite="lax"
            )
        return response

    def _to_sign_in(self, endpoint: Endpoint, request: Request) -> Response:
        if endpoint.takes_body or request.method != "GET":
            raise Refused("Sign in first", code="DESK_SIGN_IN", status=401)
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{SIGN_IN_PATH}?next={quote(request.url.path + query)}", 303)

    def _refusal(self, request: Request, error: Exception) -> Response:
        """A page that says what went wrong; JSON under /api/."""
        status, code, message, more = _described(error)
        if status == 500:
            # Not the path: some hold the secret of a private link.
            route = request.scope.get(ROUTE, UNKNOWN)
            log.exception("request failed", route=route, exc_info=error)
        if request.url.path.startswith("/api/"):
            return JSONResponse({"code": code, "message": message}, status, more)
        visit = self._visit(request)
        title = f"base.status_{status}" if f"base.status_{status}" in self._face.texts else ""
        return visit.render(
            "base/error.html",
            status=status,
            headers=more,
            heading=visit.t(title or "base.status_400"),
            message=visit.told(code, message),
        )

    async def _static(self, request: Request) -> Response:
        file = self._face.static.by_name.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        return Response(file.body, headers={"Cache-Control": KEEP}, media_type=file.media_type)


def _could_be_ours(scope: StarletteScope) -> bool:
    """Whether a page may have this address: none is so long, nor holds what no table can."""
    path: str = scope["path"]
    is_text = path.isascii() or not _LONE.search(path)
    has_nul = "\x00" in path or b"%00" in scope["query_string"]
    return len(path) <= PATH_CHARS_MAX and is_text and not has_nul


def _bytes_max(endpoint: Endpoint, request: Request) -> int:
    """What is not multipart is parsed in memory: no more of it than a form without files has."""
    if endpoint.takes_body or request.headers.get("content-type", "").startswith("multipart/"):
        return endpoint.body_bytes_max
    return min(endpoint.body_bytes_max, FORM_BYTES_MAX)


def _described(error: Exception) -> tuple[int, str, str, Mapping[str, str]]:
    """Status, code, message and headers of an answer."""
    match error:
        case LimitExceeded():
            seconds = max(1, error.extra["retry_after_ms"] // 1000)
            return 429, error.code, error.message, {"Retry-After": str(seconds)}
        case Refused():
            return error.status, error.code, error.message, {}
        case Unavailable():
            seconds = max(1, error.retry_after_ms // 1000)
            return 503, "DESK_UNAVAILABLE", error.message, {"Retry-After": str(seconds)}
        case HTTPException():
            name = HTTPStatus(error.status_code).phrase
            return error.status_code, f"HTTP_{error.status_code}", name, error.headers or {}
        case _:
            return 500, "DESK_BROKEN", "Internal error", {}


def _bearer(given: Headers) -> str | None:
    scheme, _, token = given.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def _raise(request: Request, error: Exception) -> Response:
    raise error
