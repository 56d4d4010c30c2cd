"""Who is typing: times, bounds, what the log and other nodes say."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from bongsu.errors import Forbidden
from bongsu.ids import RoomId, UserId
from bongsu.log.entry import Entry, EventFacts, Kind, encode_facts
from bongsu.memory.bus import MemoryBus
from bongsu.presence import typing as typing_module
from bongsu.presence.deadlines import Deadlines
from bongsu.presence.typing import TypingService
from bongsu.presence.versions import Versions
from bongsu.rooms.reading import Member

ROOM = RoomId("!room:example.org")
ALICE, BOB = UserId("@alice:example.org"), UserId("@bob:example.org")


class House:
    """A clock to turn, a log to write, and a table of members that counts its questions."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0
        self.memberships = {(ROOM, ALICE): "join", (ROOM, BOB): "join"}
        self.listeners: list[Callable[[Sequence[Entry]], None]] = []
        self.bus = MemoryBus()

    def listen(
        self,
        listener: Callable[[Sequence[Entry]], None],
        jumped: Callable[[int], None] | None = None,
    ) -> None:
        self.listeners.append(listener)

    async def member(self, room_id: str, user_id: str) -> Member | None:
        self.asked += 1
        membership = self.memberships.get((RoomId(room_id), UserId(user_id)))
        return Member(user_id, membership, 1, "$e", user_id) if membership else None

    def service(self) -> TypingService:
        return TypingService(self.bus, self, self, clock=lambda: self.now)

    def log(self, facts: EventFacts) -> None:
        entry = Entry(1, 1, Kind.EVENT, ROOM, "$e", b"{}", encode_facts(facts))
        for listener in self.listeners:
            listener([entry])


@pytest.fixture
def house() -> House:
    return House()


async def test_a_list_changes_once_however_often_somebody_says_so(house: House) -> None:
    service, heard = house.service(), list[str]()
    service.listen(heard.append)
    for _ in range(3):
        await service.set_typing(ROOM, ALICE, True, 20_000)
    assert (service.users(ROOM), service.cursor, heard) == ([ALICE], 1, [ROOM])
    assert (service.version(ROOM), list(service.active_rooms())) == (1, [ROOM])
    await service.set_typing(ROOM, BOB, True, None)
    assert service.users(ROOM) == [ALICE, BOB]
    await service.set_typing(ROOM, ALICE, False, None)
    await service.set_typing(ROOM, ALICE, False, None)
    assert (service.users(ROOM), service.cursor) == ([BOB], 3)
    assert house.asked == 2  # memberships are remembered


@pytest.mark.parametrize(
    ("asked_ms", "seconds"), [(-5, 1), (0, 1), (5_000, 5), (10**30, 120), (None, 30)]
)
async def test_timeouts_are_bounded(house: House, asked_ms: int | None, seconds: float) -> None:
    service = house.service()
    await service.set_typing(ROOM, ALICE, True, asked_ms)
    house.now += seconds - 0.1
    service.sweep()
    assert service.users(ROOM) == [ALICE]
    house.now += 0.2
    service.sweep()
    assert not service.users(ROOM)
    assert service.version(ROOM) == service.cursor == 2


async def test_saying_it_again_puts_the_end_off(house: House) -> None:
    service = house.service()
    await service.set_typing(ROOM, ALICE, True, 10_000)
    house.now += 8
    await service.set_typing(ROOM, ALICE, True, 10_000)
    house.now += 8
    service.sweep()
    assert service.users(ROOM) == [ALICE]
    house.now += 3
    service.sweep()
    assert not service.users(ROOM)


async def test_a_message_ends_typing_and_a_reaction_does_not(house: House) -> None:
    service = house.service()
    await service.set_typing(ROOM, ALICE, True, 10_000)
    house.log(EventFacts("m.reaction", ALICE))
    house.log(EventFacts("m.room.message", BOB))
    assert service.users(ROOM) == [ALICE]
    house.log(EventFacts("m.room.encrypted", ALICE))
    assert not service.users(ROOM)


async def test_who_leaves_types_no_more(house: House) -> None:
    service = house.service()
    await service.set_typing(ROOM, ALICE, True, 10_000)
    house.memberships[ROOM, ALICE] = "leave"
    house.log(EventFacts("m.room.member", ALICE, ALICE, membership="leave"))
    assert not service.users(ROOM)
    with pytest.raises(Forbidden):
        await service.set_typing(ROOM, ALICE, True, 10_000)
    with pytest.raises(Forbidden):
        await service.set_typing(ROOM, UserId("@eve:example.org"), True, 10_000)


async def test_a_membership_read_before_it_changed_is_not_remembered(house: House) -> None:
    service = house.service()
    answer = asyncio.Event()

    async def slow_member(room_id: str, user_id: str) -> Member | None:
        await answer.wait()
        return Member(user_id, "join", 1, "$e", user_id)

    house.member = slow_member  # type: ignore[method-assign]
    asking = asyncio.create_task(service.set_typing(ROOM, ALICE, True, 10_000))
    await asyncio.sleep(0)
    house.log(EventFacts("m.room.member", ALICE, ALICE, membership="leave"))
    answer.set()
    await asking
    del house.member  # type: ignore[method-assign]
    house.memberships.clear()
    with pytest.raises(Forbidden):
        await service.set_typing(ROOM, ALICE, True, 10_000)


async def test_a_room_shows_a_bounded_number(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing_module, "USERS_PER_ROOM_MAX", 1)
    monkeypatch.setattr(typing_module, "ROOMS_MAX", 1)
    service = house.service()
    other = RoomId("!other:example.org")
    house.memberships[other, ALICE] = "join"
    for user, room in [(ALICE, ROOM), (BOB, ROOM), (ALICE, other)]:
        await service.set_typing(room, user, True, 10_000)
    assert (service.users(ROOM), service.users(other)) == ([ALICE], [])


async def test_two_nodes_show_the_same_and_survive_nonsense(house: House) -> None:
    one, two = house.service(), house.service()
    await one.start()
    await two.start()
    try:
        await house.bus.publish("ephemeral.typing", b"\xc1 nonsense")
        await one.set_typing(ROOM, ALICE, True, 10_000)
        await asyncio.sleep(0)
        assert two.users(ROOM) == [ALICE]
        await one.set_typing(ROOM, ALICE, False, None)
        await asyncio.sleep(0)
        assert not two.users(ROOM)
        assert one.source != two.source
    finally:
        await one.stop()
        await two.stop()


def test_a_forgotten_version_is_never_too_low() -> None:
    versions = Versions(limit=2)
    for key in ("a", "b", "c"):
        versions.bump(key)
    assert [versions.of(key) for key in ("a", "b", "c", "never")] == [1, 2, 3, 1]


def test_a_key_comes_due_once_at_its_earliest_time() -> None:
    deadlines = Deadlines[str]()
    for key, at in [("x", 5.0), ("x", 3.0), ("x", 9.0), ("y", 4.0)]:
        deadlines.set(key, at)
    assert list(deadlines.pop_due(2.9)) == []
    assert list(deadlines.pop_due(10)) == ["x", "y"]
    assert not deadlines
    assert list(deadlines.pop_due(99)) == []
