"""One room of an answer, rendered. Pure: what it shows was read before."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.client_event import NO_EXTRAS, Extras
from bongsu.sync.history import Section
from bongsu.sync.sliding.connection import Sent
from bongsu.sync.sliding.facts import Labels
from bongsu.sync.sliding.plan import Task, next_sent
from bongsu.sync.sliding.room_state import misses, required
from bongsu.sync.streams.summary import Summary, heroes_of
from bongsu.sync.streams.timeline import Timeline
from bongsu.sync.token import room_token
from bongsu.sync.view import View, encode

NAME, AVATAR = "m.room.name", "m.room.avatar"


class Shown(NamedTuple):
    """A rendered room, None if there was nothing to show. `sent` None: it is sent no more."""

    body: bytes | None
    sent: Sent | None
    event_ids: frozenset[str]  # of its timeline


class Parts(NamedTuple):
    """What was read for the rooms of one answer, by room id."""

    timelines: Mapping[str, Timeline]
    state: Mapping[str, Sequence[LoggedEvent]]  # all that was read, whether wanted or not
    extras: Mapping[str, Extras]  # by event id
    summaries: Mapping[str, Summary]
    nameless: frozenset[str]  # rooms that are called by their heroes
    heroes: Mapping[tuple[str, str], LoggedEvent]  # member events by (room, user)
    bumps: Mapping[str, int]


def show(view: View, task: Task, parts: Parts, labels: Labels, is_counted: bool) -> Shown:
    room_id, timeline = task.room_id, parts.timelines[task.room_id]
    state = parts.state[room_id]
    news = [event for event in state if event.position > task.after]
    shown_state = required(view, task, state)
    missed = misses(task, timeline, news, {event.event_id for event in shown_state})
    sent = next_sent(task, is_limited=timeline.limited, missed=missed)
    shown = Shown(None, sent, frozenset(e.event_id for e in timeline.events))
    if not (
        task.is_initial or task.is_expanded or timeline.events or shown_state or news or is_counted
    ):
        return shown
    fields = [
        *_marks(task, labels),
        *_naming(view, task, parts, news),
        *_timeline(view, task, timeline, parts.extras),
    ]
    if shown_state:
        rendered = [view.render(event, task.history) for event in shown_state]
        fields.append(b'"required_state":[%b]' % b",".join(rendered))
    if room_id in parts.bumps:
        fields.append(b'"bump_stamp":%d' % parts.bumps[room_id])
    if task.section is Section.JOINED:
        fields += _counts(view, room_id, parts)
    return shown._replace(body=b"{%b}" % b",".join(fields))


def _marks(task: Task, labels: Labels) -> list[bytes]:
    marks: list[bytes] = []
    if task.is_initial:
        marks.append(b'"initial":true')
    elif task.is_expanded:
        marks.append(b'"unstable_expanded_timeline":true')
    if task.room_id in labels.direct:
        marks.append(b'"is_dm":true')
    return marks


def _naming(view: View, task: Task, parts: Parts, news: Sequence[LoggedEvent]) -> list[bytes]:
    """Name, avatar and heroes, as far as they changed."""
    source = parts.state[task.room_id] if task.is_initial else news
    fields: list[bytes] = []
    if name := text(find(source, NAME, task.through), "name"):
        fields.append(b'"name":' + encode(name))
    avatar = find(source, AVATAR, task.through)
    if url := text(avatar, "url"):
        fields.append(b'"avatar":' + encode(url))
    elif avatar is not None and not task.is_initial:
        fields.append(b'"avatar":null')
    summary = parts.summaries.get(task.room_id)
    if summary is not None and task.room_id in parts.nameless:
        heroes = [
            _hero(each, parts.heroes.get((task.room_id, each)))
            for each in heroes_of(summary, view.user.user_id)
        ]
        if heroes:
            fields.append(b'"heroes":' + encode(heroes))
    return fields


def _hero(user_id: str, member: LoggedEvent | None) -> dict[str, str]:
    hero = {"user_id": user_id}
    for key in ("displayname", "avatar_url"):
        if value := text(member, key):
            hero[key] = value
    return hero


def _timeline(
    view: View, task: Task, timeline: Timeline, extras: Mapping[str, Extras]
) -> list[bytes]:
    if not task.config.limit:
        return []
    events = [
        view.render(event, task.history, extras.get(event.event_id, NO_EXTRAS))
        for event in timeline.events
    ]
    seen = 2**63 if view.since is None else view.since.vector[task.history.partition]
    live = sum(event.position > seen for event in timeline.events)
    fields = [
        b'"limited":' + (b"true" if timeline.limited else b"false"),
        b'"prev_batch":' + encode(room_token(timeline.start - 1)),
        b'"num_live":%d' % live,
    ]
    return [b'"timeline":[%b]' % b",".join(events), *fields] if events else fields


def _counts(view: View, room_id: str, parts: Parts) -> list[bytes]:
    fields: list[bytes] = []
    summary = parts.summaries.get(room_id)
    if summary is not None:
        fields.append(b'"joined_count":%d' % summary.counts.joined)
        fields.append(b'"invited_count":%d' % summary.counts.invited)
    unread = view.user.unread.get(room_id)
    notifications, highlights = unread.totals(False) if unread is not None else (0, 0)
    fields.append(b'"notification_count":%d' % notifications)
    fields.append(b'"highlight_count":%d' % highlights)
    return fields


def find(state: Iterable[LoggedEvent], kind: str, through: int) -> LoggedEvent | None:
    found = [e for e in state if (e.facts.type, e.facts.state_key) == (kind, "")]
    return max(found, key=lambda event: event.position, default=None)


def text(event: LoggedEvent | None, key: str) -> str | None:
    value: Any = None if event is None else event.content.get(key)
    return value if isinstance(value, str) and value else None
