"""Read receipts: everyone's public ones, one's own private ones."""

from collections.abc import Iterable, Mapping, Sequence

from bongsu.log.entry import Receipt, decode_receipt
from bongsu.sync.hub import Hub
from bongsu.sync.room_feed import RoomFeed
from bongsu.sync.sources import SyncStore
from bongsu.sync.streams.timeline import RoomWork
from bongsu.sync.view import View, encode

RECEIPT = "m.receipt"


def shown_receipts(
    receipts: Iterable[Receipt], feed: RoomFeed | None, user_id: str
) -> list[Receipt]:
    """Those of one room that a member may see: in a very large room one's own."""
    shows_others = feed is None or feed.shows_receipts
    return [
        each
        for each in receipts
        if each.user_id == user_id or (shows_others and each.receipt_type == "m.read")
    ]


async def load_receipts(
    hub: Hub, store: SyncStore, view: View, works: Sequence[RoomWork]
) -> Mapping[str, Sequence[Receipt]]:
    """Receipts to show, by room."""
    found: dict[str, Sequence[Receipt]] = {}
    stored: dict[str, list[Receipt]] = {}
    works_to_read: list[RoomWork] = []
    for work in works:
        feed = hub.feed(work.room_id)
        receipts = None if work.is_new or not feed else feed.receipts_between(*work.span[1:])
        if receipts is None:
            works_to_read.append(work)
        else:
            found[work.room_id] = shown_receipts(receipts, feed, view.user.user_id)
    spans = [work.span for work in works_to_read]
    for record in await store.load_receipts(spans, view.user.user_id):
        stored.setdefault(record.room_id, []).append(decode_receipt(record.body))
    for room_id, receipts in stored.items():
        found[room_id] = shown_receipts(receipts, hub.feed(room_id), view.user.user_id)
    return found


def receipt_event(receipts: Iterable[Receipt]) -> bytes:
    """One `m.receipt` event for all of them, later ones replacing earlier ones of their kind.

    It has room for one receipt a person and event: the unthreaded, which says more, if there is.
    """
    latest = {(r.user_id, r.receipt_type, r.thread_id): r for r in receipts}
    content: dict[str, dict[str, dict[str, dict[str, int | str]]]] = {}
    for receipt in sorted(latest.values(), key=lambda r: (r.thread_id is None, r.thread_id or "")):
        shown: dict[str, int | str] = {"ts": receipt.ts}
        if receipt.thread_id is not None:
            shown["thread_id"] = receipt.thread_id
        of_event = content.setdefault(receipt.event_id, {})
        of_event.setdefault(receipt.receipt_type, {})[receipt.user_id] = shown
    return encode({"type": RECEIPT, "content": content})
