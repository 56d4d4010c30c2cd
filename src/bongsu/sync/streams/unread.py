"""Unread counts of the rooms in an answer, from memory or found anew."""

from collections.abc import Sequence

from bongsu.log.entry import Receipt, decode_receipt
from bongsu.log.position import Vector
from bongsu.push.count_mode import CountMode
from bongsu.sync.history import Change, History
from bongsu.sync.hot_user import HotUser
from bongsu.sync.hub import Hub
from bongsu.sync.sources import Span, SyncStore
from bongsu.sync.unread import (
    OLDER_THREADS,
    SCAN_MAX,
    ReadMarks,
    Unread,
    count_unread,
    read_marks,
)
from bongsu.sync.view import View, encode


def advance_unread(hub: Hub, view: View, history: History, through: int) -> Unread | None:
    """The counts as of `through` if what is in memory suffices for them."""
    unread = view.user.unread.get(history.room_id)
    if unread is None:
        return None
    if unread.through < through:
        feed = hub.feed(history.room_id)
        events = feed.between(unread.through, through) if feed else None
        if events is None:
            return None
        unread.advance(events, through, view.user.rules, view.user.ignored)
    return unread


async def load_unread(hub: Hub, store: SyncStore, view: View, histories: Sequence[History]) -> None:
    """See that `view.user.unread` has the counts of these rooms as of the pin."""
    vector = view.pin.vector
    missing = [h for h in histories if advance_unread(hub, view, h, vector[h.partition]) is None]
    if missing:
        counts = await count_afresh(store, view.user, vector, missing)
        for room_id, unread in counts.items():
            view.user.remember_unread(room_id, unread)


async def count_afresh(
    store: SyncStore, user: HotUser, vector: Vector, missing: Sequence[History]
) -> dict[str, Unread]:
    """The counts of rooms that somebody is in, as of a vector, from the database alone."""
    marks = await _load_marks(store, user.user_id, vector, missing)
    rules = user.rules
    by_rules = [h for h in missing if rules.mode(h.room_id) is CountMode.SCAN]
    by_totals = [h for h in missing if rules.mode(h.room_id) is not CountMode.SCAN]
    spans = {
        h.room_id: Span(h.room_id, marks[h.room_id].position, vector[h.partition]) for h in missing
    }
    events = await store.load_facts([spans[h.room_id] for h in by_totals], SCAN_MAX)
    events |= await store.load_timelines([spans[h.room_id] for h in by_rules], SCAN_MAX)
    older = [
        spans[room_id]._replace(through=scanned[0].position - 1)
        for room_id, scanned in events.items()
        if len(scanned) >= SCAN_MAX
    ]
    mentions = await store.count_mentions(user.user_id, older)
    return {
        (room_id := h.room_id): count_unread(
            marks[room_id], events[room_id], vector[h.partition], rules, user.ignored,
            mentions.get(room_id, 0),
        )
        for h in missing
    }  # fmt: skip


async def _load_marks(
    store: SyncStore, user_id: str, vector: Vector, histories: Sequence[History]
) -> dict[str, ReadMarks]:
    receipts: dict[str, list[Receipt]] = {}
    through = {h.room_id: vector[h.partition] for h in histories}
    for record in await store.load_own_receipts(user_id, list(through)):
        if record.position <= through[record.room_id]:
            receipts.setdefault(record.room_id, []).append(decode_receipt(record.body))
    nothing = Change(0, "join", "", 0, 0)
    return {
        h.room_id: read_marks(
            h.change_at(through[h.room_id]) or nothing, receipts.get(h.room_id, ())
        )
        for h in histories
    }


def render_unread(unread: Unread | None, by_thread: bool) -> bytes:
    """`unread_notifications`, and `unread_thread_notifications` if the filter wants them."""
    if unread is None:
        return _NOTHING
    notifications, highlights = unread.totals(by_thread)
    room = b'"unread_notifications":' + _counts(notifications, highlights)
    if not by_thread:
        return room
    threads = [
        encode(thread) + b":" + _counts(*counts)
        for thread, counts in unread.threads.items()
        if thread != OLDER_THREADS
    ]
    return room + b',"unread_thread_notifications":{' + b",".join(threads) + b"}"


def _counts(notifications: int, highlights: int) -> bytes:
    return b'{"notification_count":%d,"highlight_count":%d}' % (notifications, highlights)


_NOTHING = b'"unread_notifications":' + _counts(0, 0)
