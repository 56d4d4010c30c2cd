"""What of other events is shown with an event: the state it replaced, its redaction, its children.

Loaded for a whole answer at once: one query for the events named, one for the relations. Spec:
client-server API, "Aggregations of child events", "Redactions", `UnsignedData`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from bongsu.log.entry import LoggedEvent
from bongsu.log.position import Vector
from bongsu.rooms.client_event import Device, Extras, content_of, render

REFERENCES_MAX = 100  # children listed under m.reference


class ChildGroup(NamedTuple):
    """Children of one parent that share relation, type and sender, in (0, through]."""

    parent_id: str
    rel_type: str
    type: str
    sender: str
    children: int
    latest_id: str  # event id of the one at the highest position
    latest_position: int
    references: list[str]  # event ids, only of m.reference


class ExtrasReader(Protocol):
    async def load_events(
        self, event_ids: Collection[str], vector: Vector
    ) -> Mapping[str, LoggedEvent]:
        """Events by id; those unknown or beyond `vector` are missing."""
        ...

    async def load_children(
        self, parents: Sequence[tuple[str, str]], vector: Vector
    ) -> Sequence[ChildGroup]:
        """Of (room id, event id), up to `vector`: m.thread, m.replace and m.reference."""
        ...


Shown = Callable[[LoggedEvent], bool]


class Reader(NamedTuple):
    """Who will read the answer."""

    device: Device
    ignored: frozenset[str] = frozenset()


async def load_extras(
    reader: ExtrasReader,
    events: Iterable[LoggedEvent],
    who: Reader,
    *,
    vector: Vector,
    with_relations: bool,
    is_visible: Shown,
    membership: Callable[[LoggedEvent], str | None],
) -> dict[str, Extras]:
    """Extras by event id, for those events that have any, as of `vector`.

    `with_relations` adds bundled aggregations. `is_visible` says whether the reader may see an
    event at all, `membership` the reader's own at an event.
    """
    shown = list(events)
    groups = await _children(reader, shown, who, vector) if with_relations else {}
    wanted = {g.latest_id for gs in groups.values() for g in gs if g.rel_type != "m.reference"}
    for event in shown:
        wanted.update(filter(None, (event.facts.replaces_state, event.facts.redacted_by)))
    if not wanted and not groups:
        return {}
    others = await reader.load_events(wanted, vector)
    found: dict[str, Extras] = {}
    for event in shown:
        own = groups.get(event.event_id, ())
        bundle = _bundle(event, own, others, who, is_visible, membership) if own else None
        extras = Extras(
            _prev_content(event, others, is_visible),
            _redacted_because(event, others, who, membership),
            bundle,
        )
        if extras != _EMPTY:
            found[event.event_id] = extras
    return found


_EMPTY = Extras()


async def _children(
    reader: ExtrasReader, events: Sequence[LoggedEvent], who: Reader, vector: Vector
) -> dict[str, list[ChildGroup]]:
    # State events carry no bundled aggregations.
    parents = [(e.room_id, e.event_id) for e in events if e.facts.state_key is None]
    groups: dict[str, list[ChildGroup]] = {}
    for group in await reader.load_children(parents, vector) if parents else ():
        if group.sender not in who.ignored:
            groups.setdefault(group.parent_id, []).append(group)
    return groups


def _prev_content(
    event: LoggedEvent, others: Mapping[str, LoggedEvent], is_visible: Shown
) -> bytes | None:
    before = others.get(event.facts.replaces_state or "")
    return content_of(before) if before is not None and is_visible(before) else None


def _redacted_because(
    event: LoggedEvent,
    others: Mapping[str, LoggedEvent],
    who: Reader,
    membership: Callable[[LoggedEvent], str | None],
) -> bytes | None:
    redaction = others.get(event.facts.redacted_by or "")
    if redaction is None:
        return None
    return render(redaction, device=who.device, membership=membership(redaction), room_id=True)


def _bundle(
    event: LoggedEvent,
    groups: Sequence[ChildGroup],
    others: Mapping[str, LoggedEvent],
    who: Reader,
    is_visible: Shown,
    membership: Callable[[LoggedEvent], str | None],
) -> bytes | None:
    """`m.relations` of one event."""
    bundle: dict[str, object] = {}

    def latest(candidates: Iterable[ChildGroup]) -> bytes | None:
        for group in sorted(candidates, key=lambda g: -g.latest_position):
            child = others.get(group.latest_id)
            if child is not None and child.facts.redacted_by is None and is_visible(child):
                return render(child, device=who.device, membership=membership(child), room_id=True)
        return None

    edits = (
        g for g in groups
        if g.rel_type == "m.replace"
        and (g.sender, g.type) == (event.facts.sender, event.facts.type)
    )  # fmt: skip
    if event.facts.redacted_by is None and (edit := latest(edits)) is not None:
        bundle["m.replace"] = msgspec.Raw(edit)
    replies = [g for g in groups if g.rel_type == "m.thread"]
    if (reply := latest(replies)) is not None:
        senders = {g.sender for g in replies} | {event.facts.sender}
        bundle["m.thread"] = {
            "latest_event": msgspec.Raw(reply),
            "count": sum(g.children for g in replies),
            "current_user_participated": who.device.user_id in senders,
        }
    references = [r for g in groups for r in g.references][:REFERENCES_MAX]
    if references:
        bundle["m.reference"] = {"chunk": [{"event_id": each} for each in references]}
    return msgspec.json.encode(bundle) if bundle else None
