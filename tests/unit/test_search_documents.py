"""Which events are documents, and of what text."""

from typing import Any

import msgspec
import pytest

from bongsu.log.entry import EventFacts, LoggedEvent, Relation
from bongsu.log.position import partition_of
from bongsu.search.documents import Kind, Sought, document_of, first_key, kind_of, text_of
from bongsu.search.terms import hash_of, hash_of_sender

ROOM, ALICE = "!r:x", "@alice:x"
MESSAGE = EventFacts("m.room.message", ALICE)
TOPIC = EventFacts("m.room.topic", ALICE, "")


def event(content: Any, facts: EventFacts = MESSAGE, position: int = 1) -> LoggedEvent:
    body = msgspec.json.encode({"content": content, "origin_server_ts": 5})
    return LoggedEvent(ROOM, position, f"${position}", body, facts)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (MESSAGE, Kind.BODY),
        (EventFacts("m.room.message", ALICE, ""), None),
        (EventFacts("m.room.message", ALICE, relation=Relation("m.replace", "$1")), None),
        (EventFacts("m.room.message", ALICE, relation=Relation("m.thread", "$1")), Kind.BODY),
        (EventFacts("m.room.name", ALICE, ""), Kind.NAME),
        (EventFacts("m.room.name", ALICE, "x"), None),
        (TOPIC, Kind.TOPIC),
        (EventFacts("m.room.encrypted", ALICE), None),
        (EventFacts("m.room.member", ALICE, ALICE), None),
    ],
)
def test_kinds(facts: EventFacts, kind: Kind | None) -> None:
    assert kind_of(facts) == kind


@pytest.mark.parametrize(
    ("content", "facts", "text"),
    [
        ({"body": "a"}, MESSAGE, "a"),
        ({"body": 7}, MESSAGE, None),
        ({}, MESSAGE, None),
        ({"topic": "a", "m.topic": {"m.text": [{"body": "a"}]}}, TOPIC, "a"),
        ({"topic": "a", "m.topic": {"m.text": [{"body": "b"}, 7, {"body": []}]}}, TOPIC, "a\nb"),
        ({"m.topic": {"m.text": [{"mimetype": "text/html", "body": "<b>"}]}}, TOPIC, None),
        ({"m.topic": {"m.text": 7}}, TOPIC, None),
        ({"m.topic": []}, TOPIC, None),
    ],
)
def test_texts(content: Any, facts: EventFacts, text: str | None) -> None:
    assert text_of(Sought(event(content, facts), None)) == text


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ({"m.new_content": {"body": "new"}}, "new"),
        ({"m.new_content": {"body": None}}, "old"),
        ({"m.new_content": "new"}, "old"),
        ({}, "old"),  # as a redacted edit is
    ],
)
def test_edits_stand_for_their_originals(edit: Any, text: str) -> None:
    assert text_of(Sought(event({"body": "old"}), event(edit, position=2))) == text


def test_what_is_redacted_has_no_text() -> None:
    redacted = msgspec.structs.replace(MESSAGE, redacted_by="$2")
    assert text_of(Sought(event({"body": "still here"}, redacted), None)) is None


def test_a_document_has_a_key_for_each_term_and_its_sender() -> None:
    document = document_of(Sought(event({"body": "불이"}), event({}, position=9)), 3)
    assert document is not None
    base = first_key(partition_of(ROOM), 3)
    hashes = {hash_of("불"), hash_of("이"), hash_of("불이"), hash_of_sender(ALICE)}
    assert document.keys == sorted(base + each for each in hashes)
    assert document[:6] == (partition_of(ROOM), 1, 3, Kind.BODY, 5, 9)
    assert document_of(Sought(event({"body": "?!"}), None), 3) is None


def test_keys_of_the_last_segment_of_the_last_partition_fit_a_bigint() -> None:
    assert first_key(63, 2**25 - 1) + 2**32 - 1 == 2**63 - 1
