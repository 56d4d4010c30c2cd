"""Lists, ranges and subscriptions turned into rooms to show, and into what is then known as sent.

Pure. A room that is wanted is shown as far as the pinned vector, whatever it was last sent with; a
room that was sent, has news and is not wanted falls behind, and goes on from there another time.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import NamedTuple

from bongsu.log.position import Vector
from bongsu.sync.history import History, Section
from bongsu.sync.hot_user import HotUser
from bongsu.sync.sliding.connection import (
    ACCOUNT_DATA,
    RECEIPTS,
    Behind,
    ConnectionState,
    Sent,
)
from bongsu.sync.sliding.request import (
    Extensions,
    RoomExtension,
    RoomListParameters,
    RoomParameters,
    SlidingBody,
)
from bongsu.sync.sliding.required_state import StateSpec, expands, parse, union
from bongsu.sync.sliding.room_list import was_joined

TYPING = 4  # an extension, as ACCOUNT_DATA and RECEIPTS are; nothing has to be remembered of it


class Config(NamedTuple):
    """How a room is wanted. `extensions` are those that cover it."""

    limit: int
    spec: StateSpec
    extensions: int


class Wanted(NamedTuple):
    """Rooms to be shown, and how many each list holds."""

    rooms: dict[str, Config]
    counts: dict[str, int]


class Task(NamedTuple):
    """A room to show: what happened at after < position <= through, or all of it if `is_initial`.

    `is_expanded` if more of its past is wanted than was sent.
    """

    history: History
    section: Section
    config: Config
    sent: Sent | None
    after: int
    through: int
    is_initial: bool
    is_expanded: bool
    after_user: int  # how far its account data was sent

    @property
    def room_id(self) -> str:
        return self.history.room_id


def want(
    body: SlidingBody, user_id: str, chosen: Mapping[str, Sequence[str]], known: Set[str]
) -> Wanted:
    """`chosen` are the rooms of each list, filtered and in order; `known` the rooms that may be
    subscribed to, others are ignored."""
    wanted = Wanted({}, {key: len(rooms) for key, rooms in chosen.items()})
    extensions = body.extensions or Extensions()
    for key, parameters in (body.lists or {}).items():
        config = _config(parameters, user_id, _of_list(extensions, key))
        for window in windows(parameters, chosen[key]):
            _add(wanted.rooms, window, config)
    for room_id, parameters in (body.room_subscriptions or {}).items():
        if room_id in known:
            config = _config(parameters, user_id, _of_subscription(extensions, room_id))
            _add(wanted.rooms, (room_id,), config)
    return wanted


def windows(parameters: RoomListParameters, rooms: Sequence[str]) -> list[Sequence[str]]:
    """What the ranges cover."""
    if parameters.ranges is None or parameters.slow_get_all_rooms:
        return [rooms]
    return [rooms[start : end + 1] for start, end in parameters.ranges]


def find_parting(
    user: HotUser, since: Vector, state: ConnectionState, changed: Iterable[str]
) -> list[str]:
    """Rooms that one left and was not told so: the list holds them once more."""
    found: list[str] = []
    behind = [room_id for room_id, sent in state.rooms.items() if sent.behind is not None]
    for room_id in dict.fromkeys([*changed, *behind]):
        sent, history = state.rooms.get(room_id), user.histories.get(room_id)
        if sent is None or history is None or not history.changes:
            continue
        last = history.changes[-1]
        if last.membership == "leave" and last.position > _after(history, sent, since):
            found.append(room_id)
    return found


def may_subscribe(user: HotUser, room_id: str) -> bool:
    """Whether the person is, was, or is asked to be in a room, and did not forget it."""
    history = user.histories.get(room_id)
    if history is None or not history.changes:
        return False
    last = history.changes[-1]
    if last.membership in ("leave", "ban"):
        return was_joined(history) and history.forgotten < last.position
    if last.membership == "invite":
        return not (user.blocks_invites or last.sender in user.ignored)
    return True


def sort_tasks(
    user: HotUser,
    since: Vector | None,
    pinned: Vector,
    wanted: Mapping[str, Config],
    state: ConnectionState,
    changed: Set[str],
) -> list[Task]:
    """The wanted rooms that have something to show."""
    tasks: list[Task] = []
    adds: dict[tuple[int, int], bool] = {}  # of the few configs, and the few ways of being sent
    for room_id, config in wanted.items():
        sent = state.rooms.get(room_id)
        if sent is not None and sent.behind is None and room_id not in changed:
            key = (id(config), id(sent))
            if key not in adds:
                adds[key] = _adds(sent, config)
            if not adds[key]:
                continue
        task = _task(user, user.histories[room_id], config, sent, since, pinned)
        if task is not None:
            tasks.append(task)
    return tasks


def follow(
    state: ConnectionState,
    user: HotUser,
    since: Vector | None,
    wanted: Mapping[str, Config],
    changed: Iterable[str],
    shown: Mapping[str, Sent | None],
    account_data: bool,
    threads: bool,
) -> ConnectionState:
    """The state once an answer is taken in: `shown` is how rooms were sent, None: no longer."""
    updates: dict[str, Sent | None] = {}
    for room_id in changed if since is not None else ():
        sent, history = state.rooms.get(room_id), user.histories.get(room_id)
        if sent is None or history is None or sent.behind is not None or room_id in wanted:
            continue
        assert since is not None
        behind = Behind(since[history.partition], since[user.partition])
        updates[room_id] = sent._replace(behind=behind)
    for room_id, sent in shown.items():
        if state.rooms.get(room_id) != sent:
            updates[room_id] = sent and _alike(sent)
    if not updates and (account_data, threads) == (state.account_data, state.threads):
        return state
    rooms = {room: sent for room, sent in {**state.rooms, **updates}.items() if sent}
    return ConnectionState(rooms, account_data, threads)


@lru_cache(16_384)
def _alike(sent: Sent) -> Sent:
    """One object for all rooms that were sent alike."""
    return sent


def next_sent(task: Task, *, is_limited: bool, missed: bool) -> Sent:
    """How a room is known to be sent now. What it was sent with before still counts, unless the
    client missed something by what it asked for this time."""
    old, new = task.sent, task.config
    kept = new.extensions & (ACCOUNT_DATA | RECEIPTS)
    if old is None or task.is_initial:
        return Sent(new.limit, new.spec, kept)
    limit = new.limit if is_limited else max(old.limit, new.limit)
    return Sent(limit, new.spec if missed else union(old.spec, new.spec), kept)


def _task(
    user: HotUser,
    history: History,
    config: Config,
    sent: Sent | None,
    since: Vector | None,
    pinned: Vector,
) -> Task | None:
    through = pinned[history.partition]
    after, after_user = 0, 0
    if sent is not None and since is not None:
        after = _after(history, sent, since)
        after_user = sent.behind.user if sent.behind is not None else since[user.partition]
    standing = history.standing(after if sent is not None else None, through)
    section = standing.section
    if section is Section.ABSENT:
        # Unchanged since it was sent, or left before it ever was.
        now = history.change_at(through)
        if now is None or (sent is None and not was_joined(history)):
            return None
        section = {"invite": Section.INVITED, "knock": Section.KNOCKED}.get(
            now.membership, Section.LEFT
        )
        through = now.position
    else:
        through = standing.through
    return Task(
        history,
        section,
        config,
        sent,
        after,
        through,
        is_initial=sent is None or (standing.is_new and section is Section.JOINED),
        is_expanded=sent is not None and config.limit > sent.limit,
        after_user=after_user,
    )


def _after(history: History, sent: Sent, since: Vector) -> int:
    return sent.behind.room if sent.behind is not None else since[history.partition]


def _adds(sent: Sent, config: Config) -> bool:
    """Whether more is wanted than was sent."""
    return (
        config.limit > sent.limit
        or expands(sent.spec, config.spec)
        or bool(config.extensions & ~TYPING & ~sent.extensions)
    )


def _add(rooms: dict[str, Config], added: Iterable[str], config: Config) -> None:
    joint: dict[int, Config] = {}  # rooms that are wanted alike share what says how
    for room_id in added:
        other = rooms.get(room_id)
        if other is None:
            rooms[room_id] = config
            continue
        merged = joint.get(id(other))
        if merged is None:
            merged = joint[id(other)] = Config(
                max(config.limit, other.limit),
                union(config.spec, other.spec),
                config.extensions | other.extensions,
            )
        rooms[room_id] = merged


def _config(parameters: RoomParameters, user_id: str, extensions: int) -> Config:
    spec = parse(parameters.required_state, user_id)
    return Config(parameters.timeline_limit, spec, extensions)


def _room_extensions(extensions: Extensions) -> Iterable[tuple[int, RoomExtension]]:
    for bit, extension in (
        (ACCOUNT_DATA, extensions.account_data),
        (RECEIPTS, extensions.receipts),
        (TYPING, extensions.typing),
    ):
        if extension is not None and extension.enabled:
            yield bit, extension


def _of_list(extensions: Extensions, key: str) -> int:
    return sum(bit for bit, e in _room_extensions(extensions) if _names(e.lists, key))


def _of_subscription(extensions: Extensions, room_id: str) -> int:
    return sum(bit for bit, e in _room_extensions(extensions) if _names(e.rooms, room_id))


def _names(names: Sequence[str] | None, name: str) -> bool:
    return names is None or "*" in names or name in names
