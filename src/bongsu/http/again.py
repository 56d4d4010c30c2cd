"""Who has just been let in is let in again, for the same thing: `App`'s part of `repeated`."""

from collections.abc import Callable
from typing import Protocol

from bongsu.http.answers import JSON_HEADERS
from bongsu.http.message import TakeAgain
from bongsu.http.metrics import RouteStats
from bongsu.http.repeated import Reply, Taken
from bongsu.users.requester import Requester


class TokenCache(Protocol):
    def cached(self, token: str) -> Requester | None: ...


class LetInAgain:
    """Stands for the next request of a connection, as long as its token is known and fresh.

    Whoever changes in rights, is locked or signed out is another `Requester`, or none.
    """

    headers = JSON_HEADERS

    __slots__ = ("_requester", "_saw", "_stats", "_take", "_token", "_tokens")

    def __init__(
        self,
        tokens: TokenCache,
        token: str,
        requester: Requester,
        saw: Callable[[Requester], None],
        stats: RouteStats,
        take: TakeAgain,
    ) -> None:
        self._tokens = tokens
        self._token = token
        self._requester = requester
        self._saw = saw
        self._stats = stats
        self._take = take

    def take(self, target: bytes, reply: Reply) -> Taken | None:
        if self._tokens.cached(self._token) is not self._requester:
            return None
        self._saw(self._requester)
        return self._take(target, reply)

    def answered(self, seconds: float) -> None:
        self._stats.observe(200, seconds)
