"""Events: ids, hashes and limits, against the spec's vectors and an event of the public network."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest
from fixtures.room_builder import ALICE, Room
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import BadJson, TooLarge
from bongsu.ids import EventId, RoomId
from bongsu.rooms.event import (
    EVENT_BYTES_MAX,
    SIGNATURES_BYTES_RESERVED,
    Event,
    EventDraft,
    build_event,
    content_hash,
    event_from_json,
    redact_event,
    reference_event_id,
)
from bongsu.rooms.redaction import redact
from bongsu.rooms.room_version import ROOM_VERSIONS

VERSIONS = ["10", "11", "12"]
TARGET = EventId("$target")


def build(draft: EventDraft, version: str = "11", room_id: str | None = "!r:example.org") -> Event:
    return build_event(
        ROOM_VERSIONS[version],
        draft,
        room_id=RoomId(room_id) if room_id else None,
        origin_server_ts=1_700_000_000_000,
        depth=7,
        prev_events=[EventId("$prev")],
        auth_events=[EventId("$auth")],
    )


def message(content: dict[str, Any]) -> EventDraft:
    return EventDraft("m.room.message", ALICE, content)


def test_content_hashes_of_the_spec_vectors() -> None:
    minimal = {
        "room_id": "!x:domain", "sender": "@a:domain", "origin": "domain",
        "origin_server_ts": 1000000, "signatures": {}, "hashes": {}, "type": "X", "content": {},
        "prev_events": [], "auth_events": [], "depth": 3, "unsigned": {"age_ts": 1000000},
    }  # fmt: skip
    redactable = {
        "content": {"body": "Here is the message content"}, "event_id": "$0:domain",
        "origin": "domain", "origin_server_ts": 1000000, "type": "m.room.message",
        "room_id": "!r:domain", "sender": "@u:domain", "signatures": {},
        "unsigned": {"age_ts": 1000000},
    }  # fmt: skip
    assert content_hash(minimal) == "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos"
    assert content_hash(redactable) == "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g"


def test_event_id_of_an_event_of_the_public_network() -> None:
    # Made by another server in a room of version 5, which hashes and redacts it as 10 does.
    event = {
        "auth_events": [], "prev_events": [], "type": "m.room.create",
        "room_id": "!uXDCzlYgCTHtiWCkEx:jki.re", "sender": "@erikj:jki.re",
        "content": {
            "room_version": "5",
            "predecessor": {
                "room_id": "!gdRMqOrTFdOCYHNwOo:half-shot.uk",
                "event_id": "$LP7ROBc4b+cMc1UE9haIz8q5AK2AIW4eJ90FfKLvyZI",
            },
            "creator": "@erikj:jki.re",
        },
        "depth": 1, "prev_state": [], "state_key": "", "origin": "jki.re",
        "origin_server_ts": 1560284621137,
        "hashes": {"sha256": "IX6zuNiJpJPNf70BLleL3HSCpjKeq9Uhu7uUpyDjBmc"},
        "signatures": {"jki.re": {"ed25519:auto": "not covered"}}, "unsigned": {"age": 1321650},
    }  # fmt: skip
    assert content_hash(event) == event["hashes"]["sha256"]  # type: ignore[index]
    expected = "$RrGxF28UrHLmoASHndYb9Jb_1SFww2ptmtur9INS438"
    assert reference_event_id(ROOM_VERSIONS["10"], event) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_the_id_is_the_hash_of_the_redacted_event(version: str) -> None:
    event = build(message({"body": "hello"}), version)
    redacted = redact(json.loads(event.json), ROOM_VERSIONS[version])
    assert redacted["content"] == {}
    canonical = json.dumps(redacted, sort_keys=True, separators=(",", ":")).encode()
    digest = urlsafe_b64encode(sha256(canonical).digest()).decode().rstrip("=")
    assert event.event_id == "$" + digest
    assert content_hash(json.loads(event.json)) == event.hashes["sha256"]


@pytest.mark.parametrize("version", VERSIONS)
@given(
    content=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9)),
    state_key=st.none() | st.sampled_from(["", "@alice:example.org", "한글"]),
)
def test_an_event_survives_its_json(
    version: str, content: dict[str, Any], state_key: str | None
) -> None:
    event = build(EventDraft("org.example", ALICE, content, state_key), version)
    assert event_from_json(ROOM_VERSIONS[version], event.event_id, event.json) == event


def test_v12_room_id_is_the_create_event() -> None:
    room = Room("12")
    create, join = room.events
    assert create.room_id == "!" + create.event_id[1:] == join.room_id
    assert "room_id" not in json.loads(create.json)
    assert json.loads(join.json)["room_id"] == create.room_id
    assert create.event_id not in join.auth_events
    assert event_from_json(room.version, create.event_id, create.json) == create


@pytest.mark.parametrize("version", ["10", "11"])
def test_older_rooms_name_their_create_event(version: str) -> None:
    room = Room(version)
    create, join = room.events
    assert create.room_id == "!room:example.org" == json.loads(create.json)["room_id"]
    assert create.event_id in join.auth_events


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("in_content", [True, False])
def test_redacts_stands_where_the_version_has_it(version: str, in_content: bool) -> None:
    content = {"redacts": TARGET} if in_content else {"reason": "spam"}
    draft = EventDraft("m.room.redaction", ALICE, content, None, None if in_content else TARGET)
    event = build(draft, version)
    pdu = json.loads(event.json)
    assert event.redacts == TARGET
    if version == "10":
        assert pdu["redacts"] == TARGET
    else:
        assert "redacts" not in pdu
        assert pdu["content"]["redacts"] == TARGET
    assert event_from_json(ROOM_VERSIONS[version], event.event_id, event.json) == event


@pytest.mark.parametrize("redacts", [5, None, ["$a"], {}, "a", "$a\x00", "$" + "x" * 300])
def test_a_redacts_that_is_no_event_id_is_no_target(redacts: Any) -> None:
    assert build(EventDraft("m.room.redaction", ALICE, {"redacts": redacts})).redacts is None


def test_redacts_of_other_events_means_nothing() -> None:
    assert build(message({"redacts": TARGET})).redacts is None


def test_size_limit_leaves_room_for_the_signature() -> None:
    empty = len(build(message({"body": ""})).json)
    limit = EVENT_BYTES_MAX - SIGNATURES_BYTES_RESERVED
    assert len(build(message({"body": "x" * (limit - empty)})).json) == limit
    with pytest.raises(TooLarge):
        build(message({"body": "x" * (limit - empty + 1)}))


@pytest.mark.parametrize("field", ["type", "state_key", "sender"])
def test_fields_are_bounded_in_bytes(field: str) -> None:
    def draft(value: str) -> EventDraft:
        fields: dict[str, Any] = {"type": "t", "sender": ALICE, "content": {}, "state_key": ""}
        return EventDraft(**{**fields, field: value})

    for fits in ("x" * 255, "é" * 127):
        build(draft(fits))
    for too_long in ("x" * 256, "é" * 128, "x" * 10_000_000):
        with pytest.raises(TooLarge):
            build(draft(too_long))
    for bad in ("a\x00b", "\ud800"):
        with pytest.raises(BadJson):
            build(draft(bad))


@pytest.mark.parametrize("content", [{"a": 1.5}, {"a": 2**53}, {"a": {"b": [1e400]}}])
def test_content_without_canonical_json_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(BadJson):
        build(message(content))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_redacted_event_keeps_its_id(version: str) -> None:
    room = Room(version)
    for event in room.events:
        redacted = redact_event(room.version, event)
        assert redacted.event_id == event.event_id
        assert reference_event_id(room.version, json.loads(redacted.json)) == event.event_id
    sent = room.send(ALICE, "m.room.message", {"body": "secret"})
    assert b"secret" not in redact_event(room.version, sent).json
