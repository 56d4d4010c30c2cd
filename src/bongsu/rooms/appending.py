"""Giving an event its place: what must be in memory first, its facts, and the rows that follow."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from bongsu.errors import NotFound, Refused
from bongsu.ids import EventId, UserId
from bongsu.log.batch import (
    Batch,
    MembershipRow,
    MentionRow,
    RelationRow,
    Rewrite,
    RoomRow,
    StateRow,
    Unmention,
    Unrelate,
)
from bongsu.log.entry import EventFacts, Kind, LoggedEvent, Relation, encode_facts
from bongsu.push.notify_class import NotifyClass, notify_class
from bongsu.rooms.auth_rules import auth_event_keys, authorise_redaction
from bongsu.rooms.event import Event, EventDraft, build_event, event_from_json, redact_event
from bongsu.rooms.hot_room import KEPT_TYPES, HotRoom, visibility_of
from bongsu.rooms.proposals import MarkRead, SendEvent

if TYPE_CHECKING:
    from bongsu.rooms.planner import RoomLoader

ROOM_MENTION = "@room"
RELATION_KEY_BYTES_MAX = 255
RELATION_TYPE_BYTES_MAX = 255


# -- what a proposal needs in memory ---------------------------------------------------------


def is_ready(room: HotRoom, proposal: SendEvent | MarkRead) -> bool:
    """Whether `plan` will find everything it asks for."""
    if isinstance(proposal, MarkRead):
        key = (proposal.user_id, proposal.receipt_type, proposal.thread_id)
        return (
            proposal.user_id in room.loaded_members
            and proposal.event_id in room.recent
            and key in room.receipts
        )
    if proposal.sender not in room.loaded_members:
        return False
    if proposal.state_key is None and "m.relates_to" not in proposal.content:
        return proposal.type != "m.room.redaction" or _target_of(proposal) in room.recent
    return (
        room.loaded_members.issuperset(_members_of(proposal))
        and all(event_id in room.recent for event_id in _events_of(proposal))
        and all(root in room.thread_totals for root in _threads_of(room, proposal))
        and all(key in room.annotations for key in _annotation_of(proposal))
    )


async def load(room: HotRoom, proposal: SendEvent | MarkRead, loader: "RoomLoader") -> None:
    """Load what `is_ready` missed. What a batch changed meanwhile is newer, and stays."""
    if isinstance(proposal, MarkRead):
        await _load_members(room, [proposal.user_id], loader)
        await _load_event(room, proposal.event_id, loader)
        key = (proposal.user_id, proposal.receipt_type, proposal.thread_id)
        if key not in room.receipts:
            receipt = await loader.receipt(room.room_id, key)
            room.receipts.setdefault(key, receipt)
        return
    await _load_members(room, _members_of(proposal), loader)
    await asyncio.gather(*(_load_event(room, e, loader) for e in _events_of(proposal)))
    for root in _threads_of(room, proposal):
        if root not in room.thread_totals:
            total = await loader.thread_total(room.room_id, root)
            room.thread_totals.setdefault(root, total)
    for parent, key, sender in _annotation_of(proposal):
        exists = await loader.has_annotation(room.room_id, parent, key, sender)
        room.annotations.setdefault((parent, key, sender), exists)


async def _load_members(room: HotRoom, users: list[str], loader: "RoomLoader") -> None:
    missing = [user for user in users if user not in room.loaded_members]
    if not missing:
        return
    members = await loader.members(room.auth.version, room.room_id, missing)
    for event in members:
        user = cast(str, event.state_key)
        if user not in room.loaded_members:
            room.state["m.room.member", user] = event.event_id
            room.kept["m.room.member", user] = event
            room.auth.members[UserId(user)] = event.content["membership"]
            room.auth.event_ids["m.room.member", user] = event.event_id
    room.loaded_members.update(missing)


async def _load_event(room: HotRoom, event_id: str, loader: "RoomLoader") -> None:
    if event_id not in room.recent:
        event = await loader.event(room.room_id, event_id)
        room.recent.setdefault(event_id, event)


def _members_of(proposal: SendEvent) -> list[str]:
    users = [proposal.sender]
    if proposal.type == "m.room.member" and proposal.state_key is not None:
        users.append(proposal.state_key)
        authoriser = proposal.content.get("join_authorised_via_users_server")
        if isinstance(authoriser, str):
            users.append(authoriser)
    return users


def _target_of(proposal: SendEvent) -> str | None:
    target = proposal.redacts or proposal.content.get("redacts")
    return target if isinstance(target, str) else None


def _events_of(proposal: SendEvent) -> list[str]:
    """Events named by this one: the parent of its relation, the target of its redaction."""
    relation = relation_of(proposal.content)
    events = [relation.event_id] if relation else []
    if proposal.type == "m.room.redaction" and (target := _target_of(proposal)):
        events.append(target)
    return events


def _threads_of(room: HotRoom, proposal: SendEvent) -> list[str]:
    root = thread_of(room, relation_of(proposal.content))
    return [root] if root else []


def _annotation_of(proposal: SendEvent) -> list[tuple[str, str, str]]:
    relation = relation_of(proposal.content)
    if relation is None or relation.rel_type != "m.annotation" or relation.key is None:
        return []
    return [(relation.event_id, relation.key, proposal.sender)]


# -- relations -------------------------------------------------------------------------------


def relation_of(content: Mapping[str, Any]) -> Relation | None:
    """The relation that `m.relates_to` states, if it is one and may be indexed."""
    stated = content.get("m.relates_to")
    if not isinstance(stated, dict):
        return None
    fields = cast(dict[str, Any], stated)
    rel_type, event_id, key = fields.get("rel_type"), fields.get("event_id"), fields.get("key")
    if not isinstance(rel_type, str) or not isinstance(event_id, str):
        return None
    if not _indexable(rel_type, RELATION_TYPE_BYTES_MAX) or not _indexable(event_id, 255):
        return None
    if not isinstance(key, str) or not _indexable(key, RELATION_KEY_BYTES_MAX):
        key = None
    return Relation(rel_type, event_id, key)


def _indexable(text: str, bytes_max: int) -> bool:
    return "\x00" not in text and len(text.encode("utf-8", "replace")) <= bytes_max


def thread_of(room: HotRoom, relation: Relation | None) -> str | None:
    """The root of the thread an event belongs to, by itself or by what it relates to."""
    if relation is None:
        return None
    if relation.rel_type == "m.thread":
        return relation.event_id
    parent = room.recent.get(relation.event_id)
    return parent.facts.thread if parent else None


def check_relation(room: HotRoom, draft: EventDraft) -> None:
    """Refuse a thread on an event that cannot root one, and a reaction given twice."""
    relation = relation_of(draft.content)
    if relation is None:
        return
    if relation.rel_type == "m.thread":
        root = room.recent.get(relation.event_id)
        if root is None or root.facts.relation is not None:
            raise Refused("Cannot start threads from this event", code="M_UNKNOWN")
    if relation.rel_type == "m.annotation" and draft.type == "m.reaction":
        key = (relation.event_id, relation.key or "", draft.sender)
        if room.annotations.get(key):
            raise Refused("You reacted so already", code="M_DUPLICATE_ANNOTATION")


# -- building and appending ------------------------------------------------------------------


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
) -> LoggedEvent:
    """Give `event` its position, with all rows that follow, and take it into the room."""
    position = batch.next_position(room.partition)
    facts = _facts(room, event, device_id, txn_id)
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


def _facts(room: HotRoom, event: Event, device_id: str | None, txn_id: str | None) -> EventFacts:
    relation = relation_of(event.content)
    thread = thread_of(room, relation)
    notice = _notice(room, event)
    thread_total = room.thread_totals.get(thread, 0) if thread else 0
    if notice.notifies:
        thread_total = room.count_notifying(thread)
    membership = membership_before = replaces = visibility_before = None
    visibility = room.visibility
    if event.state_key is not None:
        replaces = room.state.get((event.type, event.state_key))
        if event.type == "m.room.member":
            membership = event.content["membership"]
            membership_before = room.auth.membership(UserId(event.state_key))
        elif event.type == "m.room.history_visibility" and event.state_key == "":
            visibility_before, visibility = visibility, visibility_of(event.content)
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
        thread_total=thread_total,
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


# -- redaction -------------------------------------------------------------------------------


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
    version = room.auth.version
    event = event_from_json(version, EventId(target.event_id), target.body)
    redacted = redact_event(version, event)
    facts = msgspec.structs.replace(
        before, relation=None, mentions=(), mentions_room=False, redacted_by=redaction.event_id
    )
    if before.redacted_by is not None:
        return  # once is enough: the first redaction is the one that is told of
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
    key = (redacted.type, redacted.state_key)
    if room.state.get(key) != redacted.event_id:
        return
    last_event_id, depth = room.last_event_id, room.depth
    room.apply(redacted)
    room.last_event_id, room.depth = last_event_id, depth
