"""Counts by totals and by stepping through events agree with counting naively."""

from hypothesis import given
from hypothesis import strategies as st

from bongsu.log.entry import EventFacts, LoggedEvent, Receipt
from bongsu.sync.history import Change
from bongsu.sync.unread import SCAN_MAX, Rules, Unread, count_unread, read_marks

ME, OTHER, IGNORED = "@me:x", "@other:x", "@ignored:x"
JOINED = Change(0, "join", ME, 0, 0)

actions = st.tuples(
    st.sampled_from([ME, OTHER, OTHER, OTHER, IGNORED]),  # sender
    st.sampled_from([None, None, "$a", "$b"]),  # thread
    st.booleans(),  # notifies
    st.booleans(),  # mentions me
)


def events_of(history: list[tuple[str, str | None, bool, bool]]) -> list[LoggedEvent]:
    events: list[LoggedEvent] = []
    totals = {"": 0, "main": 0}
    for position, (sender, thread, notifies, mentions) in enumerate(history, 1):
        totals[""] += notifies
        totals["main"] += notifies and thread is None
        facts = EventFacts(
            "m.room.message", sender, thread=thread, notifies=notifies,
            mentions=(ME,) if mentions else (), notify_total=totals[""], main_total=totals["main"],
        )  # fmt: skip
        events.append(LoggedEvent("!r", position, f"${position}", b"", facts))
    return events


def naive(events: list[LoggedEvent], receipts: list[Receipt]) -> Unread:
    """Walk from the beginning; a receipt or an own event clears what is before it."""
    unread = Unread(0)
    by_position = {receipt.event_position: receipt for receipt in receipts}
    rules = Rules(ME, None)
    for event in events:
        unread.advance([event], event.position, rules, frozenset({IGNORED}))
        receipt = by_position.get(event.position)
        if receipt is not None:
            assert unread.read(receipt, event.position)
    return unread


def receipt_at(event: LoggedEvent, thread: str | None) -> Receipt:
    facts = event.facts
    return Receipt(ME, "m.read", event.event_id, thread, 0, event.position, facts.notify_total,
                   facts.main_total)  # fmt: skip


@given(st.lists(actions, max_size=40), st.data())
def test_counting_back_from_the_end_is_counting_from_the_start(
    history: list[tuple[str, str | None, bool, bool]], data: st.DataObject
) -> None:
    events = events_of(history)
    receipts: list[Receipt] = []
    if events:
        threads = data.draw(st.sets(st.sampled_from([None, "main", "$a"])))
        receipts = [receipt_at(data.draw(st.sampled_from(events)), each) for each in threads]
    receipts = list({r.event_position: r for r in receipts}.values())
    marks = read_marks(JOINED, receipts)
    unread_events = [event for event in events if event.position > marks.position]
    found = count_unread(marks, unread_events, 99, Rules(ME, None), frozenset({IGNORED}))
    expected = naive(events, receipts)
    assert found.totals(by_thread=True) == expected.totals(by_thread=True)
    assert found.threads == expected.threads


def test_what_is_older_than_the_scan_is_counted_by_totals() -> None:
    events = events_of([(OTHER, None, True, False)] * 500)
    marks = read_marks(JOINED, [receipt_at(events[99], None)])
    found = count_unread(marks, events[-SCAN_MAX:], 500, Rules(ME, None), frozenset(), 7)
    assert found.totals(by_thread=False) == (400, 7)


def test_a_receipt_behind_the_last_event_asks_for_a_new_count() -> None:
    events = events_of([(OTHER, None, True, False)] * 3)
    assert not Unread(3, (3, 0)).read(receipt_at(events[1], None), 3)
