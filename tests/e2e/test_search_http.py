"""Searching as clients do it, against the running server: what is said can soon be found."""

import asyncio
import time
from typing import Any
from urllib.parse import quote

import pytest
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import MatrixError, User, register
from harness.process import open_folder

PATIENCE_SECONDS = 60.0
FIRE = "판교 데이터센터 화재로 카카오톡이 멈췄습니다"


async def search(
    user: User, term: str, *, next_batch: str | None = None, **criteria: Any
) -> dict[str, Any]:
    query = "" if next_batch is None else f"?next_batch={next_batch}"
    body = {"search_categories": {"room_events": {"search_term": term, **criteria}}}
    answer = await user.call("POST", f"/search{query}", body)
    found: dict[str, Any] = answer["search_categories"]["room_events"]
    return found


async def until(user: User, term: str, count: int, **criteria: Any) -> dict[str, Any]:
    """The answer once it has so many results: the index follows the log at a distance."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = await search(user, term, **criteria)
        if len(answer["results"]) == count or time.monotonic() > deadline:
            assert len(answer["results"]) == count, answer
            return answer
        await asyncio.sleep(0.1)


async def metrics(client: HttpClient) -> bytes:
    return (await client.request("GET", "/metrics")).body


def bodies(answer: dict[str, Any]) -> list[str]:
    return [each["result"]["content"]["body"] for each in answer["results"]]


async def test_a_story_of_searching(client: HttpClient) -> None:
    alice, bob = [await register(client, f"{n}-search") for n in ("alice", "bob")]
    room = await alice.create_room(preset="public_chat", name="Hill")
    other = await alice.create_room()
    await bob.join(room)
    fire = await alice.send_text(room, FIRE)
    for number in range(5):
        await bob.send_text(room, f"beacon {number}")
        await alice.send_text(other, f"beacon {number} elsewhere")

    assert bodies(await until(alice, "화재", 1)) == [FIRE]
    for term in ("불이", "센터", "톡", "카카오톡 화재"):
        assert len(bodies(await search(alice, term))) == (term != "불이")

    grouped = {"order_by": "recent", "groupings": {"group_by": [{"key": "room_id"}]}}
    await until(alice, "beacon", 10, **grouped)
    page = await search(alice, "beacon", **grouped, filter={"limit": 3})
    assert page["count"] == 10
    assert page["highlights"] == ["beacon"]
    seen = bodies(page)
    while "next_batch" in page:
        page = await search(
            alice, "beacon", **grouped, filter={"limit": 3}, next_batch=page["next_batch"]
        )
        seen += bodies(page)
    assert sorted(seen) == sorted(
        [f"beacon {n}" for n in range(5)] + [f"beacon {n} elsewhere" for n in range(5)]
    )
    page = await search(alice, "beacon", **grouped, filter={"limit": 4})
    token = page["groups"]["room_id"][room]["next_batch"]
    rest = await search(alice, "beacon", **grouped, next_batch=token)
    assert bodies(rest) == ["beacon 2", "beacon 1", "beacon 0"]
    assert len(bodies(await search(bob, "beacon"))) == 5, "only what he may see"

    context = {"before_limit": 1, "after_limit": 1, "include_profile": True}
    answer = await search(bob, "beacon 2", event_context=context, include_state=True)
    shown = answer["results"][0]["context"]
    assert shown["events_before"][0]["content"]["body"] == "beacon 1"
    assert shown["events_after"][0]["content"]["body"] == "beacon 3"
    assert shown["profile_info"].keys() == {bob.user_id}
    assert "m.room.name" in {each["type"] for each in answer["state"][room]}

    edit = {"msgtype": "m.text", "body": "진화"}
    relation = {"rel_type": "m.replace", "event_id": fire}
    await alice.send(room, {**edit, "m.new_content": edit, "m.relates_to": relation})
    assert (await until(bob, "진화", 1))["results"][0]["result"]["event_id"] == fire
    assert bodies(await search(bob, "화재")) == []
    await alice.call("PUT", f"/rooms/{quote(room)}/redact/{quote(fire)}/1", {})
    await until(bob, "진화", 0)

    content = {"algorithm": "m.megolm.v1.aes-sha2"}
    await alice.call("PUT", f"/rooms/{quote(room)}/state/m.room.encryption/", content)
    await until(bob, "beacon", 0)


async def test_hostile_searches_are_refused_in_time(client: HttpClient) -> None:
    user = await register(client, "hostile-search")
    began = time.monotonic()
    for term, status in (("x" * 10_000_000, 413), ("x" * 100_000, 400), ("a\0", 400)):
        with pytest.raises(MatrixError) as refused:
            await search(user, term)
        assert refused.value.status == status
    assert (await search(user, "(a+)+$ .* [", order_by="recent"))["results"] == []
    assert (await search(user, "!?%_"))["count"] == 0
    rooms = [f"!{number}:x" for number in range(10_000)]
    assert (await search(user, "x", filter={"rooms": rooms}))["results"] == []
    assert time.monotonic() - began < PATIENCE_SECONDS


async def test_each_of_two_processes_indexes_what_it_owns(pair: Bongsu) -> None:
    client = HttpClient(pair.url)
    user = await register(client, "alice-search-pair")
    for number in range(8):
        await user.send_text(await user.create_room(), f"beacon {number}")
    await until(user, "beacon", 8)
    await client.close()


async def test_a_server_killed_while_it_indexes_goes_on_from_there() -> None:
    with open_folder() as folder:
        bongsu = Bongsu(folder / "data")
        bongsu.start()
        try:
            client = HttpClient(bongsu.url)
            user = await register(client, "alice")
            room = await user.create_room()
            for number in range(60):
                await user.send_text(room, f"beacon {number}")
            for _ in range(2):
                await client.close()
                await asyncio.to_thread(bongsu.kill)
                await asyncio.to_thread(bongsu.start)
                client = user.client = HttpClient(bongsu.url)
                await user.send_text(room, "beacon again")
            seen, token = 0, None
            answer = await until(user, "beacon", 50, filter={"limit": 50})
            while answer["count"] < 62:
                answer = await until(user, "beacon", 50, filter={"limit": 50})
            token = answer["next_batch"]
            rest = await search(user, "beacon", filter={"limit": 50}, next_batch=token)
            seen = {each["result"]["event_id"] for each in answer["results"] + rest["results"]}
            assert len(seen) == 62
            async with asyncio.timeout(PATIENCE_SECONDS):  # other partitions have their turns
                while b"bongsu_search_lag_entries 0.0" not in await metrics(client):
                    await asyncio.sleep(0.1)
            await client.close()
        finally:
            bongsu.stop()
