"""Searching on a real PostgreSQL: what is found, by whom, in which order, and what never."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from fixtures.room_house import ALICE, BOB, CAROL
from fixtures.search_house import SearchHouse

from bongsu.errors import BadJson, InvalidParam, Refused, Unavailable
from bongsu.log.proposal import fresh_request_id
from bongsu.postgres.database import Database
from bongsu.search import documents, finding, indexer, service
from bongsu.search.indexer import Update
from bongsu.users.proposals import ForgetRoom, PutAccountData

RECENT = {"order_by": "recent"}


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[SearchHouse]:
    house = SearchHouse(database_dsn, database)
    await house.heart.start()
    yield house
    await house.heart.stop()


def edit_of(event_id: str, body: str) -> dict[str, Any]:
    return {
        "m.new_content": {"msgtype": "m.text", "body": body},
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }


async def test_words_are_found_in_any_case_and_all_must_be_there(house: SearchHouse) -> None:
    room = await house.room()
    for body in ("The BEACONS burn", "a beacon", "burned out", "nothing"):
        await house.say(room, body)
    assert await house.found(ALICE, "beacon", **RECENT) == ["a beacon", "The BEACONS burn"]
    assert await house.found(ALICE, "burn beacons", **RECENT) == ["The BEACONS burn"]
    assert await house.found(ALICE, "bea") == []
    assert (await house.search(ALICE, "Beacon burn"))["highlights"] == ["beacons", "burn"]


async def test_korean_is_found_without_word_breaks_down_to_one_syllable(
    house: SearchHouse,
) -> None:
    room = await house.room()
    fire = "판교 데이터센터 화재로 카카오톡이 멈췄습니다"
    for body in (fire, "데이터 없는 센터", "산불이 났다", "점심 먹자 ㅋㅋㅋ"):
        await house.say(room, body)
    for term in ("화재", "화", "터센", "데이터센터", "톡이 화재", "카카오톡"):
        assert await house.found(ALICE, term) == [fire], term
    assert await house.found(ALICE, "불") == ["산불이 났다"]
    assert await house.found(ALICE, "ㅋㅋ") == ["점심 먹자 ㅋㅋㅋ"]
    # Its pairs are all in the first text, but not in a row.
    await house.say(room, "이터센 데이 터센터 터센")
    assert await house.found(ALICE, "데이터센터") == [fire]


async def test_names_and_topics_are_searched_by_key(house: SearchHouse) -> None:
    room = await house.room(("m.room.name", "", {"name": "Beacon hill"}))
    await house.send(room, ALICE, {"topic": "beacon fires"}, "m.room.topic", "")
    await house.send(
        room, ALICE, {"m.topic": {"m.text": [{"body": "봉수대"}]}, "topic": "x"}, "m.room.topic", ""
    )
    await house.say(room, "beacon lit")
    assert await house.found(ALICE, "beacon", keys=["content.name"]) == ["Beacon hill"]
    assert await house.found(ALICE, "beacon", keys=["content.topic"]) == ["beacon fires"]
    assert await house.found(ALICE, "beacon", keys=["content.body"]) == ["beacon lit"]
    assert len(await house.found(ALICE, "beacon")) == 3
    assert await house.found(ALICE, "봉수") == ["x"]


async def test_the_shorter_message_ranks_higher(house: SearchHouse) -> None:
    room = await house.room()
    for body in ("beacon", "a beacon among very many other words", "the beacon"):
        await house.say(room, body)
    answer = await house.search(ALICE, "beacon")
    ranks = [each["rank"] for each in answer["results"]]
    bodies = [each["result"]["content"]["body"] for each in answer["results"]]
    assert bodies == ["beacon", "the beacon", "a beacon among very many other words"]
    assert ranks == sorted(ranks, reverse=True)
    assert answer["count"] == 3


@pytest.mark.parametrize("order_by", ["recent", "rank"])
async def test_pages_show_every_result_once(house: SearchHouse, order_by: str) -> None:
    rooms = [await house.room() for _ in range(3)]
    for number in range(25):
        await house.say(rooms[number % 3], f"beacon {number} " + "x " * (number % 4))
    for limit in (1, 4, 24, 25, 26):
        seen: list[str] = []
        token = None
        for _ in range(60):
            page = await house.search(
                ALICE, "beacon", order_by=order_by, filter={"limit": limit}, next_batch=token
            )
            assert page["count"] == 25
            seen += [each["result"]["event_id"] for each in page["results"]]
            if (token := page.get("next_batch")) is None:
                break
        assert len(seen) == len(set(seen)) == 25


async def test_what_is_said_meanwhile_moves_no_page(house: SearchHouse) -> None:
    room = await house.room()
    for number in range(6):
        await house.say(room, f"beacon {number}")
    first = await house.search(ALICE, "beacon", **RECENT, filter={"limit": 3})
    await house.say(room, "beacon meanwhile")
    rest = await house.found(ALICE, "beacon", **RECENT, next_batch=first["next_batch"])
    assert rest == ["beacon 2", "beacon 1", "beacon 0"]


async def test_groups_can_be_followed_on_their_own(house: SearchHouse) -> None:
    first, second = await house.room(), await house.room()
    for room in (first, second):
        await house.member(room, BOB, "join")
        for number in range(4):
            await house.say(room, f"beacon {number}", BOB if number % 2 else ALICE)
    grouped = {"groupings": {"group_by": [{"key": "room_id"}, {"key": "sender"}]}, **RECENT}
    answer = await house.search(ALICE, "beacon", **grouped, filter={"limit": 5})
    rooms, senders = answer["groups"]["room_id"], answer["groups"]["sender"]
    assert rooms.keys() == {first, second}
    assert senders.keys() == {ALICE, BOB}
    assert [len(rooms[room]["results"]) for room in (second, first)] == [4, 1]
    assert rooms[second]["order"] == 1
    for room, left in ((first, 3), (second, 0)):
        token = rooms[room]["next_batch"]
        more = await house.search(ALICE, "beacon", **grouped, next_batch=token)
        assert {each["result"]["room_id"] for each in more["results"]} <= {room}
        assert len(more["results"]) == left
        assert "next_batch" not in more
    more = await house.search(ALICE, "beacon", **grouped, next_batch=senders[BOB]["next_batch"])
    assert {each["result"]["sender"] for each in more["results"]} == {BOB}
    assert len(more["results"]) + len(senders[BOB]["results"]) == 4


async def test_results_come_with_context_profiles_and_state(house: SearchHouse) -> None:
    room = await house.room(("m.room.name", "", {"name": "Hill"}))
    await house.member(room, BOB, "join", displayname="Bob", avatar_url="mxc://test/b")
    for body in ("one", "two", "beacon", "four", "five"):
        await house.say(room, body, BOB)
    context = {"before_limit": 1, "after_limit": 2, "include_profile": True}
    answer = await house.search(ALICE, "beacon", event_context=context, include_state=True)
    shown = answer["results"][0]["context"]
    assert [each["content"]["body"] for each in shown["events_before"]] == ["two"]
    assert [each["content"]["body"] for each in shown["events_after"]] == ["four", "five"]
    assert shown["profile_info"] == {BOB: {"displayname": "Bob", "avatar_url": "mxc://test/b"}}
    assert {each["type"] for each in answer["state"][room]} >= {"m.room.create", "m.room.name"}
    page = await house.get(ALICE, f"v3/rooms/{room}/messages", f"dir=f&from={shown['end']}")
    assert page["chunk"] == []
    assert "context" not in (await house.search(ALICE, "beacon"))["results"][0]


async def test_nobody_finds_what_they_may_not_see(house: SearchHouse) -> None:
    room = await house.room(visibility="joined")
    await house.say(room, "beacon before")
    await house.member(room, BOB, "join")
    await house.say(room, "beacon inside")
    left = await house.member(room, BOB, "leave")
    await house.say(room, "beacon after")
    assert await house.found(ALICE, "beacon", **RECENT) == [
        "beacon after", "beacon inside", "beacon before",
    ]  # fmt: skip
    assert await house.found(BOB, "beacon") == ["beacon inside"]
    assert await house.found(CAROL, "beacon") == []
    await house.heart.log.propose(
        ForgetRoom(
            key=BOB, request_id=fresh_request_id(), room_id=room, leave_position=left.position
        )
    )
    assert await house.found(BOB, "beacon") == []


async def test_an_edit_that_one_may_not_see_is_not_found_out(house: SearchHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    event = await house.say(room, "beacon")
    await house.member(room, BOB, "leave")
    await house.say(room, "* secret", **edit_of(event, "secret"))
    assert await house.found(ALICE, "secret") == ["beacon"]
    assert await house.found(BOB, "secret") == []


async def test_ignored_people_are_not_found(house: SearchHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    await house.say(room, "beacon of bob", BOB)
    await house.say(room, "beacon of alice")
    content = msgspec.Raw(msgspec.json.encode({"ignored_users": {BOB: {}}}))
    await house.heart.log.propose(
        PutAccountData(
            key=ALICE, request_id=fresh_request_id(), type="m.ignored_user_list", content=content
        )
    )
    assert await house.found(ALICE, "beacon") == ["beacon of alice"]


async def test_encrypted_rooms_are_left_out(house: SearchHouse) -> None:
    plain, secret = await house.room(), await house.room()
    await house.say(plain, "beacon in the open")
    await house.say(secret, "beacon before it was encrypted")
    algorithm = {"algorithm": "m.megolm.v1.aes-sha2"}
    await house.send(secret, ALICE, algorithm, "m.room.encryption", "")
    assert await house.found(ALICE, "beacon") == ["beacon in the open"]


async def test_edits_replace_the_text_and_their_redaction_brings_it_back(
    house: SearchHouse,
) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    event = await house.say(room, "beacon")
    assert await house.found(ALICE, "beacon") == ["beacon"]
    first = await house.say(room, "* torch", **edit_of(event, "torch"))
    assert await house.found(ALICE, "torch") == ["beacon"]
    assert await house.found(ALICE, "beacon") == []
    second = await house.say(room, "* lantern", **edit_of(event, "lantern"))
    await house.say(room, "* forged", BOB, **edit_of(event, "forged"))
    assert await house.found(ALICE, "lantern") == ["beacon"]
    assert await house.found(ALICE, "forged") == await house.found(ALICE, "torch") == []
    result = (await house.search(ALICE, "lantern"))["results"][0]["result"]
    assert result["event_id"] == event
    assert result["unsigned"]["m.relations"]["m.replace"]["event_id"] == second
    await house.send(room, ALICE, {"redacts": second}, "m.room.redaction", redacts=second)
    assert await house.found(ALICE, "lantern") == []
    assert await house.found(ALICE, "torch") == ["beacon"]
    await house.send(room, ALICE, {"redacts": first}, "m.room.redaction", redacts=first)
    assert await house.found(ALICE, "beacon") == ["beacon"]


async def test_a_redaction_takes_the_text_out_of_the_index(house: SearchHouse) -> None:
    room = await house.room()
    event = await house.say(room, "beacon")
    edit = await house.say(room, "* torch", **edit_of(event, "torch"))
    await house.index()
    await house.send(room, ALICE, {"redacts": event}, "m.room.redaction", redacts=event)
    assert await house.found(ALICE, "torch") == await house.found(ALICE, "beacon") == []
    assert await house.database.fetch("SELECT * FROM search_document") == []
    await house.send(room, ALICE, {"redacts": edit}, "m.room.redaction", redacts=edit)
    assert await house.found(ALICE, "torch") == []


async def test_a_redaction_counts_before_the_index_knows_of_it(house: SearchHouse) -> None:
    room = await house.room()
    event = await house.say(room, "beacon")
    await house.index()
    await house.send(room, ALICE, {"redacts": event}, "m.room.redaction", redacts=event)
    body = {"search_categories": {"room_events": {"search_term": "beacon"}}}
    answer = await house.call("POST", ALICE, "v3/search", "", body)
    assert answer["search_categories"]["room_events"]["results"] == []


async def test_filters(house: SearchHouse) -> None:
    first, second = await house.room(), await house.room()
    await house.member(first, BOB, "join")
    await house.say(first, "beacon a", url="mxc://test/a")
    parent = await house.say(first, "beacon b", BOB)
    await house.say(second, "beacon c")
    thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": parent}}
    await house.say(first, "reply", **thread)

    async def found(**definition: Any) -> set[str]:
        return {body[-1] for body in await house.found(ALICE, "beacon", filter=definition)}

    assert await found(rooms=[first]) == {"a", "b"}
    assert await found(not_rooms=[first]) == {"c"}
    assert await found(rooms=[]) == await found(rooms=["!x:y", "no room"]) == set()
    assert await found(senders=[BOB]) == {"b"}
    assert await found(senders=[f"@{n}:test" for n in range(200)] + [BOB]) == {"b"}
    assert await found(not_senders=[BOB]) == {"a", "c"}
    assert await found(types=["m.room.name"]) == set()
    assert await found(types=["m.room.*"], contains_url=True) == {"a"}
    assert await found(related_by_rel_types=["m.thread"]) == {"b"}
    assert await found(rooms=[first], limit=1) in ({"a"}, {"b"})


async def test_nothing_searchable_finds_nothing(house: SearchHouse) -> None:
    room = await house.room()
    await house.say(room, "beacon ?!")
    for term in ("", " ", "?!", "\u200b", "(((", "%_%"):
        answer = await house.search(ALICE, term)
        assert answer == {"results": [], "count": 0, "highlights": []}
    for term in (".*", "(a+)+$", "beacon|x", "beacon'); DROP TABLE entry; --", "\\", "beacon:*"):
        await house.search(ALICE, term)
    body = {"search_categories": {}}
    assert await house.call("POST", ALICE, "v3/search", "", body) == {"search_categories": {}}


async def test_hostile_requests_are_refused(house: SearchHouse) -> None:
    for term, error in (("x" * 501, InvalidParam), ("a\0b", InvalidParam), (7, BadJson)):
        with pytest.raises(error):
            await house.search(ALICE, term)  # type: ignore[arg-type]
    for criteria in (
        {"order_by": "best"}, {"keys": ["content.x"]}, {"filter": 3}, {"filter": {"limit": -1}},
        {"filter": {"rooms": ["a\0"]}}, {"filter": {"rooms": ["x"] * 10_001}},
        {"event_context": {"before_limit": -1}}, {"groupings": {"group_by": [{"key": "x"}]}},
        {"groupings": {"group_by": [{"key": "sender"}] * 1_000}},
    ):  # fmt: skip
        with pytest.raises(Refused):
            await house.search(ALICE, "x", **criteria)  # type: ignore[arg-type]
    for token in ("", "x", "%", "A" * 2_000, "kwAAAA", "lqMx"):
        with pytest.raises(InvalidParam):
            await house.search(ALICE, "x", next_batch=token)


async def test_ten_thousand_rooms_in_a_filter_are_no_burden(house: SearchHouse) -> None:
    room = await house.room()
    await house.say(room, "beacon")
    rooms = [f"!{number}:test" for number in range(9_999)] + [room]
    began = time.monotonic()
    assert await house.found(ALICE, "beacon", filter={"rooms": rooms}) == ["beacon"]
    assert time.monotonic() - began < 10


async def test_segments_fill_and_the_walk_stops_early(
    house: SearchHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small segments and steps: every bound is met, and still nothing is missed."""
    monkeypatch.setattr(documents, "SEGMENT_DOCUMENTS_MAX", 3)
    monkeypatch.setattr(finding, "SEGMENTS_FIRST", 1)
    monkeypatch.setattr(finding, "SEGMENTS_GROWTH", 1)
    monkeypatch.setattr(service, "EXAMINED_AT_ONCE", 2)
    rooms = [await house.room(), await house.room()]
    for number in range(20):
        await house.say(rooms[number % 2], f"beacon {number}" + " rare" * (number == 1))
        await asyncio.sleep(0.002)  # rooms have no order among themselves but their clocks
    rows = await house.database.fetch("SELECT count(*) AS n FROM search_segment")
    assert rows[0]["n"] == 0
    answer = await house.search(ALICE, "beacon", **RECENT, filter={"limit": 4})
    rows = await house.database.fetch("SELECT documents FROM search_segment")
    assert sorted(row["documents"] for row in rows) == [1, 1, 3, 3, 3, 3, 3, 3]
    bodies = [each["result"]["content"]["body"] for each in answer["results"]]
    assert bodies == [f"beacon {number}" for number in (19, 18, 17, 16)]
    assert 10 <= answer["count"] <= 40
    assert await house.found(ALICE, "rare", **RECENT) == ["beacon 1 rare"]


