"""One person's presence: what their devices say here, what other nodes say, what follows from it.

Pure: every function takes the time, in seconds of a clock that never goes back.
"""

from collections.abc import Container
from typing import Literal, NamedTuple

Presence = Literal["online", "unavailable", "offline"]

# Best first: a person is as present as the most present of their devices.
_ORDER: tuple[Presence, ...] = ("online", "unavailable", "offline")

SYNC_TOLD_SECONDS = 1.0  # for so long the next sync of the kind says nothing new
SILENCE_SECONDS_MAX = 90.0  # a long poll takes 60 s at most; other nodes repeat themselves sooner
ACTIVE_SECONDS = 60.0  # after an act somebody counts as currently active for so long
IDLE_SECONDS = 300.0  # without an act, who is online becomes unavailable
DEVICES_MAX = 50
NODES_MAX = 100


class Seen:
    """A device that syncs here. `asked` is its last `set_presence`, None before its first sync."""

    __slots__ = ("asked", "at", "state")

    def __init__(self, state: Presence, asked: Presence | None, at: float) -> None:
        self.state = state
        self.asked = asked
        self.at = at


class View(NamedTuple):
    """Another node's word on the devices that sync there."""

    state: Presence
    heard_at: float


class Shown(NamedTuple):
    """What others see; a change of it is worth telling."""

    presence: Presence = "offline"
    currently_active: bool = False
    status_msg: str | None = None


class Person:
    __slots__ = ("active_at", "devices", "elsewhere", "shown", "status_at", "status_msg", "told")

    def __init__(self) -> None:
        self.devices: dict[str, Seen] = {}
        self.elsewhere: dict[str, View] = {}  # by node
        self.active_at: float | None = None  # of the last act of theirs
        self.status_msg: str | None = None
        self.status_at: float | None = None  # when it was set: the newest one counts
        self.shown = Shown()
        self.told: Presence = "offline"  # what other nodes heard of `here`

    # -- what happens --------------------------------------------------------------------------

    def is_news(self, device_id: str, asked: str, now: float) -> bool:
        """Whether a sync with this `set_presence` says more than the last: most come right after
        one that said the same."""
        seen = self.devices.get(device_id)
        if seen is None:
            return asked != "offline"
        return seen.asked != asked or now >= seen.at + SYNC_TOLD_SECONDS

    def synced(self, device_id: str, asked: Presence, now: float) -> None:
        """A sync with this `set_presence`. What the client set otherwise stands until it asks for
        something else: many set their presence once, and sync without a word about it."""
        seen = self.devices.get(device_id)
        if seen is None:
            if asked != "offline" and len(self.devices) < DEVICES_MAX:
                self.devices[device_id] = Seen(asked, asked, now)
                self._appeared(asked, now)
            return
        if seen.asked is not None and seen.asked != asked:
            seen.state = asked
            self._appeared(asked, now)
        seen.asked, seen.at = asked, now

    def set(self, device_id: str, state: Presence, status_msg: str | None, now: float) -> None:
        """The client's own word, with the message to show with it."""
        seen = self.devices.get(device_id)
        if seen is not None:
            seen.state, seen.at = state, now
        elif len(self.devices) < DEVICES_MAX:
            self.devices[device_id] = Seen(state, None, now)
        self._appeared(state, now)
        if status_msg != self.status_msg:
            self.status_msg, self.status_at = status_msg, now

    def acted(self, now: float) -> None:
        """They did something that a client does not do by itself: an idle device wakes up."""
        self.active_at = now
        for seen in self.devices.values():
            if seen.state == "unavailable":
                seen.state = "online"

    def heard(self, node: str, state: Presence, active_at: float | None, now: float) -> None:
        """Another node's word on the devices that sync there."""
        if state == "offline":
            self.elsewhere.pop(node, None)
        elif node in self.elsewhere or len(self.elsewhere) < NODES_MAX:
            self.elsewhere[node] = View(state, now)
        if active_at is not None and (self.active_at is None or active_at > self.active_at):
            self.active_at = active_at

    def heard_status(self, status_msg: str | None, status_at: float | None) -> None:
        """Take over a message set later. The time of one's own message stays as it is: each hop
        makes it seem a little younger, and nodes would go on correcting each other."""
        if status_msg == self.status_msg or status_at is None:
            return
        if self.status_at is None or status_at > self.status_at:
            self.status_msg, self.status_at = status_msg, status_at

    def expire(self, now: float) -> None:
        """Forget devices and nodes that fell silent."""
        for device_id, seen in list(self.devices.items()):
            if seen.at + SILENCE_SECONDS_MAX <= now:
                del self.devices[device_id]
        for node, view in list(self.elsewhere.items()):
            if view.heard_at + SILENCE_SECONDS_MAX <= now:
                del self.elsewhere[node]

    # -- what follows --------------------------------------------------------------------------

    def here(self, now: float) -> Presence:
        """Their presence by the devices that sync on this node."""
        best = _best({seen.state for seen in self.devices.values()})
        is_idle = best == "online" and not self._acted_within(IDLE_SECONDS, now)
        return "unavailable" if is_idle else best

    def show(self, now: float) -> Shown:
        elsewhere = {view.state for view in self.elsewhere.values()}
        presence = _best(elsewhere | {self.here(now)})
        is_active = presence == "online" and self._acted_within(ACTIVE_SECONDS, now)
        return Shown(presence, is_active, self.status_msg)

    def next_look(self, now: float) -> float | None:
        """When `show` may come out differently by the passing of time alone."""
        silent = [seen.at + SILENCE_SECONDS_MAX for seen in self.devices.values()]
        silent += [view.heard_at + SILENCE_SECONDS_MAX for view in self.elsewhere.values()]
        if not silent:
            return None
        since = self.active_at
        turns = [] if since is None else [since + ACTIVE_SECONDS, since + IDLE_SECONDS]
        return min([*silent, *(turn for turn in turns if turn > now)])

    def last_active_ago_ms(self, now: float) -> int | None:
        return None if self.active_at is None else max(0, int((now - self.active_at) * 1000))

    def _acted_within(self, seconds: float, now: float) -> bool:
        return self.active_at is not None and now < self.active_at + seconds

    def _appeared(self, state: Presence, now: float) -> None:
        if state == "online":
            self.active_at = now


def _best(states: Container[str]) -> Presence:
    for each in _ORDER:
        if each in states:
            return each
    return "offline"
