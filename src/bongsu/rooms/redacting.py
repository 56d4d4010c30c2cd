"""What a redaction does to its target: in the log, in the tables that follow, in memory."""

import msgspec

from bongsu.errors import NotFound
from bongsu.ids import EventId, UserId
from bongsu.log.batch import Batch, Rewrite, Unmention, Unrelate
from bongsu.log.entry import LoggedEvent, encode_facts
from bongsu.rooms.appending import ROOM_MENTION
from bongsu.rooms.auth_rules import authorise_redaction
from bongsu.rooms.event import Event, EventDraft, event_from_json, redact_event
from bongsu.rooms.hot_room import HotRoom


def redaction_target(room: HotRoom, draft: EventDraft, event: Event) -> LoggedEvent | None:
    """The event that this one redacts, None if it redacts nothing; `Forbidden` or `NotFound`."""
    if event.type != "m.room.redaction" or event.redacts is None:
        return None
    target = room.recent.get(event.redacts)
    if target is None:
        raise NotFound("Unknown event to redact")
    authorise_redaction(draft.sender, UserId(target.facts.sender), room.auth)
    return target


def rewrite(room: HotRoom, target: LoggedEvent, redaction: Event, batch: Batch) -> None:
    """Cut `target` down to what survives its redaction, and undo what followed from the rest."""
    before = target.facts
    if before.redacted_by is not None:
        return  # once is enough: the first redaction is the one that is told of
    version = room.auth.version
    event = event_from_json(version, EventId(target.event_id), target.body)
    redacted = redact_event(version, event)
    facts = msgspec.structs.replace(
        before, relation=None, mentions=(), mentions_room=False, redacted_by=redaction.event_id
    )
    batch.add(
        (room.partition, target.position),
        Rewrite(room.partition, target.position, redacted.json, encode_facts(facts)),
    )
    room.remember(LoggedEvent(room.room_id, target.position, target.event_id, redacted.json, facts))
    if before.relation is not None:
        gone = Unrelate(room.room_id, before.relation.event_id, target.position)
        batch.add(gone, gone)
        if before.relation.key is not None:
            key = (before.relation.event_id, before.relation.key, before.sender)
            room.annotations[key] = False
    mentioned = (*before.mentions, ROOM_MENTION) if before.mentions_room else before.mentions
    for user in mentioned:
        unmention = Unmention(user, room.room_id, target.position)
        batch.add(unmention, unmention)
    _redact_state(room, redacted)


def _redact_state(room: HotRoom, redacted: Event) -> None:
    """State in force that is redacted goes on being in force, with what is left of it."""
    if redacted.state_key is None:
        return
    room.cuts += 1  # a member that is being loaded now is read again, as redacted
    key = (redacted.type, redacted.state_key)
    if room.state.get(key) != redacted.event_id:
        return
    last_event_id, depth = room.last_event_id, room.depth
    room.apply(redacted)
    room.last_event_id, room.depth = last_event_id, depth
