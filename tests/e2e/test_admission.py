"""Who gets into a room, and who does not, by rules that rooms, people and operators set."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from harness.bongsu import Bongsu, running
from harness.http import HttpClient
from harness.matrix import MatrixError, User, call, register
from harness.process import open_folder

RETRY_SECONDS_MAX = 60


@pytest.fixture
async def client(homeserver: str) -> AsyncIterator[HttpClient]:
    client = HttpClient(homeserver)
    yield client
    await client.close()


async def person(client: HttpClient) -> User:
    return await register(client, f"admit-{secrets.token_hex(6)}")


async def refusal(user: User, verb: str, path: str, content: Any) -> tuple[int, str]:
    with pytest.raises(MatrixError) as refused:
        await user.call(verb, path, content)
    return refused.value.status, refused.value.errcode


def state(room: str, type: str) -> str:
    return f"/rooms/{quote(room)}/state/{type}/"


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_restricted_room_lets_in_who_is_in_the_room_it_names(
    client: HttpClient, version: str
) -> None:
    alice, bob, carol = [await person(client) for _ in range(3)]
    club = await alice.create_room(preset="public_chat", room_version=version)
    room = await alice.create_room(room_version=version)
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": club}]}
    await alice.call("PUT", state(room, "m.room.join_rules"), rule)
    assert await refusal(bob, "POST", f"/rooms/{quote(room)}/join", {}) == (403, "M_FORBIDDEN")
    await bob.join(club)
    await bob.join(room)
    path = f"/rooms/{quote(room)}/state/m.room.member/{quote(bob.user_id)}"
    assert (await bob.call("GET", f"{path}?format=event"))["content"][
        "join_authorised_via_users_server"
    ] == alice.user_id
    await alice.call("POST", f"/rooms/{quote(room)}/invite", {"user_id": carol.user_id})
    await carol.join(room)


async def test_who_knocks_is_let_in_by_an_invite(client: HttpClient) -> None:
    alice, bob = await person(client), await person(client)
    room = await alice.create_room()
    await alice.call("PUT", state(room, "m.room.join_rules"), {"join_rule": "knock"})
    assert await refusal(bob, "POST", f"/rooms/{quote(room)}/join", {}) == (403, "M_FORBIDDEN")
    await bob.call("POST", f"/knock/{quote(room)}", {"reason": "a word"})
    assert room in (await bob.sync())["rooms"]["knock"]
    await alice.call("POST", f"/rooms/{quote(room)}/invite", {"user_id": bob.user_id})
    await bob.join(room)


async def test_who_blocks_invites_gets_none(client: HttpClient) -> None:
    alice, bob = await person(client), await person(client)
    room, other = await alice.create_room(), await alice.create_room()
    invite = {"user_id": bob.user_id}
    await alice.call("POST", f"/rooms/{quote(room)}/invite", invite)
    setting = f"/user/{quote(bob.user_id)}/account_data/m.invite_permission_config"
    await bob.call("PUT", setting, {"default_action": "block"})
    path = f"/rooms/{quote(other)}/invite"
    assert await refusal(alice, "POST", path, invite) == (403, "M_INVITE_BLOCKED")
    assert "invite" not in (await bob.sync()).get("rooms", {})
    await bob.call("PUT", setting, {"default_action": "allow"})
    await alice.call("POST", path, invite)
    assert set((await bob.sync())["rooms"]["invite"]) == {room, other}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("use_state_after", "state_after"),
        ("org.matrix.msc4222.use_state_after", "org.matrix.msc4222.state_after"),
    ],
)
async def test_state_after_the_timeline_has_two_names(
    client: HttpClient, query: str, shown: str
) -> None:
    alice = await person(client)
    room = await alice.create_room()
    since = (await alice.sync())["next_batch"]
    await alice.call("PUT", state(room, "m.room.topic"), {"topic": "fire"})
    answer = (await alice.sync(since, **{query: "true"}))["rooms"]["join"][room]
    assert [e["content"] for e in answer[shown]["events"]] == [{"topic": "fire"}]
    assert "state" not in answer


@pytest.fixture(scope="module")
def guarded() -> Iterator[Bongsu]:
    """With limits, as an operator has them, and with guests."""
    settings = {"BONGSU_RATE_LIMITS": "on", "BONGSU_GUESTS": "on"}
    with open_folder() as folder, running(folder, settings=settings) as bongsu:
        yield bongsu


@pytest.fixture
async def guard(guarded: Bongsu) -> AsyncIterator[HttpClient]:
    client = HttpClient(guarded.url)
    yield client
    await client.close()


async def test_a_guest_enters_where_guests_may(guard: HttpClient) -> None:
    alice = await register(guard, "alice")
    made = await call(guard, "POST", "/_matrix/client/v3/register?kind=guest", {})
    guest = User(guard, made["user_id"], made["access_token"], made["device_id"])
    room = await alice.create_room(preset="public_chat")
    join = f"/rooms/{quote(room)}/join"
    assert await refusal(guest, "POST", join, {}) == (403, "M_GUEST_ACCESS_FORBIDDEN")
    await alice.call("PUT", state(room, "m.room.guest_access"), {"guest_access": "can_join"})
    await guest.call("POST", join, {})
    await guest.send_text(room, "may I?")
    assert await refusal(guest, "POST", "/createRoom", {}) == (403, "M_GUEST_ACCESS_FORBIDDEN")


async def test_who_makes_too_many_rooms_is_told_when_to_come_back(guard: HttpClient) -> None:
    """And is served then; others are not held up."""
    bob, carol = await register(guard, "bob"), await register(guard, "carol")

    async def make_rooms() -> None:
        for _ in range(1_000):
            await bob.create_room()

    with pytest.raises(MatrixError) as refused:
        await make_rooms()
    assert (refused.value.status, refused.value.errcode) == (429, "M_LIMIT_EXCEEDED")
    wait = refused.value.fields["retry_after_ms"] / 1000
    assert 0 < wait < RETRY_SECONDS_MAX
    await carol.create_room()
    await asyncio.sleep(wait)
    await bob.create_room()


async def test_guesses_at_a_password_are_limited(guard: HttpClient) -> None:
    login = {
        "type": "m.login.password", "password": "guess",
        "identifier": {"type": "m.id.user", "user": "nobody-here"},
    }  # fmt: skip
    seen = set[int]()
    for _ in range(1_000):
        answer = await guard.request("POST", "/_matrix/client/v3/login", orjson.dumps(login))
        seen.add(answer.status)
        if answer.status == 429:
            break
    assert seen == {403, 429}
