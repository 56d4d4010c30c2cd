"""Giving an event its place: its facts, and the rows that follow from it."""

from typing import cast

import msgspec

from bongsu.ids import EventId, UserId
from bongsu.log.batch import Batch, MembershipRow, MentionRow, RelationRow, RoomRow, StateRow
from bongsu.log.entry import EventFacts, Kind, LoggedEvent, Relation, encode_facts
from bongsu.push.notify_class import NotifyClass, notify_class
from bongsu.rooms.auth_rules import auth_event_keys
from bongsu.rooms.event import Event, EventDraft, build_event
from bongsu.rooms.hot_room import KEPT_TYPES, HotRoom
from bongsu.rooms.relations import relation_of, thread_of
from bongsu.rooms.visibility import history_visibility_of

ROOM_MENTION = "@room"


def unchanged_state(room: HotRoom, draft: EventDraft) -> EventId | None:
    """The event already in force if `draft` would set the same state again."""
    if draft.state_key is None or draft.type not in KEPT_TYPES:
        return None
    current = room.kept.get((draft.type, draft.state_key))
    if current is None or current.sender != draft.sender or current.content != draft.content:
        return None
    return current.event_id


def build(room: HotRoom, draft: EventDraft, now_ms: int) -> Event:
    """`draft` as the next event of the room."""
    keys = auth_event_keys(draft, room.auth.version)
    return build_event(
        room.auth.version,
        draft,
        room_id=room.auth.room_id,
        origin_server_ts=now_ms,
        depth=room.depth + 1,
        prev_events=(room.last_event_id,) if room.last_event_id else (),
        auth_events=room.auth.auth_events(keys),
    )


def append(
    room: HotRoom,
    event: Event,
    batch: Batch,
    request_id: bytes | None,
    device_id: str | None = None,
    txn_id: str | None = None,
    after: tuple[tuple[int, int], ...] = (),
) -> LoggedEvent:
    """Give `event` its position, with all rows that follow, and take it into the room."""
    position = batch.next_position(room.partition)
    facts = _facts(room, event, device_id, txn_id, after)
    entry = batch.append(
        Kind.EVENT,
        room.room_id,
        event.json,
        facts=encode_facts(facts),
        event_id=event.event_id,
        request_id=request_id,
        partition=room.partition,
    )
    logged = LoggedEvent(room.room_id, position, event.event_id, event.json, facts)
    room.apply(event)
    room.remember(logged)
    if event.state_key is not None:
        _add_state_rows(room, event, facts, position, batch)
    if facts.relation is not None:
        _add_relation_row(room, event, facts.relation, position, batch)
    silent = not facts.notifies
    for user in facts.mentions:
        row = MentionRow(user, room.room_id, position, facts.thread, silent)
        batch.add(row[:3], row)
    if facts.mentions_room:
        row = MentionRow(ROOM_MENTION, room.room_id, position, facts.thread, silent)
        batch.add(row[:3], row)
    assert entry.position == position
    return logged


def _facts(
    room: HotRoom,
    event: Event,
    device_id: str | None,
    txn_id: str | None,
    after: tuple[tuple[int, int], ...],
) -> EventFacts:
    relation = relation_of(event.content)
    thread = thread_of(room, relation)
    notice = _notice(room, event)
    if notice.notifies:
        room.count_notifying(thread)
    membership = membership_before = replaces = visibility_before = None
    visibility = room.visibility
    if event.state_key is not None:
        replaces = room.state.get((event.type, event.state_key))
        if event.type == "m.room.member":
            membership = event.content["membership"]
            membership_before = room.auth.membership(UserId(event.state_key))
        elif event.type == "m.room.history_visibility" and event.state_key == "":
            visibility_before, visibility = (
                visibility,
                history_visibility_of(event.content.get("history_visibility")),
            )
    return EventFacts(
        type=event.type,
        sender=event.sender,
        state_key=event.state_key,
        visibility=visibility,
        visibility_before=visibility_before,
        membership=membership,
        membership_before=membership_before,
        replaces_state=replaces,
        relation=relation,
        thread=thread,
        redacts=event.redacts,
        device_id=device_id,
        txn_id=txn_id,
        notifies=notice.notifies,
        mentions=tuple(notice.mentions),
        mentions_room=notice.highlights,
        notify_total=room.notify_total,
        main_total=room.main_total,
        after=after,
    )


def _notice(room: HotRoom, event: Event) -> NotifyClass:
    levels = room.auth.power_levels
    may_notify = levels.level_of(event.sender) >= levels.required_for_notification("room")
    shape = {
        "type": event.type,
        "sender": event.sender,
        "content": event.content,
        "state_key": event.state_key,
    }
    return notify_class(shape, sender_may_notify_room=may_notify)


def _add_state_rows(
    room: HotRoom, event: Event, facts: EventFacts, position: int, batch: Batch
) -> None:
    state_key = cast(str, event.state_key)
    row = StateRow(room.room_id, event.type, state_key, position, event.event_id)
    batch.add(row[:4], row)
    if facts.membership is None:
        return
    stripped = None
    if facts.membership in ("invite", "knock"):
        stripped = msgspec.json.encode(room.stripped_state(event))
    member = MembershipRow(
        state_key,
        room.room_id,
        position,
        facts.membership,
        event.event_id,
        event.sender,
        stripped,
        facts.notify_total,
        facts.main_total,
    )
    batch.add(member[:3], member)
    room.count(facts.membership_before, facts.membership)
    count_room(room, batch, position)


def count_room(room: HotRoom, batch: Batch, position: int) -> None:
    """Write the room's row with its numbers of members."""
    row = RoomRow(
        room.room_id,
        room.auth.version.identifier,
        room.auth.create_sender,
        room.created_position,
        room.joined_count,
        room.invited_count,
        position,
    )
    batch.add(room.room_id, row)


def _add_relation_row(
    room: HotRoom, event: Event, relation: Relation, position: int, batch: Batch
) -> None:
    row = RelationRow(
        room.room_id,
        relation.event_id,
        position,
        event.event_id,
        relation.rel_type,
        event.type,
        event.sender,
        relation.key,
    )
    batch.add(row[:3], row)
    if relation.rel_type == "m.annotation" and relation.key is not None:
        room.annotations[relation.event_id, relation.key, event.sender] = True
