"""The ASGI application: from a request to its endpoint, and back with an answer, always.

    route ▶ who asks ▶ may they ▶ not too often ▶ body ▶ endpoint ▶ encode ▶ headers

There are no middleware layers: this is on the path of every message, so each step is a plain call
and what can be known beforehand is worked out when the router is built.
"""

import os
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import count
from time import perf_counter
from typing import Protocol

import structlog

from bongsu.errors import Forbidden, MissingToken, Refused, Unavailable, UnknownToken
from bongsu.http import answers
from bongsu.http.again import LetInAgain
from bongsu.http.asgi import CANCELS_ON_DISCONNECT, Receive, Scope, Send
from bongsu.http.body import ClientGone, read_body, stream_body
from bongsu.http.disconnect import run_while_connected
from bongsu.http.logging import request_id
from bongsu.http.message import Request, Response, TakeAgain
from bongsu.http.metrics import Labelled, RouteStats
from bongsu.http.peers import Peers
from bongsu.http.rate_limit import RateLimiter
from bongsu.http.repeated import OFFER_AGAIN, WAITED_SECONDS, OfferAgain
from bongsu.http.router import Endpoint, Router
from bongsu.http.routing import Auth
from bongsu.users.requester import Requester

log = structlog.get_logger(__name__)

UNSTABLE_DEVICE_ID = "org.matrix.msc3202.device_id"

BODIES_BYTES_MAX = 256 * 1024 * 1024  # of requests that are being carried out
BODIES_RETRY_AFTER_MS = 2000

_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._\-]{1,64}\Z")


class Authenticator(Protocol):
    def cached(self, token: str) -> Requester | None: ...
    async def requester(self, token: str) -> Requester: ...
    def service(self, token: str) -> Requester | None: ...
    async def act(
        self, requester: Requester, user: str | None, device: str | None
    ) -> Requester: ...


