"""Wishes for state, what is stored of a connection, positions, filters, turns: each by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import LimitExceeded
from bongsu.sync.sliding.admission import WAIT_SECONDS_MAX, Admission
from bongsu.sync.sliding.connection import (
    EMPTY,
    Behind,
    ConnectionId,
    ConnectionState,
    Position,
    Sent,
    decode_position,
    decode_state,
    encode_position,
    encode_state,
    mark_state,
    owner_mark,
)
from bongsu.sync.sliding.facts import Labels, RoomFacts, stripped_facts
from bongsu.sync.sliding.filters import choose
from bongsu.sync.sliding.request import Filters
from bongsu.sync.sliding.required_state import StateSpec, expands, parse, union

BOB = "@bob:test"
TYPES = ("m.room.member", "m.room.topic", "org.example")
KEYS = ("", BOB, "@alice:test")
PAIRS = st.lists(
    st.tuples(st.sampled_from((*TYPES, "*")), st.sampled_from((*KEYS, "*", "$ME", "$LAZY"))),
    max_size=4,
)
SENT = st.builds(
    Sent,
    st.integers(0, 100),
    PAIRS.map(lambda pairs: parse(pairs, BOB)),
    st.integers(0, 3),
    st.none() | st.builds(Behind, st.integers(0, 2**62), st.integers(0, 2**62)),
)


def matched(spec: StateSpec) -> set[tuple[str, str]]:
    return {(kind, key) for kind in TYPES for key in KEYS if spec.matches(kind, key)}


def test_wildcards_lazy_members_and_oneself() -> None:
    every = {(kind, key) for kind in TYPES for key in KEYS}
    assert matched(parse([("*", "*")], BOB)) == every
    assert matched(parse([("m.room.topic", "*")], BOB)) == {("m.room.topic", k) for k in KEYS}
    assert matched(parse([("*", "")], BOB)) == {(kind, "") for kind in TYPES}
    assert matched(parse([("m.room.member", "$ME")], BOB)) == {("m.room.member", BOB)}
    lazy = parse([("*", "*"), ("m.room.member", "$LAZY"), ("m.room.member", "$ME")], BOB)
    assert lazy.lazy
    assert not lazy.has_all_members
    assert matched(lazy) == {p for p in every if p[0] != "m.room.member" or p[1] == BOB}


@given(PAIRS, PAIRS)
def test_a_union_asks_for_what_either_asks_for(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    a, b = parse(first, BOB), parse(second, BOB)
    assert matched(union(a, b)) == matched(a) | matched(b)
    if matched(b) - matched(a):
        assert expands(a, b)
    assert not expands(union(a, b), a)
    assert not expands(a, a)


@given(
    st.dictionaries(st.sampled_from([f"!{n}" for n in range(20)]), SENT),
    st.booleans(),
    st.booleans(),
)
def test_a_state_is_read_as_it_was_written(
    rooms: dict[str, Sent], account_data: bool, threads: bool
) -> None:
    state = ConnectionState(rooms, account_data, threads)
    encoded = encode_state(state)
    assert decode_state(encoded, [*rooms, "!other"]) == state
    turned = ConnectionState(dict(reversed(rooms.items())), account_data, threads)
    assert mark_state(encode_state(turned)) == mark_state(encoded)
    if rooms:
        gone = next(iter(rooms))
        read = decode_state(encoded, rooms.keys() - {gone})
        assert read is not None
        assert read.rooms.keys() == rooms.keys() - {gone}


def test_a_state_of_two_thousand_rooms_is_small() -> None:
    sent = Sent(1, parse([("m.room.name", ""), ("m.room.member", "$LAZY")], BOB), 3)
    state = ConnectionState({f"!{n}": sent for n in range(2000)})
    assert len(encode_state(state)) < 17_000
    assert decode_state(b"\x94\x03\xc2\x90\x90", []) is None  # of a later version


@given(st.text())
def test_a_position_is_read_as_it_was_written_and_nothing_else_is_one(text: str) -> None:
    position = Position("bTOKEN", b"12345678", bytes(16))
    assert decode_position(encode_position(position)) == position
    decode_position(text)  # whatever it is, it raises nothing


def test_connections_have_owners_of_their_own() -> None:
    ids = [ConnectionId(BOB, "D", ""), ConnectionId(BOB, "D", "x"), ConnectionId(BOB, "Dx", "")]
    assert len({owner_mark(each) for each in ids}) == len({each.device for each in ids}) == 3
    assert encode_state(EMPTY) == encode_state(ConnectionState({}))


def test_filters_agree_all() -> None:
    rooms = ["!a", "!b", "!c"]
    labels = Labels(frozenset({"!a"}), {"!b": frozenset({"m.favourite"})})
    facts = {"!a": RoomFacts(None, True, "Straße"), "!b": RoomFacts("m.space")}

    def chosen(filters: Filters | None) -> list[str]:
        return list(choose(filters, rooms, {"!c"}, labels, facts, {"!b", "!x"}))

    assert chosen(None) == chosen(Filters()) == rooms
    assert chosen(Filters(is_dm=True)) == ["!a"]
    assert chosen(Filters(is_dm=False, is_invite=False)) == ["!b"]
    assert chosen(Filters(room_types=[None])) == ["!a", "!c"]
    assert chosen(Filters(room_types=["m.space", None], not_room_types=["m.space"])) == ["!a", "!c"]
    assert chosen(Filters(room_name_like="STRASSE")) == ["!a"]
    assert chosen(Filters(tags=["m.favourite", "x"])) == chosen(Filters(spaces=["!s"])) == ["!b"]
    assert chosen(Filters(tags=[])) == []
    assert chosen(Filters(not_tags=["m.favourite"], is_encrypted=False)) == ["!c"]


def test_stripped_state_may_be_anything() -> None:
    state = b'[{"type":"m.room.name","state_key":"","content":{"name":"N"}},{"type":5},{}]'
    assert stripped_facts(state) == RoomFacts(None, False, "N")
    assert stripped_facts(b'[{"type":"m.room.encryption","content":[]}]') == RoomFacts()


def test_first_answers_come_at_a_bounded_rate() -> None:
    now = 100.0
    admission = Admission(per_second=10, burst=2, clock=lambda: now)
    assert [admission.reserve() for _ in range(2)] == [0, 0]
    waits = [admission.reserve() for _ in range(int(WAIT_SECONDS_MAX * 10))]
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(0.1)
    assert waits[-1] == pytest.approx(WAIT_SECONDS_MAX)
    with pytest.raises(LimitExceeded) as caught:
        admission.reserve()
    assert caught.value.extra["retry_after_ms"] >= WAIT_SECONDS_MAX * 1000
    now += 1000
    assert [admission.reserve() for _ in range(2)] == [0, 0]
    assert admission.reserve() > 0
