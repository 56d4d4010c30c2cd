"""Who is typing. Lists live in memory: a token remembers whose they were, and which were not empty.

A client that comes from another process, or after a restart, is shown every list that is not empty
and an empty one for each that was not empty when it last heard.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from bongsu.sync.sources import TypingSource
from bongsu.sync.token import TYPING_ROOMS_MAX, mark_of
from bongsu.sync.view import View, encode

TYPING = "m.typing"


class TypingNews(NamedTuple):
    """`m.typing` events by room, and the rooms' marks for the next token."""

    events: dict[str, bytes]
    marks: frozenset[bytes]


def typing_candidates(source: TypingSource, mark: bytes, view: View) -> set[str]:
    """Rooms that may have typing to show although nothing else told so."""
    since = view.since
    if since is not None and since.source == mark:
        return set()
    joined = set(view.user.joined_rooms)
    candidates = {room_id for room_id in source.active_rooms() if room_id in joined}
    if since is not None and since.typing_rooms:
        candidates |= {room_id for room_id in joined if mark_of(room_id) in since.typing_rooms}
    return candidates


def typing_news(
    source: TypingSource, mark: bytes, view: View, rooms: Collection[str], new: Collection[str]
) -> TypingNews:
    """Of joined `rooms`; those in `new` were not shown before."""
    since = view.since
    marks = set[bytes]() if since is None else set(since.typing_rooms)
    known = 0 if since is None or since.source != mark else since.typing
    events: dict[str, bytes] = {}
    for room_id in rooms:
        version = source.version(room_id)
        if version <= known and room_id not in new and not (known == 0 and marks):
            continue
        users, room_mark = source.users(room_id), mark_of(room_id)
        if users or room_mark in marks:
            events[room_id] = typing_event(users)
        (marks.add if users else marks.discard)(room_mark)
    return TypingNews(events, frozenset(sorted(marks)[:TYPING_ROOMS_MAX]))


def typing_event(users: Iterable[str]) -> bytes:
    return encode({"type": TYPING, "content": {"user_ids": list(users)}})
