"""Who is there: what devices, the log, other nodes and the passing of time make of it."""

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import pytest

from bongsu.errors import Forbidden, InvalidParam
from bongsu.ids import UserId
from bongsu.log.entry import Entry, EventFacts, Kind, encode_facts
from bongsu.memory.bus import MemoryBus
from bongsu.presence import presence as presence_module
from bongsu.presence.person import Person
from bongsu.presence.presence import PresenceService
from bongsu.rooms.client_event import Device

ALICE, BOB = UserId("@alice:example.org"), UserId("@bob:example.org")
PHONE, DESK = Device(ALICE, "PHONE"), Device(ALICE, "DESK")


class House:
    """A clock to turn, a log to write, and who shares a room with whom."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sharing = {(BOB, ALICE)}
        self.listeners: list[Callable[[Sequence[Entry]], None]] = []
        self.bus = MemoryBus()

    def listen(
        self,
        listener: Callable[[Sequence[Entry]], None],
        jumped: Callable[[int], None] | None = None,
    ) -> None:
        self.listeners.append(listener)

    async def shares_room(self, user_id: str, other: str) -> bool:
        return (UserId(user_id), UserId(other)) in self.sharing

    def service(self) -> PresenceService:
        return PresenceService(self.bus, self, self, clock=lambda: self.now)

    def sends(self, user_id: str) -> None:
        facts = encode_facts(EventFacts("m.room.message", user_id))
        for listener in self.listeners:
            listener([Entry(1, 1, Kind.EVENT, "!room", "$e", b"{}", facts)])


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def pair(house: House) -> AsyncIterator[tuple[PresenceService, PresenceService]]:
    """Two nodes on one bus; the test flushes them by hand."""
    nodes = house.service(), house.service()
    for node in nodes:
        await node.start()
    yield nodes
    for node in nodes:
        await node.stop()


def content(service: PresenceService, user_id: str = ALICE) -> dict[str, object]:
    event = service.event(user_id)
    assert event is not None
    decoded = msgspec.json.decode(event)
    assert (decoded["type"], decoded["sender"]) == ("m.presence", user_id)
    return decoded["content"]


def presence(service: PresenceService, user_id: str = ALICE) -> object:
    return content(service, user_id)["presence"]


def test_syncing_makes_present_and_silence_absent(house: House) -> None:
    service, heard = house.service(), list[str]()
    service.listen(heard.append)
    service.touch(PHONE, "online")
    for _ in range(3):
        house.now += 30
        service.touch(PHONE, "online")
        service.sweep()
    assert presence(service) == "online"
    assert list(service.active_users()) == [ALICE]
    house.now += 91
    service.sweep()
    assert presence(service) == "offline"
    assert not service.active_users()
    assert heard == [ALICE] * 3  # came, no longer currently active, went
    assert service.version(ALICE) == service.cursor == 3


def test_a_sync_that_asks_not_to_be_seen_is_not(house: House) -> None:
    service = house.service()
    service.touch(PHONE, "offline")
    assert service.event(ALICE) is None
    service.touch(PHONE, "online")
    service.touch(PHONE, "offline")
    assert presence(service) == "offline"


def test_the_most_present_device_counts(house: House) -> None:
    service = house.service()
    service.touch(PHONE, "unavailable")
    assert presence(service) == "unavailable"
    service.touch(DESK, "online")
    assert presence(service) == "online"


def test_who_does_nothing_is_idle_and_wakes_by_sending(house: House) -> None:
    service = house.service()
    service.touch(PHONE, "online")
    assert content(service)["currently_active"] is True
    for _ in range(11):
        house.now += 30
        service.touch(PHONE, "online")
        service.sweep()
    assert presence(service) == "unavailable"
    assert content(service)["last_active_ago"] == 330_000
    house.sends(BOB)
    assert presence(service) == "unavailable"
    house.sends(ALICE)
    assert content(service) == {
        "presence": "online", "currently_active": True, "last_active_ago": 0,
    }  # fmt: skip


def test_what_a_client_sets_stands_while_it_syncs_without_a_word(house: House) -> None:
    service = house.service()
    service.touch(PHONE, "online")
    service.set(PHONE, "unavailable", "at lunch")
    service.touch(PHONE, "online")
    assert content(service)["status_msg"] == "at lunch"
    assert presence(service) == "unavailable"
    service.set(PHONE, "offline", None)
    service.touch(PHONE, "online")
    house.sends(ALICE)
    assert content(service) == {"presence": "offline", "last_active_ago": 0}
    service.touch(PHONE, "unavailable")
    assert presence(service) == "unavailable"


async def test_only_who_shares_a_room_may_ask(house: House) -> None:
    service = house.service()
    assert await service.get(BOB, ALICE) == {"presence": "offline"}
    service.touch(PHONE, "online")
    assert (await service.get(BOB, ALICE))["presence"] == "online"
    assert (await service.get(ALICE, ALICE))["presence"] == "online"
    with pytest.raises(Forbidden):
        await service.get(ALICE, BOB)
    with pytest.raises(InvalidParam):
        service.set(PHONE, "online", "x" * 501)


Pair = tuple[PresenceService, PresenceService]


async def test_nodes_tell_each_other(house: House, pair: Pair) -> None:
    one, two = pair
    one.set(PHONE, "online", "here")
    await one.flush()
    assert content(two) == content(one)
    two.touch(DESK, "unavailable")
    await two.flush()
    house.now += 1
    one.set(PHONE, "offline", "gone")
    await one.flush()
    assert presence(one) == presence(two) == "unavailable"
    assert content(one)["status_msg"] == content(two)["status_msg"] == "gone"


async def test_a_node_that_dies_takes_its_people_along(house: House, pair: Pair) -> None:
    one, two = pair
    one.touch(PHONE, "online")
    await one.flush()
    for _ in range(4):  # alive: it repeats itself
        house.now += 31
        one.touch(PHONE, "online")
        await one.flush()
        two.sweep()
    assert presence(two) == "online"
    house.now += 91
    two.sweep()
    assert presence(two) == "offline"


async def test_a_node_that_starts_late_hears_of_everybody(house: House, pair: Pair) -> None:
    one, two = pair
    one.touch(PHONE, "online")
    await one.flush()
    late = house.service()
    await late.start()
    house.now += 31
    one.touch(PHONE, "online")
    await one.flush()
    await house.bus.publish("ephemeral.presence", b"\xc1 nonsense")
    assert presence(late) == presence(two) == "online"
    await late.stop()


def test_memory_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_module, "PERSONS_MAX", 3)
    monkeypatch.setattr(presence_module, "OFFLINE_KEPT_MAX", 1)
    service = house.service()
    for n in range(5):
        service.touch(Device(f"@user{n}:example.org", "D"), "online")
    assert len(service.active_users()) == 3
    house.now += 91
    service.sweep()
    assert sum(service.event(f"@user{n}:example.org") is not None for n in range(5)) == 1


def test_time_alone_never_changes_what_is_shown_between_two_looks() -> None:
    person = Person()
    person.synced("PHONE", "online", 0.1)
    now = 0.1
    while (at := person.next_look(now)) is not None:
        assert at > now
        before = person.show(now)
        assert person.show((now + at) / 2) == before
        now = at
        person.expire(now)
    assert person.show(now).presence == "offline"
