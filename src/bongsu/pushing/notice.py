"""What is due to a pusher, and the words for it in the push gateway API. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from bongsu.errors import BongsuError
from bongsu.log.entry import LoggedEvent
from bongsu.push.rules import Action

EVENT_ID_ONLY = "event_id_only"


class PusherName(NamedTuple):
    """What names one pusher."""

    user_id: str
    app_id: str
    pushkey: str


class Target(Struct, frozen=True):
    """A pusher as delivery needs it. `updated_ts` in ms."""

    name: PusherName
    kind: str
    lang: str
    data: dict[str, Any]
    updated_ts: int


class Due(Struct, frozen=True):
    """One event that a pusher is to be told of. `actions` are those of the rule that matched."""

    name: PusherName
    partition: int
    position: int
    ts: int  # of the event, ms
    actions: Sequence[Action]


class Names(Struct, frozen=True):
    """What people call the sender and the room, as of the event."""

    sender_display_name: str | None = None
    room_name: str | None = None
    room_alias: str | None = None


class Undelivered(BongsuError):
    """Not taken: to be tried again. One line for the log."""


def event_notification(
    target: Target, event: LoggedEvent, actions: Sequence[Action], names: Names, unread: int
) -> dict[str, Any]:
    """Body of POST /notify about an event. Spec: push gateway API, `event_id_only` included."""
    tweaks = tweaks_of(actions)
    brief: dict[str, Any] = {
        "event_id": event.event_id,
        "room_id": event.room_id,
        "prio": priority(event, tweaks),
        "counts": {"unread": unread} if unread else {},
        "devices": [_device(target) | {"tweaks": tweaks}],
    }
    if target.data.get("format") == EVENT_ID_ONLY:
        return {"notification": brief}
    facts = event.facts
    told = {name: value for name, value in msgspec.structs.asdict(names).items() if value}
    about = {"type": facts.type, "sender": facts.sender, "content": event.content, **told}
    if facts.membership is not None:
        about["user_is_target"] = facts.state_key == target.name.user_id
    return {"notification": brief | about}


def badge_notification(target: Target, unread: int) -> dict[str, Any]:
    """The counts alone: somebody has read elsewhere. A zero is said here, for it is the news."""
    return {
        "notification": {
            "prio": "low",
            "counts": {"unread": unread},
            "devices": [_device(target)],
        }
    }


def tweaks_of(actions: Sequence[Action]) -> dict[str, Any]:
    """`{"sound": "default", "highlight": true}`; a highlight without a value is one."""
    tweaks: dict[str, Any] = {}
    for action in actions:
        if isinstance(action, dict) and isinstance(name := action.get("set_tweak"), str):
            tweaks[name] = action.get("value", name == "highlight" or None)
    return {name: value for name, value in tweaks.items() if value is not None}


def priority(event: LoggedEvent, tweaks: dict[str, Any]) -> str:
    """High for what may make a noise: encrypted events too, for only the device can tell."""
    is_loud = bool(tweaks.get("sound") or tweaks.get("highlight"))
    return "high" if is_loud or event.facts.type == "m.room.encrypted" else "low"


def parse_rejected(body: bytes) -> list[str]:
    """The pushkeys that a gateway wants no more of; `Undelivered` if it is no gateway's answer."""
    try:
        return _decode_answer(body).rejected
    except msgspec.MsgspecError:
        raise Undelivered("the gateway's answer is not one of the push gateway API") from None


class _Answer(Struct):
    rejected: list[str]


_decode_answer = msgspec.json.Decoder(_Answer).decode


def _device(target: Target) -> dict[str, Any]:
    return {
        "app_id": target.name.app_id,
        "pushkey": target.name.pushkey,
        "pushkey_ts": target.updated_ts // 1000,
        "data": {name: value for name, value in target.data.items() if name != "url"},
    }