async def test_a_crash_in_the_middle_of_a_batch_repeats_it_or_not(
    house: SearchHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write fails before or after its commit, again and again: nothing is lost or doubled."""
    monkeypatch.setattr(indexer, "BATCH_ENTRIES", 7)
    room = await house.room()
    event = await house.say(room, "beacon 0")
    for number in range(1, 40):
        await house.say(room, f"beacon {number}")
    await house.say(room, "* torch", **edit_of(event, "torch"))
    write, crashes = house.index_store.write, 0

    async def crashing(update: Update) -> bool:
        nonlocal crashes
        crashes += 1
        if crashes % 3 == 1:
            raise Unavailable("killed before the commit")
        await write(update)
        if crashes % 3 == 2:
            raise Unavailable("killed after the commit")
        return True

    house.index_store.write = crashing  # type: ignore[method-assign]
    while await house.is_behind():
        try:
            await house.indexer.index_some()
        except Unavailable:
            house.indexer = house.new_indexer()  # another process goes on
    assert crashes >= 7
    assert len(await house.found(ALICE, "beacon", filter={"limit": 50})) == 39
    assert await house.found(ALICE, "torch") == ["beacon 0"]
    counts = await house.database.fetch("SELECT documents FROM search_segment")
    assert sum(row["documents"] for row in counts) == 40


async def test_of_two_who_index_at_once_one_batch_goes_in(house: SearchHouse) -> None:
    room = await house.room()
    for number in range(10):
        await house.say(room, f"beacon {number}")
    rival = house.new_indexer()
    while house.indexer.lag or rival.lag:
        await asyncio.gather(house.indexer.index_some(), rival.index_some())
    assert len(await house.found(ALICE, "beacon", filter={"limit": 50})) == 10
    counts = await house.database.fetch("SELECT documents FROM search_segment")
    assert [row["documents"] for row in counts] == [10]
