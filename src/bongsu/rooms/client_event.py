"""Events in the form that clients see: the client format, and what stands in `unsigned`.

Nearly all of an event's client JSON is the same for every reader. That part is built once from the
stored bytes, without decoding the content, and kept on the event; what differs (`unsigned`) is
appended. Spec: client-server API, "Room event format"; `ClientEvent`, `UnsignedData`.
"""

from typing import Any, NamedTuple, cast

import msgspec

from bongsu.log.entry import LoggedEvent

REDACTION = "m.room.redaction"


class Device(NamedTuple):
    """Whose answer it is: only the device that sent an event sees its transaction id."""

    user_id: str
    device_id: str


class Extras(msgspec.Struct, frozen=True):
    """Parts of `unsigned` that come from other events, each as JSON bytes."""

    prev_content: bytes | None = None
    redacted_because: bytes | None = None
    relations: bytes | None = None


NO_EXTRAS = Extras()


class _Stored(msgspec.Struct):
    content: msgspec.Raw
    origin_server_ts: int
    redacts: str | None = None


_STORED = msgspec.json.Decoder(_Stored)
_encode = msgspec.json.encode


def render(
    event: LoggedEvent,
    *,
    membership: str | None = None,
    device: Device | None = None,
    extras: Extras = NO_EXTRAS,
    room_id: bool = False,
    federation: bool = False,
) -> bytes:
    """The JSON of `event` for one reader.

    `membership` is the reader's own at the event, `device` the reader's, `room_id` whether to
    show the room id (endpoints where the room is implied leave it out). `federation` gives the
    stored form instead (filter `event_format`), with its id and the same `unsigned`.
    """
    if federation:
        start = b'{"event_id":' + _encode(event.event_id) + b"," + event.body[1:-1]
        room_id = False  # it is in there
    else:
        start = event.client_json or _beginning(event)
    unsigned = _unsigned(event, membership, device, extras)
    room = b',"room_id":' + _encode(event.room_id) if room_id else b""
    return b"".join(
        (start, room, b',"unsigned":{', unsigned, b"}}") if unsigned else (start, room, b"}")
    )


def content_of(event: LoggedEvent) -> bytes:
    """The content as JSON bytes, not decoded."""
    return bytes(_STORED.decode(event.body).content)


def project(event: bytes, fields: list[list[str]]) -> bytes:
    """Only these properties of a rendered event, each a path (filter `event_fields`)."""
    whole: dict[str, Any] = msgspec.json.decode(event)
    shown: dict[str, Any] = {}
    for path in fields:
        _copy(whole, shown, path)
    return _encode(shown)


def _beginning(event: LoggedEvent) -> bytes:
    """All but `unsigned`, `room_id` and the closing brace; kept on the event."""
    facts = event.facts
    stored = _STORED.decode(event.body)
    content = bytes(stored.content)
    state_key = b"" if facts.state_key is None else b',"state_key":' + _encode(facts.state_key)
    redacts = b""
    if facts.type == REDACTION:
        content, redacts = _redaction(event, stored, content)
    event.client_json = b"".join(
        (
            b'{"type":', _encode(facts.type),
            b',"sender":', _encode(facts.sender),
            b',"content":', content,
            state_key,
            b',"origin_server_ts":', b"%d" % stored.origin_server_ts,
            redacts,
            b',"event_id":', _encode(event.event_id),
        )
    )  # fmt: skip
    return event.client_json


def _redaction(event: LoggedEvent, stored: _Stored, content: bytes) -> tuple[bytes, bytes]:
    """Content and `redacts` of a redaction, with the target in both places.

    Room versions keep it in one or the other, and clients look in one or the other (room
    version 11, "Moving the redacts property").
    """
    target = stored.redacts or event.facts.redacts or event.content.get("redacts")
    if not isinstance(target, str):
        return content, b""
    encoded = b'"redacts":' + _encode(target)
    if "redacts" not in event.content:
        content = b"{" + encoded + (b"}" if not event.content else b"," + content[1:])
    return content, b"," + encoded


def _unsigned(
    event: LoggedEvent, membership: str | None, device: Device | None, extras: Extras
) -> bytes:
    facts = event.facts
    parts: list[bytes] = []
    if membership is not None:
        parts.append(b'"membership":' + _encode(membership))
    if (
        facts.txn_id is not None
        and device is not None
        and device == (facts.sender, facts.device_id)
    ):
        parts.append(b'"transaction_id":' + _encode(facts.txn_id))
    if facts.replaces_state is not None:
        parts.append(b'"replaces_state":' + _encode(facts.replaces_state))
    if extras is not NO_EXTRAS:
        if extras.prev_content is not None:
            parts.append(b'"prev_content":' + extras.prev_content)
        if extras.redacted_because is not None:
            parts.append(b'"redacted_because":' + extras.redacted_because)
        if extras.relations is not None:
            parts.append(b'"m.relations":' + extras.relations)
    return b",".join(parts)


def _copy(source: dict[str, Any], target: dict[str, Any], path: list[str]) -> None:
    for name in path[:-1]:
        inner = source.get(name)
        if not isinstance(inner, dict):
            return
        source = cast(dict[str, Any], inner)
        target = target.setdefault(name, {})
    if path[-1] in source:
        target[path[-1]] = source[path[-1]]
