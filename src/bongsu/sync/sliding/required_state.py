"""Which state of a room a client wants: `required_state`, its wildcards and lazy members. Pure.

`["*", "*"]` asks for everything, and then a further entry takes its type out of that and puts
back what it names: with `["m.room.member", "$LAZY"]` it is all state, and members as needed.
"""

from collections.abc import Iterable
from typing import NamedTuple

MEMBER = "m.room.member"
ANY, ME, LAZY = "*", "$ME", "$LAZY"


class StateSpec(NamedTuple):
    """`pairs` of (type, state key), either may be `*`. `everything` is every type but `apart`."""

    pairs: frozenset[tuple[str, str]] = frozenset()
    everything: bool = False
    apart: frozenset[str] = frozenset()
    lazy: bool = False

    def matches(self, event_type: str, state_key: str) -> bool:
        """Whether it asks for such state, members that are only needed lazily left aside."""
        if self.everything and event_type not in self.apart:
            return True
        pairs = self.pairs
        return (
            (event_type, state_key) in pairs
            or (event_type, ANY) in pairs
            or (ANY, state_key) in pairs
        )

    @property
    def has_all_members(self) -> bool:
        return (self.everything and MEMBER not in self.apart) or (MEMBER, ANY) in self.pairs

    @property
    def members(self) -> tuple[str, ...]:
        """Members asked for by name."""
        return tuple(sorted(key for kind, key in self.pairs if kind in (MEMBER, ANY) and key))


NOTHING = StateSpec()


def parse(required_state: Iterable[tuple[str, str]], user_id: str) -> StateSpec:
    """What a request's list means to `user_id`."""
    pairs: set[tuple[str, str]] = set()
    apart: set[str] = set()
    everything = lazy = False
    for event_type, state_key in required_state:
        if (event_type, state_key) == (ANY, ANY):
            everything = True
            continue
        apart.add(event_type)
        if (event_type, state_key) == (MEMBER, LAZY):
            lazy = True
        else:
            pairs.add((event_type, user_id if state_key == ME else state_key))
    return StateSpec(
        frozenset(pairs), everything, frozenset(apart - {ANY} if everything else ()), lazy
    )


def union(a: StateSpec, b: StateSpec) -> StateSpec:
    """What either asks for."""
    if a == b:
        return a
    apart = a.apart & b.apart if a.everything and b.everything else a.apart | b.apart
    return StateSpec(a.pairs | b.pairs, a.everything or b.everything, apart, a.lazy or b.lazy)


def expands(old: StateSpec, new: StateSpec) -> bool:
    """Whether `new` asks for state that `old` did not. Lazy members come with events, not by it."""
    if new.everything and (not old.everything or not old.apart <= new.apart):
        return True
    return any(not _covers(old, *pair) for pair in new.pairs - old.pairs)


def _covers(spec: StateSpec, event_type: str, state_key: str) -> bool:
    """Whether all that a pair names is asked for."""
    if event_type == ANY:  # of every type, those that stand apart too
        return (spec.everything and not spec.apart) or (ANY, state_key) in spec.pairs
    return spec.matches(event_type, state_key)
