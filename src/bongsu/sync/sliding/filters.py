"""Which rooms a list's filters let through. Pure; every filter that is given must agree."""

from collections.abc import Callable, Mapping, Sequence, Set

from bongsu.sync.sliding.facts import NO_FACTS, Labels, RoomFacts
from bongsu.sync.sliding.request import Filters

Test = Callable[[str], bool]


def needs_facts(filters: Filters | None) -> bool:
    """Whether the rooms' state has to be known."""
    if filters is None:
        return False
    wanted = (filters.is_encrypted, filters.room_types, filters.not_room_types)
    return filters.room_name_like is not None or any(each is not None for each in wanted)


def choose(
    filters: Filters | None,
    rooms: Sequence[str],
    invited: Set[str],
    labels: Labels,
    facts: Mapping[str, RoomFacts],
    children: Set[str],
) -> Sequence[str]:
    """The rooms that pass, in their order. `children`: rooms of the spaces that it names."""
    if filters is None:
        return rooms
    tests = [
        *_tests_of_person(filters, invited, labels),
        *_tests_of_room(filters, facts),
    ]
    if filters.spaces is not None:
        tests.append(children.__contains__)
    return [room for room in rooms if all(test(room) for test in tests)] if tests else rooms


def _tests_of_person(filters: Filters, invited: Set[str], labels: Labels) -> list[Test]:
    tests: list[Test] = []
    if (is_dm := filters.is_dm) is not None:
        tests.append(lambda room: (room in labels.direct) is is_dm)
    if (is_invite := filters.is_invite) is not None:
        tests.append(lambda room: (room in invited) is is_invite)
    if filters.tags is not None:
        tags = frozenset(filters.tags)
        tests.append(lambda room: not tags.isdisjoint(labels.tags.get(room, ())))
    if filters.not_tags is not None:
        not_tags = frozenset(filters.not_tags)
        tests.append(lambda room: not_tags.isdisjoint(labels.tags.get(room, ())))
    return tests


def _tests_of_room(filters: Filters, facts: Mapping[str, RoomFacts]) -> list[Test]:
    tests: list[Test] = []
    if (is_encrypted := filters.is_encrypted) is not None:
        tests.append(lambda room: facts.get(room, NO_FACTS).is_encrypted is is_encrypted)
    if filters.room_types:  # the SDK sends none for any
        types = frozenset(filters.room_types)
        tests.append(lambda room: facts.get(room, NO_FACTS).room_type in types)
    if filters.not_room_types:
        not_types = frozenset(filters.not_room_types)
        tests.append(lambda room: facts.get(room, NO_FACTS).room_type not in not_types)
    if filters.room_name_like is not None:
        like = filters.room_name_like.casefold()
        tests.append(lambda room: like in (facts.get(room, NO_FACTS).name or "").casefold())
    return tests
