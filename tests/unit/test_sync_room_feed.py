"""A feed that reaches back by what somebody read: never a gap, never what was redacted."""

from bongsu.log.entry import EventFacts, LoggedEvent
from bongsu.sync.room_feed import RoomFeed

ROOM = "!room"


def event(position: int, redacts: str | None = None) -> LoggedEvent:
    type = "m.room.redaction" if redacts else "m.room.message"
    facts = EventFacts(type, "@alice:test", redacts=redacts)
    return LoggedEvent(ROOM, position, f"${position}", b"{}", facts)


def feed_of(*positions: int, floor: int) -> RoomFeed:
    feed = RoomFeed(ROOM, 0, floor)
    for position in positions:
        feed.append(event(position))
    return feed


def positions(events: list[LoggedEvent] | None) -> list[int] | None:
    return None if events is None else [each.position for each in events]


def test_the_latest_come_from_memory_only_if_none_can_be_missing() -> None:
    feed = feed_of(12, 15, floor=10)
    assert positions(feed.latest(0, 20, 2)) == [12, 15]
    assert feed.latest(0, 20, 3) is None
    assert positions(feed.latest(10, 20, 3)) == [12, 15]
    assert positions(feed.latest(12, 14, 3)) == []


def test_what_was_read_lets_a_feed_reach_back() -> None:
    feed = feed_of(12, 15, floor=10)
    feed.put_before([event(7), event(9)], floor=6)
    assert positions(feed.latest(0, 20, 4)) == [7, 9, 12, 15]
    assert positions(feed.latest(0, 11, 2)) == [7, 9]
    assert feed.latest(0, 11, 3) is None
    assert positions(feed.between(6, 12)) == [7, 9, 12]


def test_a_room_read_to_its_beginning_is_known_whole() -> None:
    feed = feed_of(12, floor=10)
    feed.put_before([event(3)], floor=0)
    assert positions(feed.latest(0, 20, 100)) == [3, 12]


def test_a_redaction_drops_what_was_read_up_to_its_target() -> None:
    feed = feed_of(12, floor=10)
    feed.put_before([event(7), event(9)], floor=6)
    before = feed.redactions
    feed.append(event(16, redacts="$9"))
    assert positions(feed.latest(9, 20, 5)) == [12, 16]
    assert feed.latest(8, 20, 5) is None
    assert feed.redactions == before + 1  # rows that are being read now are not to be kept
