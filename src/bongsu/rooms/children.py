"""Children of an event, and the threads of a room. Spec: "Relationships API", "Querying threads".

Cursors are as in `rooms.history`: a position means the place right after it.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.history import History
from bongsu.rooms.presenting import Presenter
from bongsu.sync.token import TokenCodec, room_token
from bongsu.users.requester import Requester

RECURSION_DEPTH_MAX = 3
FAMILY_MAX = 20_000  # descendants looked at for one page, the nearest generations first
CHILDREN_DEFAULT = 50
CHILDREN_MAX = 500
THREADS_DEFAULT = 20
THREADS_MAX = 100


class ChildrenWish(NamedTuple):
    """Children of `parent_id` at after < position <= through; None: of any relation or type."""

    room_id: str
    parent_id: str
    rel_type: str | None
    type: str | None
    after: int
    through: int
    limit: int
    backwards: bool
    depth: int  # 1: direct children only


class ThreadRow(NamedTuple):
    root: LoggedEvent
    latest: int  # position of the latest reply


class RelationReader(Protocol):
    async def list_children(self, wish: ChildrenWish) -> list[LoggedEvent]: ...

    async def list_threads(
        self, room_id: str, before: int, through: int, limit: int, participant: str | None
    ) -> list[ThreadRow]:
        """Threads as of `through` whose latest reply is at or before `before`, latest first.

        `participant`: only those that this user began or replied in.
        """
        ...


class Children(msgspec.Struct, omit_defaults=True):
    """The answer of /relations."""

    chunk: list[msgspec.Raw]
    next_batch: str | None = None
    prev_batch: str | None = None
    recursion_depth: int | None = None


class Threads(msgspec.Struct, omit_defaults=True):
    """The answer of /threads."""

    chunk: list[msgspec.Raw]
    next_batch: str | None = None


class Relations:
    def __init__(
        self,
        access: RoomAccess,
        history: History,
        reader: RelationReader,
        presenter: Presenter,
        tokens: TokenCodec,
    ) -> None:
        self._access = access
        self._history = history
        self._reader = reader
        self._presenter = presenter
        self._tokens = tokens

    async def children(
        self,
        requester: Requester,
        room_id: str,
        event_id: str,
        *,
        rel_type: str | None,
        type: str | None,
        start: str | None,
        stop: str | None,
        backwards: bool,
        limit: int,
        recurse: bool,
    ) -> Children:
        """A page of children; `NotFound` if the requester may not see the parent."""
        begin, until = (self._position(token, room_id) for token in (start, stop))
        view, parent = await self._history.find(
            requester, room_id, event_id, covering=max(begin or 0, until or 0)
        )
        newest = view.vector[view.partition]
        begin = begin if begin is not None else newest if backwards else 0
        until = until if until is not None else 0 if backwards else newest
        after, through = (until, begin) if backwards else (begin, until)
        depth = RECURSION_DEPTH_MAX if recurse else 1
        wish = ChildrenWish(
            room_id, parent.event_id, rel_type, type, after, min(through, newest),
            limit + 1, backwards, depth,
        )  # fmt: skip
        found = await self._reader.list_children(wish)
        page = found[:limit]
        return Children(
            chunk=await self._presenter.present(view, [e for e in page if view.shows(e)]),
            next_batch=_token_after(page, backwards) if len(found) > limit else None,
            prev_batch=start,
            recursion_depth=depth if recurse else None,
        )

    async def threads(
        self,
        requester: Requester,
        room_id: str,
        *,
        start: str | None,
        limit: int,
        participated: bool,
    ) -> Threads:
        """Roots of threads, those with the latest replies first, with their bundles."""
        begin = self._position(start, room_id)
        view = await self._access.view(requester, room_id, covering=begin or 0)
        newest = view.through or 0
        found = await self._reader.list_threads(
            room_id,
            newest if begin is None else min(begin, newest),
            newest,
            limit + 1,
            requester.user_id if participated else None,
        )
        page = found[:limit]
        roots = [thread.root for thread in page if view.shows(thread.root)]
        return Threads(
            chunk=await self._presenter.present(view, roots),
            next_batch=room_token(page[-1].latest - 1) if len(found) > limit else None,
        )

    def _position(self, token: str | None, room_id: str) -> int | None:
        return None if token is None else self._tokens.room_position(token, room_id)


def _token_after(page: Sequence[LoggedEvent], backwards: bool) -> str:
    last = page[-1].position
    return room_token(last - 1 if backwards else last)
