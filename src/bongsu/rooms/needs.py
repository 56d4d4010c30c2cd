"""What a proposal needs in a room's memory before it can be planned, and how it gets there.

Reading goes on beside the batches. A value that a batch changed meanwhile is newer, and stays; and
if the room's caches were cut meanwhile, a newer one may be gone again, so what was read is dropped
and read once more.
"""

from typing import TYPE_CHECKING, Any, cast

from bongsu.errors import InvalidParam
from bongsu.ids import UserId, is_event_id, is_user_id
from bongsu.rooms.hot_room import HotRoom
from bongsu.rooms.proposals import MarkRead, SendEvent
from bongsu.rooms.relations import relation_of

if TYPE_CHECKING:
    from bongsu.rooms.planner import RoomLoader

MAIN_TIMELINE = "main"
RECEIPT_TYPES = frozenset({"m.read", "m.read.private", "m.fully_read"})


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
    if (
        proposal.state_key is None
        and "m.relates_to" not in proposal.content
        and proposal.type != "m.room.redaction"
    ):
        return True
    return (
        room.loaded_members.issuperset(_members_of(proposal))
        and all(event_id in room.recent for event_id in _events_of(proposal))
        and all(key in room.annotations for key in _annotation_of(proposal))
    )


async def load(room: HotRoom, proposal: SendEvent | MarkRead, loader: "RoomLoader") -> None:
    """Load what `is_ready` missed. What a batch changed meanwhile is newer, and stays."""
    if isinstance(proposal, MarkRead):
        await _load_for_receipt(room, proposal, loader)
        return
    await _load_members(room, _members_of(proposal), loader)
    for event_id in _events_of(proposal):
        await _load_event(room, event_id, loader)
    for parent, key, sender in _annotation_of(proposal):
        if (parent, key, sender) not in room.annotations:
            cuts = room.cuts
            exists = await loader.has_annotation(room.room_id, parent, key, sender)
            _keep(room, cuts, room.annotations, (parent, key, sender), exists)


async def _load_for_receipt(room: HotRoom, proposal: MarkRead, loader: "RoomLoader") -> None:
    thread = proposal.thread_id
    if thread is not None and thread != MAIN_TIMELINE and not is_event_id(thread):
        raise InvalidParam("Not a valid thread ID")
    if proposal.receipt_type not in RECEIPT_TYPES or not is_event_id(proposal.event_id):
        raise InvalidParam("Not a valid receipt")
    await _load_members(room, [proposal.user_id], loader)
    await _load_event(room, proposal.event_id, loader)
    key = (proposal.user_id, proposal.receipt_type, thread)
    if key not in room.receipts:
        cuts = room.cuts
        receipt = await loader.receipt(room.room_id, key)
        _keep(room, cuts, room.receipts, key, receipt)


def _keep(room: HotRoom, cuts: int, cache: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep what was loaded, unless a newer value may have come and gone meanwhile."""
    if room.cuts == cuts:
        cache.setdefault(key, value)


async def _load_members(room: HotRoom, users: list[str], loader: "RoomLoader") -> None:
    missing = [user for user in users if user not in room.loaded_members]
    if not missing:
        return
    cuts = room.cuts
    members = await loader.members(room.auth.version, room.room_id, missing)
    if room.cuts != cuts:
        return
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
        cuts = room.cuts
        event = await loader.event(room.room_id, event_id)
        _keep(room, cuts, room.recent, event_id, event)


def _members_of(proposal: SendEvent) -> list[str]:
    """Whose memberships the rules will ask for. What is no user ID is refused, not looked up."""
    users = [proposal.sender]
    if proposal.type == "m.room.member" and proposal.state_key is not None:
        named = (proposal.state_key, proposal.content.get("join_authorised_via_users_server"))
        users += [user for user in named if isinstance(user, str) and is_user_id(user)]
    return users


def _target_of(proposal: SendEvent) -> str | None:
    target = proposal.redacts or proposal.content.get("redacts")
    return target if isinstance(target, str) and is_event_id(target) else None


def _events_of(proposal: SendEvent) -> list[str]:
    """Events named by this one: the parent of its relation, the target of its redaction."""
    relation = relation_of(proposal.content)
    events = [relation.event_id] if relation else []
    if proposal.type == "m.room.redaction" and (target := _target_of(proposal)):
        events.append(target)
    return events


def _annotation_of(proposal: SendEvent) -> list[tuple[str, str, str]]:
    relation = relation_of(proposal.content)
    if relation is None or relation.rel_type != "m.annotation" or relation.key is None:
        return []
    return [(relation.event_id, relation.key, proposal.sender)]
