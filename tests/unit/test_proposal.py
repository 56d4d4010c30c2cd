"""Request ids: whose repeat is a repeat. And answers as they cross the bus."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import Forbidden, Refused, Unavailable
from bongsu.log.proposal import (
    REQUEST_ID_BYTES,
    Accepted,
    NotOwner,
    Outcome,
    fresh_request_id,
    outcome_of,
    scoped_request_id,
)

BASE = ("@alice:test", "PHONE", "send", "!room:test", "m.room.message", "txn1")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.mark.parametrize("part", range(len(BASE)))
def test_every_part_of_the_scope_tells_requests_apart(part: int) -> None:
    changed = [*BASE[:part], BASE[part] + "x", *BASE[part + 1 :]]
    assert scoped_request_id(*changed) != scoped_request_id(*BASE)


def test_the_same_request_has_the_same_id_everywhere_and_for_ever() -> None:
    assert scoped_request_id(*BASE).hex() == "f51aaad48d60d3cdb59b7a3525931854"


@given(st.lists(texts, min_size=3, max_size=6), st.lists(texts, min_size=3, max_size=6))
def test_parts_never_run_into_one_another(a: list[str], b: list[str]) -> None:
    assert (scoped_request_id(*a) == scoped_request_id(*b)) == (a == b)


def test_one_devices_ids_stand_together() -> None:
    first, second = scoped_request_id(*BASE), scoped_request_id(*BASE[:-1], "txn2")
    assert first[:8] == second[:8]
    assert first != second
    assert len(first) == len(fresh_request_id()) == REQUEST_ID_BYTES


def test_fresh_ids_are_never_repeated() -> None:
    assert len({fresh_request_id() for _ in range(1000)}) == 1000


def over_the_bus(outcome: Outcome) -> Outcome:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(outcome), type=Outcome)


def test_answers_survive_the_bus() -> None:
    accepted = Accepted(3, 7, "!room:test", "$event")
    assert over_the_bus(Outcome(accepted=accepted)).unwrap() == accepted
    with pytest.raises(Refused) as refused:
        over_the_bus(outcome_of(Forbidden("No", extra={"a": 1}))).unwrap()
    assert (refused.value.status, refused.value.code) == (403, "M_FORBIDDEN")
    assert (refused.value.message, refused.value.extra) == ("No", {"a": 1})
    with pytest.raises(Unavailable):
        over_the_bus(Outcome(unavailable="busy")).unwrap()
    with pytest.raises(NotOwner):
        over_the_bus(Outcome()).unwrap()
