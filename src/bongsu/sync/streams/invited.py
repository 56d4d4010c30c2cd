"""Invites and knocks: a room that the reader is not in, by the stripped state kept with them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bongsu.sync.history import INVITE, History
from bongsu.sync.sources import SyncStore
from bongsu.sync.view import View, encode


class Pending(NamedTuple):
    """Rendered members of `rooms.invite` and `rooms.knock`."""

    invited: list[bytes]
    knocked: list[bytes]


async def load_pending(store: SyncStore, view: View, histories: Sequence[History]) -> Pending:
    """Rooms whose invite or knock is news. Invites of ignored people, or all of them when the
    reader blocks invites, are not shown (MSC4380)."""
    pending = Pending([], [])
    wanted = list(_wanted(view, histories))
    stripped = await store.load_stripped_state(view.user.user_id, [w[:2] for w in wanted])
    for room_id, _, membership in wanted:
        state = stripped.get(room_id, b"[]")
        if membership == INVITE:
            pending.invited.append(b'%b:{"invite_state":{"events":%b}}' % (encode(room_id), state))
        else:
            pending.knocked.append(b'%b:{"knock_state":{"events":%b}}' % (encode(room_id), state))
    return pending


def _wanted(view: View, histories: Iterable[History]) -> Iterable[tuple[str, int, str]]:
    for history in histories:
        change = history.change_at(view.pin.vector[history.partition])
        assert change is not None, "a pending room without a membership"
        is_invite = change.membership == INVITE
        if is_invite and (view.user.blocks_invites or change.sender in view.user.ignored):
            continue
        yield history.room_id, change.position, change.membership
