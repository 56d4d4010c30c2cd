"""What of the log concerns a service, kind by kind, and what it is asked."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bongsu.appservices.asking import Asking
from bongsu.appservices.calls import Calls
from bongsu.appservices.draft import Draft
from bongsu.appservices.interest import Interest
from bongsu.appservices.namespaces import Service
from bongsu.appservices.registration import parse
from bongsu.appservices.scanner import DeviceMessage, Scanner
from bongsu.appservices.services import Services
from bongsu.appservices.thirdparty import Networks
from bongsu.fetching import Fetched
from bongsu.keys.inbox import KeyCounts
from bongsu.log.entry import (
    DeviceIds,
    Entry,
    EventFacts,
    Kind,
    Receipt,
    ToDevice,
    encode_body,
    encode_facts,
)
from bongsu.log.position import ORIGIN, Vector, partition_of

GHOST, ALICE, ROOM, OTHER = "@_irc_ann:x", "@alice:x", "!room:x", "!other:x"
BASE: dict[str, Any] = {
    "id": "irc", "url": "http://irc", "as_token": "a", "hs_token": "h", "sender_localpart": "_irc",
    "namespaces": {"users": [{"exclusive": True, "regex": "@_irc_.*"}],
                   "aliases": [{"exclusive": True, "regex": "#_irc_.*"}]},
    "receive_ephemeral": True, "org.matrix.msc3202": True, "protocols": ["irc"],
}  # fmt: skip


class FakeLog:
    """A few entries, and the tables beside them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.joined: dict[str, list[str]] = {ROOM: [GHOST, ALICE]}
        self.aliases: dict[str, list[str]] = {}

    def add(self, kind: Kind, key: str, body: bytes = b"", facts: EventFacts | None = None) -> None:
        p = partition_of(key)
        position = 1 + sum(each.partition == p for each in self.entries)
        encoded = b"" if facts is None else encode_facts(facts)
        self.entries.append(Entry(p, position, kind, key, f"${p}-{position}", body, encoded))

    def say(self, room_id: str, sender: str = ALICE, **more: Any) -> None:
        body = msgspec.json.encode({"content": {"body": room_id}, "origin_server_ts": 1})
        self.add(Kind.EVENT, room_id, body, EventFacts("m.room.message", sender, **more))

    async def read(self, after: Vector, through: Vector, first: int, limit: int) -> list[Entry]:
        return self.entries

    async def messages_at(self, user_id: str, position: int) -> Sequence[DeviceMessage]:
        return [DeviceMessage("PHONE", b'{"type":"m.key"}')]

    async def key_counts(self, user_id: str, device_id: str) -> KeyCounts | None:
        return KeyCounts({"signed_curve25519": 5}, ["signed_curve25519"])

    async def list_joined_at(self, room_id: str, position: int) -> Sequence[str]:
        return self.joined.get(room_id, [])

    async def list_rooms_of(self, user_id: str, limit: int) -> Sequence[str]:
        return [room for room, members in self.joined.items() if user_id in members]

    async def aliases_of(self, room_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return self.aliases

    async def load_events(self, ids: Any, vector: Vector) -> Mapping[str, Any]:
        return {}

    async def ask_for_user(self, service: Service, user_id: str) -> None: ...


async def told(log: FakeLog, **registration: Any) -> dict[str, Any]:
    """The body of the transaction that tells everything in `log`."""
    service = Service(parse("irc.yaml", {**BASE, **registration}, "x"), "x")
    scanner = Scanner(service, log, Interest(service, log), log, log)  # type: ignore[arg-type]
    draft = Draft()
    reached = await scanner.scan(ORIGIN, ORIGIN, draft)
    assert sum(reached) == len(log.entries), "everything was looked at"
    return dict(msgspec.json.decode(await scanner.encode(draft, reached)))


async def test_rooms_with_its_users_or_aliases() -> None:
    log = FakeLog()
    log.say(ROOM)
    log.say(OTHER)
    log.say("!aliased:x")
    log.aliases = {"!aliased:x": ["#_irc_hill:x"], OTHER: ["#hill:x"]}
    heard = {event["room_id"]: event for event in (await told(log))["events"]}
    assert heard.keys() == {ROOM, "!aliased:x"}
    assert heard[ROOM]["content"] == {"body": ROOM}


async def test_an_invitation_and_a_departure_are_heard_though_nobody_is_inside() -> None:
    log = FakeLog()
    facts = EventFacts("m.room.member", ALICE, GHOST, membership="invite")
    log.add(Kind.EVENT, OTHER, b'{"content":{},"origin_server_ts":1}', facts)
    log.say(OTHER)
    left = EventFacts("m.room.member", GHOST, GHOST, membership="leave", membership_before="join")
    log.add(Kind.EVENT, ROOM, b'{"content":{},"origin_server_ts":1}', left)
    log.say(ROOM)
    assert [event["type"] for event in (await told(log))["events"]] == 2 * ["m.room.member"]


async def test_receipts() -> None:
    log = FakeLog()
    for kind, user in (
        ("m.read", ALICE), ("m.read.private", ALICE), ("m.read.private", GHOST),
        ("m.fully_read", GHOST),
    ):  # fmt: skip
        log.add(Kind.RECEIPT, ROOM, encode_body(Receipt(user, kind, "$e", "main", 7, 1)))
    heard = [event["content"]["$e"] for event in (await told(log))["ephemeral"]]
    read = {"ts": 7, "thread_id": "main"}
    assert heard == [{"m.read": {ALICE: read}}, {"m.read.private": {GHOST: read}}]
    assert "ephemeral" not in await told(log, receive_ephemeral=False)


async def test_room_keys_come_no_later_than_what_they_open() -> None:
    log = FakeLog()
    log.say(ROOM, after=((partition_of(GHOST), 1),))
    log.add(Kind.TO_DEVICE, GHOST, encode_body(ToDevice(ALICE, "D", ("PHONE",))))
    log.add(Kind.TO_DEVICE, ALICE, encode_body(ToDevice(GHOST, "D", ("PHONE",))))
    body = await told(log)
    assert len(body["events"]) == 1
    message = {"type": "m.key", "to_user_id": GHOST, "to_device_id": "PHONE"}
    assert body["de.sorunome.msc2409.to_device"] == [message]


async def test_devices_and_their_keys() -> None:
    log = FakeLog()
    log.add(Kind.ONE_TIME_KEYS, GHOST, encode_body(DeviceIds(("PHONE",))))
    log.add(Kind.ONE_TIME_KEYS, ALICE, encode_body(DeviceIds(("PHONE",))))
    log.add(Kind.DEVICE_LIST, ALICE)
    log.add(Kind.DEVICE_LIST, "@stranger:x")
    body = await told(log)
    counts = {GHOST: {"PHONE": {"signed_curve25519": 5}}}
    assert body["org.matrix.msc3202.device_one_time_keys_count"] == counts
    assert body["org.matrix.msc3202.device_lists"] == {"changed": [ALICE], "left": []}


class Http:
    """Answers by path; anything else is an unknown path."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.on_ask: Any = None

    async def get(self, url: str, **options: Any) -> Fetched:
        self.asked.append(url)
        assert options["headers"] == {"Authorization": "Bearer h"}
        if self.on_ask is not None:
            await self.on_ask()
        for path, answer in self.answers.items():
            if url.endswith(path.replace("__", "/")):
                return Fetched(200, url, {}, msgspec.json.encode(answer))
        return Fetched(404, url, {}, b'{"errcode":"M_UNRECOGNIZED"}')

    async def send_json(self, method: str, url: str, document: Any, **options: Any) -> Fetched:
        return await self.get(url, **options)


async def test_older_services_are_asked_at_older_paths() -> None:
    service = Service(parse("irc.yaml", BASE, "x"), "x")
    http = Http(**{"/transactions/1": {}})
    await Calls(http).send_transaction(service, "1", b'{"events":[]}')
    assert http.asked == ["http://irc/_matrix/app/v1/transactions/1"]
    http = Http()
    http.answers = {"irc/users/%40_irc_ann%3Ax": {}}
    assert await Calls(http).exists(service, "users", GHOST)
    assert len(http.asked) == 2


async def test_a_service_that_looks_while_it_is_asked_is_not_asked_again() -> None:
    services = Services([parse("irc.yaml", BASE, "x")], "x")
    http, rooms = Http(**{"%23_irc_hill%3Ax": {}}), dict[str, str]()

    class Tables:
        async def room_of(self, alias: str) -> str | None:
            return rooms.get(alias)

        async def get(self, user_id: str) -> None: ...

    asking = Asking(services, Calls(http), Tables(), Tables())

    async def make() -> None:
        assert await asking.room_of("#_irc_hill:x") is None
        rooms["#_irc_hill:x"] = ROOM

    http.on_ask = make
    async with asyncio.timeout(5):
        assert await asking.room_of("#_irc_hill:x") == ROOM
    assert len(http.asked) == 1
    assert await asking.room_of("#hill:x") is None, "nobody's to make"
    assert len(http.asked) == 1


async def test_a_network_s_answers_are_checked() -> None:
    services = Services([parse("irc.yaml", BASE, "x")], "x")
    answers = {"/protocol/irc": {"icon": "x", "instances": [{"network_id": "n"}, 3]},
               "/user/irc?a=b": [{"userid": GHOST}, {"userid": 3}, "x"]}  # fmt: skip
    networks = Networks(services, Calls(Http(**answers)))
    instance = {"network_id": "n", "instance_id": "irc|n"}
    assert await networks.protocols() == {"irc": {"icon": "x", "instances": [instance]}}
    assert await networks.search("user", "irc", [("a", "b")]) == [{"userid": GHOST}]
