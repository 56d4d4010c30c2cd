"""What the log keeps of the default push rules on each event, so that counts need no fan-out.

The default rules tell people apart only by whether they are mentioned (and by whether they are the
one invited, who is not yet in the room to count). So an event notifies all or none but those it
mentions, and with cumulative counters per room and thread

    notifications = notifying(head) - notifying(receipt) - own + mentions past the receipt that
                    stand on events which notify nobody else
    highlights    = highlighting(head) - highlighting(receipt) - own + mentions past the receipt
                    that stand on events which do not highlight for all

hold for everybody whose rules are the defaults. Matrix spec, client-server API, "Receiving
notifications".
"""

from typing import Any, cast

from msgspec import Struct

from bongsu.ids import EventId, UserId, is_event_id, is_user_id

# More users than this named in one event are not notified of it as mentioned.
MENTIONS_MAX = 256


class NotifyClass(Struct, frozen=True):
    """What an event is to members with unmodified rules.

    `notifies` and `highlights` hold for all but the sender; those in `mentions` (sorted, each
    once) are notified with a highlight in any case. `thread_root` is that of an event sent into
    a thread; `relates_to` is what another relation points to (an edit, a reaction): it is in the
    thread of that event, which the spec suggests to follow for at most three steps.
    """

    notifies: bool = False
    highlights: bool = False
    mentions: tuple[UserId, ...] = ()
    thread_root: EventId | None = None
    relates_to: EventId | None = None


_NOTIFYING_TYPES = frozenset({"m.room.message", "m.room.encrypted", "m.call.invite"})


def notify_class(event: dict[str, Any], *, sender_may_notify_room: bool = False) -> NotifyClass:
    """The class of an event (`type`, `sender`, `content`, `state_key`), whatever its content holds.

    Who mentions themselves is not among its mentions, if the sender is given.
    `sender_may_notify_room`: power of the sender >= notifications.room of the room (default 50);
    without it a mention of the room counts for nothing.
    """
    content = _object(event.get("content"))
    thread_root, relates_to = _relation(content)
    kind = _lowered(event.get("type"))
    # These come before the rules for mentions, so that not even those notify.
    if _lowered(content.get("msgtype")) == "m.notice" or kind == "m.room.member":
        return NotifyClass(thread_root=thread_root, relates_to=relates_to)
    mentions = _object(content.get("m.mentions"))
    highlights = (mentions.get("room") is True and sender_may_notify_room) or (
        kind == "m.room.tombstone" and event.get("state_key") == ""
    )
    is_edit = _object(content.get("m.relates_to")).get("rel_type") == "m.replace"
    return NotifyClass(
        notifies=highlights or (kind in _NOTIFYING_TYPES and not is_edit),
        highlights=highlights,
        mentions=_mentioned_users(mentions, event.get("sender")),
        thread_root=thread_root,
        relates_to=relates_to,
    )


def _mentioned_users(mentions: dict[str, Any], sender: Any) -> tuple[UserId, ...]:
    users = mentions.get("user_ids")
    if not isinstance(users, list):
        return ()
    texts = (user for user in cast(list[Any], users) if isinstance(user, str))
    valid = dict.fromkeys(UserId(user) for user in texts if user != sender and is_user_id(user))
    return tuple(sorted(list(valid)[:MENTIONS_MAX]))


def _relation(content: dict[str, Any]) -> tuple[EventId | None, EventId | None]:
    relation = _object(content.get("m.relates_to"))
    target = relation.get("event_id")
    if not isinstance(target, str) or not is_event_id(target):
        return None, None
    if relation.get("rel_type") == "m.thread":
        return EventId(target), None
    return None, EventId(target)


def _object(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _lowered(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) else None