class App:
    """`saw` is told of each authenticated request: requester, address, User-Agent."""

    def __init__(
        self,
        router: Router,
        authenticator: Authenticator,
        *,
        rate_limiter: RateLimiter | None = None,
        access_token_in_query: bool = True,
        trusted_proxies: tuple[str, ...] = (),
        saw: Callable[[Requester, str, bytes | None], None] | None = None,
        access_log: bool = False,
    ) -> None:
        self._router = router
        self._authenticator = authenticator
        self._rate_limiter = rate_limiter or RateLimiter()
        self._access_token_in_query = access_token_in_query
        self._peers = Peers(trusted_proxies)
        self._saw = saw
        self._access_log = access_log
        self._body_bytes = 0  # of requests that are being carried out
        self._unrouted = RouteStats()
        self._id_prefix = os.urandom(4).hex()
        self._ids = count(1)
        router.check_limits(self._rate_limiter.rates)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        if CANCELS_ON_DISCONNECT not in (scope.get("extensions") or ()):
            await run_while_connected(self, scope, receive, send)
            return
        request = self._request(scope)
        offer: OfferAgain | None = scope["extensions"].get(OFFER_AGAIN)
        del scope  # its headers live on in the request: a long poll need not keep them twice
        endpoint, started = None, perf_counter()
        try:
            if request.method == "OPTIONS":
                response = answers.preflight()
            else:
                endpoint, request.path = self._router.match(request.method, request.raw_path)
                response = await self._answer(endpoint, request, receive)
        except Refused as error:
            response = answers.refusal(error, request.id)
        except Unavailable as error:
            log.info("unavailable", reason=error.message)
            response = answers.unavailable(error, request.id)
        except ClientGone:
            return
        except Exception:
            log.exception("request failed", route=endpoint and endpoint.route.path)
            response = answers.internal_error(request.id)
        self._note(request, endpoint, response.status, perf_counter() - started)
        if offer is not None and endpoint is not None and response.take_again is not None:
            self._offer_again(offer, endpoint, request, response.take_again)
        await _send(response, request.method, send)

    def stats(self) -> Iterator[Labelled]:
        """(verb, route, stats) of every route, and of what met none; for `RouteCollector`."""
        for endpoint in self._router.endpoints:
            yield endpoint.route.verb, endpoint.route.path, endpoint.stats
        yield "", "", self._unrouted

    async def _answer(self, endpoint: Endpoint, request: Request, receive: Receive) -> Response:
        if endpoint.takes_token:
            token = self._token(request)
            if token is not None:
                cached = self._authenticator.cached(token)
                requester = cached or await self._authenticator.requester(token)
                if requester.appservice_id is not None:
                    requester = await self._acting(requester, request)
                check_admitted(endpoint, requester)
                request.requester = requester
                if self._saw is not None:
                    self._saw(requester, request.peer, request.headers.get(b"user-agent"))
            elif endpoint.needs_token:
                raise MissingToken
        elif endpoint.route.auth is Auth.SERVICE:
            self._let_service_in(request)
        limit, who = endpoint.route.limit, request.requester_or_none
        if limit is not None and (who is None or who.is_rate_limited):
            self._rate_limiter.spend(limit, request.peer if who is None else who.user_id)
        if endpoint.route.streams_body:
            request.body_stream = stream_body(receive, request.headers, endpoint.body_bytes_max)
        elif endpoint.reads_body:
            request.body = await read_body(receive, request.headers, endpoint.body_bytes_max)
        size = len(request.body)
        if size and self._body_bytes + size > BODIES_BYTES_MAX:
            raise Unavailable("Too much is under way", retry_after_ms=BODIES_RETRY_AFTER_MS)
        self._body_bytes += size
        try:
            return answers.response_of(await endpoint.handler(request))
        finally:
            self._body_bytes -= size

    def _offer_again(
        self, offer: OfferAgain, endpoint: Endpoint, request: Request, take: TakeAgain
    ) -> None:
        """Let the connection's next request in by a call, if all that is asked of it is a token."""
        token, requester = self._token(request), request.requester_or_none
        if token is None or requester is None or requester.appservice_id is not None:
            return
        if endpoint.route.limit is not None or self._access_log:
            return
        peer, user_agent = request.peer, request.headers.get(b"user-agent")

        def saw(requester: Requester) -> None:
            if self._saw is not None:
                self._saw(requester, peer, user_agent)

        offer(LetInAgain(self._authenticator, token, requester, saw, endpoint.stats, take))

    async def _acting(self, requester: Requester, request: Request) -> Requester:
        """Whom an application service acts as in this request."""
        device = request.query_text("device_id") or request.query_text(UNSTABLE_DEVICE_ID)
        return await self._authenticator.act(requester, request.query_text("user_id"), device)

    def _let_service_in(self, request: Request) -> None:
        token = self._token(request)
        service = None if token is None else self._authenticator.service(token)
        if service is not None:
            request.requester = service

    def _request(self, scope: Scope) -> Request:
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        if given is not None and _SANE_REQUEST_ID.match(given):
            name = given.decode()
        else:
            name = f"{self._id_prefix}-{next(self._ids):x}"
        request_id.set(name)
        return Request(
            scope["method"],
            scope["raw_path"],
            scope["query_string"],
            headers,
            self._peers.address(scope["client"], headers),
            name,
            scope.get(WAITED_SECONDS, 0.0),
        )

    def _token(self, request: Request) -> str | None:
        """The access token as given: in the header, else (if allowed) in the query."""
        header = request.headers.get(b"authorization")
        if header is not None and header[:7].lower() == b"bearer ":
            return _ascii(header[7:].strip())
        if self._access_token_in_query and b"access_token=" in request.query_string:
            return request.query_text("access_token")
        return None

    def _note(
        self, request: Request, endpoint: Endpoint | None, status: int, seconds: float
    ) -> None:
        stats = self._unrouted if endpoint is None else endpoint.stats
        stats.observe(status, seconds)
        if self._access_log:
            log.info(
                "request",
                verb=request.method,
                route=endpoint.route.path if endpoint is not None else None,
                status=status,
                ms=round(seconds * 1000, 1),
            )


def check_admitted(endpoint: Endpoint, requester: Requester) -> None:
    """`Refused` if an account in this condition may not call `endpoint`."""
    if requester.is_locked and not endpoint.locked_may:
        raise Refused(
            "This account has been locked",
            code="M_USER_LOCKED",
            status=401,
            extra={"soft_logout": True},
        )
    if requester.is_suspended and not endpoint.suspended_may:
        raise Forbidden("You cannot perform this action while suspended.", code="M_USER_SUSPENDED")
    if endpoint.admins_only and not requester.is_admin:
        raise Forbidden("You are not a server admin")
    if requester.is_guest and not endpoint.guests_may:
        raise Forbidden("Guests may not do this", code="M_GUEST_ACCESS_FORBIDDEN")


async def _send(response: Response, verb: str, send: Send) -> None:
    """Give the answer to the server. A stream that fails half-way fails the connection."""
    headers = answers.headers_of(response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    stream = response.stream
    if stream is None:
        await send({"type": "http.response.body", "body": response.body})
        return
    try:
        if verb != "HEAD":
            async for piece in stream:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _ascii(token: bytes) -> str:
    try:
        return token.decode("ascii")
    except UnicodeDecodeError:
        raise UnknownToken from None
