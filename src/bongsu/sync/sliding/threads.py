"""Changes of thread subscriptions: in an answer (MSC4308), and page by page behind it.

A token is two positions in the reader's own partition: what is left out lies after the one and up
to the other. Only the latest change of each thread is kept, so a page holds what lies there now;
what changed meanwhile comes with the next answer.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.errors import InvalidParam, Unavailable
from bongsu.log.position import PARTITIONS, partition_of
from bongsu.rooms.client_event import Device
from bongsu.sync.sliding.connection import decode_position
from bongsu.sync.sliding.cursors import encode_cursor, parse_cursor
from bongsu.sync.v2 import BEHIND_SECONDS_MIN, SyncService
from bongsu.sync.view import encode

THREADS_DEFAULT = 100
THREADS_MAX = 512  # changes in one answer


class ThreadRecord(NamedTuple):
    """The latest change of one subscription, at `position` of its owner's partition."""

    room_id: str
    root: str
    position: int
    subscribed: bool
    automatic: bool


class ThreadStore(Protocol):
    async def load_threads(
        self, user_id: str, after: int, through: int, limit: int
    ) -> Sequence[ThreadRecord]:
        """The last `limit` at after < position <= through, the latest first."""
        ...


class ThreadNews(NamedTuple):
    """Changes, the latest first; `rest`: those after the one position and up to the other are left
    out."""

    changes: Sequence[ThreadRecord]
    rest: tuple[int, int] | None


NO_THREADS = ThreadNews((), None)


async def load_threads(
    store: ThreadStore, user_id: str, after: int, through: int, limit: int
) -> ThreadNews:
    found = await store.load_threads(user_id, after, through, limit + 1)
    if len(found) <= limit:
        return ThreadNews(found, None)
    return ThreadNews(found[:limit], (after, found[limit].position))


def render(news: ThreadNews, incarnation: bytes, rest: str) -> bytes:
    """The JSON object of an answer; `rest` is the member that names what is left out."""
    members: list[bytes] = []
    for name, subscribed in (("subscribed", True), ("unsubscribed", False)):
        by_room: dict[str, dict[str, dict[str, int]]] = {}
        for each in news.changes:
            if each.subscribed == subscribed:
                shown = {"bump_stamp": each.position}
                if subscribed:
                    shown["automatic"] = each.automatic
                by_room.setdefault(each.room_id, {})[each.root] = shown
        if by_room:
            members.append(encode(name) + b":" + encode(by_room))
    if news.rest is not None:
        members.append(encode(rest) + b":" + encode(encode_cursor(incarnation, *news.rest)))
    return b"{%b}" % b",".join(members)


class ThreadPages:
    """`GET …/thread_subscriptions`: what an answer left out, from a token backwards."""

    def __init__(self, sync: SyncService, store: ThreadStore) -> None:
        self._sync = sync
        self._store = store

    async def page(self, device: Device, start: str | None, stop: str | None, limit: int) -> bytes:
        """Up to `limit` changes. `stop`, the `pos` of a request, counts only without `start`, which
        knows better: an answer may tell of more than what happened since.

        `InvalidParam` if one is no token, `Unavailable` if this node cannot read the log.
        """
        tokens, partition = self._sync.tokens, partition_of(device.user_id)
        after = 0 if stop is None else self._stop(stop, partition)
        begin = None if start is None else parse_cursor(start, tokens.incarnation, 2, "from")
        if begin is not None:
            await self._reach(partition, begin[1])
        user, pin = await self._sync.present(device)
        through = pin.vector[partition]
        if begin is not None:
            after, through = begin[0], min(begin[1], through)
        news = await load_threads(self._store, user.user_id, after, through, limit)
        return render(news, tokens.incarnation, "end")

    async def _reach(self, partition: int, position: int) -> None:
        vector = tuple(position if p == partition else 0 for p in range(PARTITIONS))
        if not await self._sync.hub.follower.wait_until(vector, BEHIND_SECONDS_MIN):
            raise Unavailable("Behind the log")

    def _stop(self, text: str, partition: int) -> int:
        pos = decode_position(text)
        if pos is None:
            raise InvalidParam("to is not a token")
        token = self._sync.tokens.decode(pos.token)
        return 0 if self._sync.tokens.is_foreign(token) else token.vector[partition]
