"""/sync on a real log: what people do arrives once, in order, counted, and shown to nobody else."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fixtures.sync_house import ALICE, BOB, CAROL, SyncHouse, bodies, joined, open_house

from bongsu.errors import InvalidParam
from bongsu.postgres.database import Database

LEFT_TOO = {"room": {"include_leave": True}}


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[SyncHouse]:
    async with open_house(database_dsn, database) as house:
        yield house


async def test_a_first_sync_shows_the_room_and_the_next_what_follows(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    await house.send(room, ALICE, "one")
    first = await house.get(BOB)
    shown = joined(first, room)
    assert bodies(shown) == ["one"]
    assert shown["summary"]["m.joined_member_count"] == 2
    assert shown["summary"]["m.heroes"] == [ALICE]
    types = [event["type"] for event in shown["timeline"]["events"]]
    assert types[0] == "m.room.create"
    assert shown["state"]["events"] == []
    assert {e["type"] for e in first["account_data"]["events"]} == {"m.push_rules"}

    await house.send(room, ALICE, "two")
    second = await house.get(BOB, first["next_batch"])
    shown = joined(second, room)
    assert bodies(shown) == ["two"]
    assert shown["timeline"]["limited"] is False
    assert shown["unread_notifications"] == {"notification_count": 2, "highlight_count": 0}
    (event,) = shown["timeline"]["events"]
    assert event["unsigned"] == {"membership": "join"}
    assert "room_id" not in event

    third = await house.get(BOB, second["next_batch"])
    assert third == {"next_batch": second["next_batch"]}


async def test_a_waiting_client_is_woken(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    waiting = asyncio.create_task(house.get(BOB, token, wait=30))
    while not house.sync.waiters.count:
        await asyncio.sleep(0.01)
    await house.send(room, ALICE, "wake up")
    assert bodies(joined(await waiting, room)) == ["wake up"]
    assert house.sync.waiters.count == 0


async def test_a_timeout_gives_the_token_back(house: SyncHouse) -> None:
    await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    assert await house.get(BOB, token, wait=0.3) == {"next_batch": token}


async def test_another_process_goes_on_from_a_token(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    other_room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    await house.send(room, ALICE, "elsewhere")
    answer = await house.get(BOB, token, sync=house.new_sync())
    assert bodies(joined(answer, room)) == ["elsewhere"]
    assert other_room not in answer["rooms"]["join"]


async def test_a_gap_is_limited_and_its_state_is_told(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    await house.state(room, ALICE, "m.room.topic", {"topic": "old"})
    await house.state(room, ALICE, "m.room.topic", {"topic": "new"})
    for n in range(5):
        await house.send(room, ALICE, str(n))
    limit = {"room": {"timeline": {"limit": 3}}}
    shown = joined(await house.get(BOB, token, filter=limit), room)
    assert bodies(shown) == ["2", "3", "4"]
    assert shown["timeline"]["limited"] is True
    assert [e["content"]["topic"] for e in shown["state"]["events"]] == ["new"]

    after = joined(await house.get(BOB, token, filter=limit, state_key="state_after"), room)
    assert "state" not in after
    assert [e["content"]["topic"] for e in after["state_after"]["events"]] == ["new"]


async def test_state_after_names_the_state_in_the_timeline(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    await house.state(room, ALICE, "m.room.topic", {"topic": "new"})
    shown = joined(await house.get(BOB, token, state_key="state_after"), room)
    assert [e["type"] for e in shown["timeline"]["events"]] == ["m.room.topic"]
    assert [e["type"] for e in shown["state_after"]["events"]] == ["m.room.topic"]


async def test_invite_join_leave_and_rejoin(house: SyncHouse) -> None:
    room = await house.room(ALICE)
    token = (await house.get(BOB))["next_batch"]
    await house.member(room, BOB, "invite", by=ALICE)
    answer = await house.get(BOB, token)
    state = answer["rooms"]["invite"][room]["invite_state"]["events"]
    assert {e["type"] for e in state} >= {"m.room.create", "m.room.member"}

    await house.member(room, BOB, "join")
    answer = await house.get(BOB, answer["next_batch"])
    shown = joined(answer, room)
    assert shown["timeline"]["limited"] is True
    assert "invite" not in answer["rooms"]

    await house.send(room, ALICE, "before")
    await house.member(room, BOB, "leave")
    await house.send(room, ALICE, "not for Bob")
    answer = await house.get(BOB, answer["next_batch"])
    left = answer["rooms"]["leave"][room]
    assert bodies(left) == ["before"]
    assert left["timeline"]["events"][-1]["content"]["membership"] == "leave"
    assert "join" not in answer["rooms"]

    await house.member(room, BOB, "join")
    shown = joined(await house.get(BOB, answer["next_batch"]), room)
    assert bodies(shown) == ["before", "not for Bob"]  # the history is shared


async def test_a_leave_and_a_join_in_one_interval_show_the_room_anew(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    await house.member(room, BOB, "leave")
    await house.member(room, BOB, "join")
    limit = {"room": {"timeline": {"limit": 1}}}
    shown = joined(await house.get(BOB, token, filter=limit), room)
    assert shown["timeline"]["limited"] is True
    assert {"m.room.create", "m.room.member"} <= {e["type"] for e in shown["state"]["events"]}


async def test_a_rejected_invite_shows_nothing_of_the_room(house: SyncHouse) -> None:
    room = await house.room(ALICE)
    await house.member(room, BOB, "invite", by=ALICE)
    token = (await house.get(BOB))["next_batch"]
    await house.member(room, BOB, "leave")
    left = (await house.get(BOB, token))["rooms"]["leave"][room]
    assert [e["type"] for e in left["timeline"]["events"]] == ["m.room.member"]
    assert left["state"]["events"] == []
    assert (await house.get(BOB, filter=LEFT_TOO))["rooms"]["leave"] == {}


async def test_left_and_forgotten_rooms_on_a_first_sync(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    left = await house.member(room, BOB, "leave")
    assert room in (await house.get(BOB, filter=LEFT_TOO))["rooms"]["leave"]
    assert (await house.get(BOB))["rooms"]["leave"] == {}
    await house.forget(BOB, room, left.position)
    for sync in (house.sync, house.new_sync()):
        assert (await house.get(BOB, filter=LEFT_TOO, sync=sync))["rooms"]["leave"] == {}


async def test_receipts_and_counts(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    one = await house.send(room, ALICE, "one")
    mention = {"msgtype": "m.text", "body": "Bob", "m.mentions": {"user_ids": [BOB]}}
    two = await house.send(room, ALICE, content=mention)
    answer = await house.get(BOB)
    counts = joined(answer, room)["unread_notifications"]
    assert counts == {"notification_count": 2, "highlight_count": 1}
    await house.read(room, BOB, one.event_id, "m.read.private")
    answer = await house.get(BOB, answer["next_batch"])
    shown = joined(answer, room)
    assert shown["unread_notifications"] == {"notification_count": 1, "highlight_count": 1}
    (receipts,) = shown["ephemeral"]["events"]
    assert receipts["content"] == {one.event_id: {"m.read.private": {BOB: {"ts": 1}}}}

    alice = await house.get(ALICE)
    await house.read(room, BOB, two.event_id)
    answer = await house.get(BOB, answer["next_batch"])
    assert joined(answer, room)["unread_notifications"]["notification_count"] == 0
    seen = joined(await house.get(ALICE, alice["next_batch"]), room)
    assert seen["ephemeral"]["events"][0]["content"] == {two.event_id: {"m.read": {BOB: {"ts": 1}}}}
    assert "m.read.private" not in str(alice)


async def test_a_redacted_mention_highlights_no_more(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    since = (await house.get(BOB))["next_batch"]
    mention = {"msgtype": "m.text", "body": "Bob", "m.mentions": {"user_ids": [BOB]}}
    said = await house.send(room, ALICE, content=mention)
    answer = await house.get(BOB, since)
    assert joined(answer, room)["unread_notifications"]["highlight_count"] == 1
    await house.redact(room, ALICE, said.event_id)
    answer = await house.get(BOB, answer["next_batch"])
    assert joined(answer, room)["unread_notifications"]["highlight_count"] == 0


async def test_sending_reads_and_threads_count_apart(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    root = await house.send(room, ALICE, "root")
    thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": root.event_id}}
    await house.send(room, ALICE, content={"msgtype": "m.text", "body": "r", **thread})
    by_thread = {"room": {"timeline": {"unread_thread_notifications": True}}}
    for sync in (house.sync, house.new_sync()):
        shown = joined(await house.get(BOB, filter=by_thread, sync=sync), room)
        assert shown["unread_notifications"]["notification_count"] == 1
        assert shown["unread_thread_notifications"] == {
            root.event_id: {"notification_count": 1, "highlight_count": 0}
        }
    assert joined(await house.get(BOB), room)["unread_notifications"]["notification_count"] == 2
    token = (await house.get(BOB))["next_batch"]
    await house.send(room, BOB, "mine")
    for sync in (house.sync, house.new_sync()):
        shown = joined(await house.get(BOB, token, filter=by_thread, sync=sync), room)
        assert shown["unread_notifications"]["notification_count"] == 0
        assert root.event_id in shown["unread_thread_notifications"]


async def test_heroes_are_the_first_five_others(house: SyncHouse) -> None:
    """By the age of their membership: the joined, then the invited; who left only if all have."""
    people = [f"@{name}:test" for name in "zyxwvu"]
    crowd = [f"@a{number:03}:test" for number in range(110)]  # before them all by name
    room = await house.room(ALICE, *people, *crowd)

    async def heroes(user: str, room: str) -> list[str]:
        return joined(await house.get(user, sync=house.new_sync()), room)["summary"]["m.heroes"]

    assert await heroes(ALICE, room) == people[:5]
    assert await heroes(people[0], room) == [ALICE, *people[1:5]]
    await house.member(room, people[1], "leave")
    assert await heroes(ALICE, room) == [people[0], *people[2:6]]

    small = await house.room(ALICE)
    await house.member(small, BOB, "invite", by=ALICE)
    await house.member(small, CAROL, "join")
    assert await heroes(ALICE, small) == [CAROL, BOB]
    await house.member(small, CAROL, "leave")
    assert await heroes(ALICE, small) == [BOB]
    await house.member(small, BOB, "ban", by=ALICE)
    assert await heroes(ALICE, small) == [CAROL, BOB]


async def test_lazy_loading_shows_who_speaks_once(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB, CAROL)
    lazy = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 1}}}
    await house.send(room, ALICE, "hi")
    answer = await house.get(BOB, filter=lazy)

    def members(answer: dict[str, object]) -> set[str]:
        events = joined(answer, room)["state"]["events"]
        return {e["state_key"] for e in events if e["type"] == "m.room.member"}

    assert members(answer) == {ALICE, BOB, CAROL}  # sender, self, hero
    for n in range(6):
        await house.member(room, f"@n{n}:test", "join")
    answer = await house.get(BOB, answer["next_batch"], filter=lazy)
    token = answer["next_batch"]
    await house.send(room, "@n0:test", "spoken")
    answer = await house.get(BOB, token, filter=lazy)
    assert members(answer) == set()  # told of in the gap
    answer = await house.get(BOB, token, filter=lazy, sync=house.new_sync())
    assert members(answer) == {"@n0:test"}  # a saving only


async def test_ignored_people_are_silent(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    await house.put(BOB, "m.ignored_user_list", {"ignored_users": {ALICE: {}}})
    token = (await house.get(BOB))["next_batch"]
    await house.send(room, ALICE, "unheard")
    await house.state(room, ALICE, "m.room.topic", {"topic": "seen"})
    shown = joined(await house.get(BOB, token), room)
    assert [e["type"] for e in shown["timeline"]["events"]] == ["m.room.topic"]
    assert shown["unread_notifications"]["notification_count"] == 0
    other = await house.room(ALICE)
    await house.member(other, BOB, "invite", by=ALICE)
    assert "invite" not in (await house.get(BOB))["rooms"]


async def test_account_data_is_shown_as_it_changes(house: SyncHouse) -> None:
    room = await house.room(ALICE)
    token = (await house.get(ALICE))["next_batch"]
    await house.put(ALICE, "org.example", {"a": 1})
    await house.put(ALICE, "m.tag", {"tags": {}}, room=room)
    answer = await house.get(ALICE, token)
    assert answer["account_data"]["events"] == [{"type": "org.example", "content": {"a": 1}}]
    shown = joined(answer, room)["account_data"]["events"]
    assert shown == [{"type": "m.tag", "content": {"tags": {}}}]


async def test_typing_comes_and_goes(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    house.typing.set(room, [ALICE])
    answer = await house.get(BOB, token)
    assert joined(answer, room)["ephemeral"]["events"][0]["content"] == {"user_ids": [ALICE]}
    again = await house.get(BOB, answer["next_batch"])
    assert "rooms" not in again
    house.typing.set(room, [])
    ended = await house.get(BOB, answer["next_batch"])
    assert joined(ended, room)["ephemeral"]["events"][0]["content"] == {"user_ids": []}


async def test_typing_of_a_process_that_went_away_ends(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    house.typing.set(room, [ALICE])
    token = (await house.get(BOB))["next_batch"]
    house.typing.__init__()  # the process starts anew
    house.typing.source = "two"
    ended = await house.get(BOB, token, sync=house.new_sync())
    assert joined(ended, room)["ephemeral"]["events"][0]["content"] == {"user_ids": []}


async def test_presence_of_people_in_the_same_room(house: SyncHouse) -> None:
    await house.room(ALICE, BOB)
    await house.get(ALICE)
    token = (await house.get(BOB))["next_batch"]
    house.presence.set(ALICE, "online")
    house.presence.set(CAROL, "online")
    answer = await house.get(BOB, token, wait=5)
    assert [e["sender"] for e in answer["presence"]["events"]] == [ALICE]
    assert [e["sender"] for e in (await house.get(BOB))["presence"]["events"]] == [ALICE]


async def test_a_redacted_event_is_shown_redacted(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    sent = await house.send(room, ALICE, "secret")
    await house.redact(room, ALICE, sent.event_id)
    events = joined(await house.get(BOB, token), room)["timeline"]["events"]
    assert events[0]["content"] == {}
    assert events[0]["unsigned"]["redacted_because"]["type"] == "m.room.redaction"
    assert events[1]["redacts"] == sent.event_id
    assert events[1]["content"]["redacts"] == sent.event_id


async def test_unsigned_tells_what_was_before_and_to_whom_it_belongs(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(ALICE))["next_batch"]
    first = await house.state(room, ALICE, "m.room.topic", {"topic": "1"})
    await house.state(room, ALICE, "m.room.topic", {"topic": "2"})
    await house.send(room, ALICE, "mine", device_id="D", txn_id="t1")
    for sync in (house.sync, house.new_sync()):
        events = joined(await house.get(ALICE, token, sync=sync), room)["timeline"]["events"]
        assert events[1]["unsigned"]["prev_content"] == {"topic": "1"}
        assert events[1]["unsigned"]["replaces_state"] == first.event_id
        assert events[2]["unsigned"]["transaction_id"] == "t1"
    events = joined(await house.get(ALICE, token, device="E"), room)["timeline"]["events"]
    assert "transaction_id" not in events[2]["unsigned"]


async def test_relations_are_bundled_after_a_gap(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    root = await house.send(room, ALICE, "root")
    edit = {"msgtype": "m.text", "body": "* new", "m.new_content": {"body": "new"}}
    relation = {"rel_type": "m.replace", "event_id": root.event_id}
    await house.send(room, ALICE, content={**edit, "m.relates_to": relation})
    relation = {"rel_type": "m.thread", "event_id": root.event_id}
    await house.send(
        room, BOB, content={"msgtype": "m.text", "body": "r", "m.relates_to": relation}
    )
    events = joined(await house.get(BOB), room)["timeline"]["events"]
    (shown,) = [e for e in events if e["event_id"] == root.event_id]
    bundle = shown["unsigned"]["m.relations"]
    assert bundle["m.replace"]["content"]["m.new_content"] == {"body": "new"}
    assert bundle["m.thread"]["count"] == 1
    assert bundle["m.thread"]["current_user_participated"] is True


async def test_history_that_is_hidden_stays_hidden(house: SyncHouse) -> None:
    room = await house.room(ALICE, m_room_history_visibility={"history_visibility": "joined"})
    await house.send(room, ALICE, "before")
    await house.member(room, BOB, "join")
    await house.send(room, ALICE, "after")
    for sync in (house.sync, house.new_sync()):
        assert bodies(joined(await house.get(BOB, sync=sync), room)) == ["after"]


async def test_filters_choose_types(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    await house.send(room, ALICE, "no", type="org.example.other", content={"body": "x"})
    wanted = {"room": {"timeline": {"types": ["m.room.mess*"]}}}
    assert "rooms" not in await house.get(BOB, token, filter=wanted)
    await house.send(room, ALICE, "yes")
    shown = joined(await house.get(BOB, token, filter=wanted), room)
    assert bodies(shown) == ["yes"]
    assert "rooms" not in await house.get(BOB, token, filter={"room": {"not_rooms": [room]}})


async def test_full_state_answers_at_once_with_everything(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    token = (await house.get(BOB))["next_batch"]
    shown = joined(await house.get(BOB, token, full_state=True, wait=30), room)
    assert {e["type"] for e in shown["state"]["events"]} >= {"m.room.create", "m.room.member"}
    assert shown["timeline"]["events"] == []


async def test_bad_and_foreign_tokens(house: SyncHouse) -> None:
    room = await house.room(ALICE)
    for token in ("x", "t5", "s1_2_3", "b" * 4000, "bAAAA", "\u2603"):
        with pytest.raises(InvalidParam):
            await house.get(ALICE, token)
    house.heart.follower.incarnation = "another life"
    foreign = (await house.get(ALICE, sync=house.new_sync()))["next_batch"]
    house.heart.follower.incarnation = "test"
    answer = await house.get(ALICE, foreign)
    assert room in answer["rooms"]["join"]
    assert answer["next_batch"] != foreign
