"""How many requests the desk answered, by route, with what and how fast."""

from collections.abc import Iterator
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bongsu.http.metrics import Labelled, RouteStats

ROUTE = "bongsu.route"  # the scope's key of the path pattern that was found
UNKNOWN = "unknown"  # what has no route: its method is anything that somebody sends


class RequestCounts:
    """Pages from memory are counted apart: they need no more than a number each."""

    def __init__(self) -> None:
        self._by_route: dict[tuple[str, str], RouteStats] = {}
        self.from_memory: dict[int, int] = {}

    def ready(self, status: int) -> None:
        """A page from memory: 200, or 304 for who has it already."""
        self.from_memory[status] = self.from_memory.get(status, 0) + 1

    def routes(self) -> Iterator[Labelled]:
        for (method, route), stats in list(self._by_route.items()):
            yield method, route, stats

    async def counted(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = monotonic(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, sending)
        finally:
            route = scope.get(ROUTE)
            key = (UNKNOWN, UNKNOWN) if route is None else (scope["method"], route)
            stats = self._by_route.setdefault(key, RouteStats())
            stats.observe(status, monotonic() - began)
