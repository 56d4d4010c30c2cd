"""The event: what is sent (`EventDraft`), and what it becomes in a room (`Event`).

An event's id is a hash of itself, so building it is all that makes it; nothing is drawn at random.
It is not signed here: no id depends on a signature, which can be added whenever an event leaves
for another server. Spec: "Calculating the reference hash" and "... the content hash for an event".
"""

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

import msgspec
import orjson

from bongsu.errors import BadJson, TooLarge
from bongsu.ids import EventId, RoomId, UserId, is_event_id
from bongsu.rooms.canonical_json import check_canonical, encode
from bongsu.rooms.redaction import redact
from bongsu.rooms.room_version import RoomVersion

EVENT_BYTES_MAX = 65_536
SIGNATURES_BYTES_RESERVED = 512
"""Room left for this server's signature, which counts towards an event's size once exported."""
FIELD_BYTES_MAX = 255

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class EventDraft(msgspec.Struct, frozen=True, gc=False):
    """What somebody wants to send, before the room has given it a place."""

    type: str
    sender: UserId
    content: dict[str, Any]
    state_key: str | None = None
    redacts: EventId | None = None


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An event at its place in a room. `json` is the canonical PDU without signatures.

    `redacts` is the target of a redaction, wherever the room version keeps it.
    `content` is shared, never to be changed.
    """

    event_id: EventId
    room_id: RoomId
    type: str
    sender: UserId
    content: dict[str, Any]
    state_key: str | None = None
    origin_server_ts: int
    depth: int
    auth_events: tuple[EventId, ...]
    prev_events: tuple[EventId, ...]
    redacts: EventId | None = None
    hashes: dict[str, str]
    json: bytes


def build_event(
    version: RoomVersion,
    draft: EventDraft,
    *,
    room_id: RoomId | None,
    origin_server_ts: int,
    depth: int,
    prev_events: Sequence[EventId],
    auth_events: Sequence[EventId],
) -> Event:
    """`draft` as an event with its hashes and ids. `origin_server_ts` is in milliseconds.

    `room_id` is None for the create event of a v12 room, which gives the room its id.
    Raises `BadJson` if the content has no canonical JSON, `TooLarge` past the spec's size limits.
    """
    check_fields(draft)
    check_canonical(draft.content.values())
    content, redacts = _place_redacts(version, draft)
    pdu: dict[str, Any] = {
        "auth_events": auth_events,
        "content": content,
        "depth": depth,
        "origin_server_ts": origin_server_ts,
        "prev_events": prev_events,
        "sender": draft.sender,
        "type": draft.type,
    }
    if room_id is not None:
        pdu["room_id"] = room_id
    if draft.state_key is not None:
        pdu["state_key"] = draft.state_key
    if redacts is not None and not version.redacts_in_content:
        pdu["redacts"] = redacts

    hashes = {"sha256": content_hash(pdu)}
    pdu["hashes"] = hashes
    event_id = reference_event_id(version, pdu)
    json = encode(pdu)
    if len(json) > EVENT_BYTES_MAX - SIGNATURES_BYTES_RESERVED:
        raise TooLarge(f"Event of {len(json)} bytes is larger than the limit")
    return Event(
        event_id=event_id,
        room_id=room_id or room_id_of_create(event_id),
        type=draft.type,
        sender=draft.sender,
        content=content,
        state_key=draft.state_key,
        origin_server_ts=origin_server_ts,
        depth=depth,
        auth_events=tuple(auth_events),
        prev_events=tuple(prev_events),
        redacts=redacts,
        hashes=hashes,
        json=json,
    )


def check_fields(draft: EventDraft) -> None:
    """Raise `TooLarge` or `BadJson` unless type, sender and state key can be stored and indexed.

    `build_event` does so too; a caller that looks something up by them must do it before.
    """
    _check_field("type", draft.type)
    _check_field("sender", draft.sender)
    if draft.state_key:
        _check_field("state_key", draft.state_key)


def event_from_json(version: RoomVersion, event_id: EventId, json: bytes) -> Event:
    """The event that `build_event` or `redact_event` wrote as `json`."""
    pdu = _decode(json)
    redacts = pdu.redacts
    if version.redacts_in_content:
        redacts = _redacts_in(pdu.type, pdu.content)
    return Event(
        event_id=event_id,
        room_id=pdu.room_id or room_id_of_create(event_id),
        type=pdu.type,
        sender=pdu.sender,
        content=pdu.content,
        state_key=pdu.state_key,
        origin_server_ts=pdu.origin_server_ts,
        depth=pdu.depth,
        auth_events=pdu.auth_events,
        prev_events=pdu.prev_events,
        redacts=redacts,
        hashes=pdu.hashes,
        json=json,
    )


def redact_event(version: RoomVersion, event: Event) -> Event:
    """`event` once redacted: the same id, and only what the redaction algorithm keeps."""
    kept = redact(orjson.loads(event.json), version)
    return event_from_json(version, event.event_id, encode(kept))


def content_hash(pdu: Mapping[str, Any]) -> str:
    """SHA-256 of the whole event without `unsigned`, `signatures`, `hashes`, in unpadded base64."""
    covered = {key: value for key, value in pdu.items() if key not in _NOT_HASHED}
    return _unpadded(sha256(encode(covered)).digest()).decode()


def reference_event_id(version: RoomVersion, pdu: Mapping[str, Any]) -> EventId:
    """The id of an event with its content hash: `$` and the hash of its redacted form."""
    kept = redact(pdu, version)
    kept.pop("signatures", None)
    digest = sha256(encode(kept)).digest()
    return EventId("$" + _unpadded(digest).translate(_URL_SAFE).decode())


def room_id_of_create(event_id: EventId) -> RoomId:
    """The id of the v12 room that the create event `event_id` makes."""
    return RoomId("!" + event_id[1:])


class _Pdu(msgspec.Struct, gc=False):
    type: str
    sender: UserId
    content: dict[str, Any]
    origin_server_ts: int
    depth: int
    auth_events: tuple[EventId, ...]
    prev_events: tuple[EventId, ...]
    hashes: dict[str, str]
    room_id: RoomId | None = None
    state_key: str | None = None
    redacts: EventId | None = None


_decode = msgspec.json.Decoder(_Pdu).decode
_NOT_HASHED = frozenset({"unsigned", "signatures", "hashes"})


def _unpadded(digest: bytes) -> bytes:
    return b2a_base64(digest, newline=False).rstrip(b"=")


def _place_redacts(
    version: RoomVersion, draft: EventDraft
) -> tuple[dict[str, Any], EventId | None]:
    """The content to send and the redaction's target, which clients name in either place."""
    if draft.type != "m.room.redaction":
        return draft.content, None
    redacts = draft.redacts or _redacts_in(draft.type, draft.content)
    if redacts is None or not version.redacts_in_content:
        return draft.content, redacts
    return {**draft.content, "redacts": redacts}, redacts


def _redacts_in(type: str, content: Mapping[str, Any]) -> EventId | None:
    redacts = content.get("redacts")
    is_target = type == "m.room.redaction" and isinstance(redacts, str) and is_event_id(redacts)
    return cast("EventId", redacts) if is_target else None


def _check_field(name: str, text: str) -> None:
    if len(text) > FIELD_BYTES_MAX:
        raise TooLarge(f"{name} is longer than {FIELD_BYTES_MAX} bytes")
    if not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise BadJson(f"{name} holds a lone surrogate") from None
        if size > FIELD_BYTES_MAX:
            raise TooLarge(f"{name} is longer than {FIELD_BYTES_MAX} bytes")
    if "\x00" in text:
        raise BadJson(f"{name} holds a NUL")
