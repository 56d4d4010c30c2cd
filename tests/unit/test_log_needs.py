"""A follower shows no event before the room keys that it needs, in whatever order they come."""

from itertools import permutations

from bongsu.keys.causality import SentToDevice
from bongsu.log.entry import (
    Entry,
    EventFacts,
    Kind,
    Relation,
    ToDevice,
    encode_body,
    encode_facts,
    needs,
)
from bongsu.log.follower import DurableHead, Follower

ROOM, KEYS, OTHER = 3, 7, 9


class Reader:
    """The log as a table."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    async def durable_heads(self) -> list[DurableHead]:
        return []

    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]:
        found = [e for e in self.entries if e.partition == partition]
        return [e for e in found if after < e.position <= through][:limit]


def event(position: int, after: tuple[tuple[int, int], ...] = ()) -> Entry:
    facts = EventFacts("m.room.encrypted", "@a:x", after=after)
    return Entry(ROOM, position, Kind.EVENT, "!r:x", f"${position}", b"{}", encode_facts(facts))


def message(partition: int, position: int) -> Entry:
    body = encode_body(ToDevice("@a:x", "D", ("*",)))
    return Entry(partition, position, Kind.TO_DEVICE, "@b:x", "", body, b"")


def test_needs_are_seen_at_the_last_bytes() -> None:
    assert needs(event(1)) == ()
    assert needs(event(1, ((KEYS, 4), (OTHER, 2)))) == ((KEYS, 4), (OTHER, 2))
    for facts in (
        EventFacts("t", "@a:x", relation=Relation("m.thread", "$e")),
        EventFacts("t", "@a:x", mentions=("]]]",)),
        EventFacts("]]]", "]]]"),
        EventFacts("t", "@a:x", redacts="]]]"),
    ):
        entry = Entry(ROOM, 1, Kind.EVENT, "!r:x", "$1", b"{}", encode_facts(facts))
        assert needs(entry) == ()


def test_no_event_before_its_keys_in_any_order_of_arrival() -> None:
    entries = [
        message(KEYS, 1),
        message(OTHER, 1),
        event(1),
        event(2, ((KEYS, 1), (OTHER, 1))),
        event(3),
    ]
    for order in permutations(entries):
        follower = Follower(Reader(entries), "test")
        for entry in [*order, *entries, *entries]:
            follower.deliver({entry.partition: 1}, [entry])
            if follower.applied[ROOM] >= 2:
                assert follower.applied[KEYS] == follower.applied[OTHER] == 1
        assert (follower.applied[ROOM], follower.applied[KEYS], follower.applied[OTHER]) == (
            3,
            1,
            1,
        )


async def test_catching_up_keeps_the_order_too() -> None:
    """The room's partition comes first in the look for more: it waits for the keys' partition."""
    entries = [event(1, ((KEYS, 1),)), message(KEYS, 1)]
    follower = Follower(Reader(entries), "test")
    seen: list[int] = []
    follower.listen(lambda applied: seen.extend(entry.kind for entry in applied))
    await follower.start()
    follower.announce([DurableHead(ROOM, 1, 1), DurableHead(KEYS, 1, 1)])
    assert await follower.wait_for_position(ROOM, 1, 10)
    assert seen == [Kind.TO_DEVICE, Kind.EVENT]
    await follower.stop()


def test_what_a_device_sent_is_said_once_in_each_room() -> None:
    sent = SentToDevice()
    assert sent.before("@a:x", "D", "!r:x") == ()
    sent.on_entries([message(KEYS, 5), message(OTHER, 2), message(KEYS, 6)])
    places = ((KEYS, 6), (OTHER, 2))
    assert sent.before("@a:x", "D", "!r:x") == places
    assert sent.before("@a:x", "D", "!r:x") == places  # until an event that says so is in the room
    sent.told("@a:x", "D", "!r:x", places)
    assert sent.before("@a:x", "D", "!r:x") == ()
    assert sent.before("@a:x", "D", "!s:x") == places
    assert sent.before("@a:x", "E", "!r:x") == ()
    sent.on_entries([message(OTHER, 3)])
    assert sent.before("@a:x", "D", "!r:x") == ((KEYS, 6), (OTHER, 3))
