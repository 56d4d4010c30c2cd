"""Following threads as matrix-rust-sdk does: it asks for the flag, subscribes by MSC4306, hears of
its other devices in sliding sync (MSC4308, ten at a time) and pages for what was left out."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from harness.http import HttpClient
from harness.matrix import MatrixError, User, call, register

UNSTABLE = "/_matrix/client/unstable"
EXTENSION = "io.element.msc4308.thread_subscriptions"


class Follower:
    """Somebody in a room, who follows threads on one connection of sliding sync."""

    def __init__(self, user: User, room_id: str) -> None:
        self.user = user
        self.room_id = room_id
        self.pos: str | None = None

    async def ask(self, method: str, path: str, content: object = None) -> dict[str, Any]:
        return await call(self.user.client, method, UNSTABLE + path, content, token=self.user.token)

    async def on(self, method: str, root: str, content: object = None) -> dict[str, Any]:
        """A call on the subscription to a thread."""
        path = f"rooms/{quote(self.room_id)}/thread/{quote(root)}/subscription"
        return await self.ask(method, f"/io.element.msc4306/{path}", content)

    async def sync(self, timeout_ms: int = 0, limit: int = 10) -> dict[str, Any]:
        """What an answer says of threads."""
        query = {"timeout": timeout_ms, **({"pos": self.pos} if self.pos else {})}
        body = {"extensions": {EXTENSION: {"enabled": True, "limit": limit}}}
        path = f"/org.matrix.simplified_msc3575/sync?{urlencode(query)}"
        answer = await self.ask("POST", path, body)
        self.pos = answer["pos"]
        return dict(answer["extensions"].get(EXTENSION, {}))

    async def pages(self, start: str | None, stop: str | None) -> dict[str, dict[str, Any]]:
        """All subscriptions between two tokens, by root."""
        found: dict[str, dict[str, Any]] = {}
        while True:
            query = {"dir": "b", "limit": 3, "from": start, "to": stop}
            text = urlencode({k: v for k, v in query.items() if v is not None})
            page = await self.ask("GET", f"/io.element.msc4308/thread_subscriptions?{text}")
            found |= page.get("subscribed", {}).get(self.room_id, {})
            if (start := page.get("end")) is None:
                return found

    async def reply(self, root: str) -> str:
        relation = {"rel_type": "m.thread", "event_id": root}
        content = {"msgtype": "m.text", "body": "reply", "m.relates_to": relation}
        return await self.user.send(self.room_id, content)


@pytest.fixture
async def follower(homeserver: str) -> AsyncIterator[Follower]:
    client = HttpClient(homeserver)
    user = await register(client, f"follower-{secrets.token_hex(4)}")
    yield Follower(user, await user.create_room())
    await client.close()


async def refusal(action: Any) -> tuple[int, str | None]:
    with pytest.raises(MatrixError) as caught:
        await action
    return caught.value.status, caught.value.errcode


async def test_the_person_decides_and_the_client_helps(follower: Follower) -> None:
    versions = await call(follower.user.client, "GET", "/_matrix/client/versions")
    assert versions["unstable_features"]["org.matrix.msc4306"] is True
    root = await follower.user.send_text(follower.room_id, "root")
    assert await refusal(follower.on("GET", root)) == (404, "M_NOT_FOUND")
    mention = await follower.reply(root)
    await follower.on("PUT", root, {"automatic": mention})
    assert await follower.on("GET", root) == {"automatic": True}
    await follower.on("PUT", root, {})
    assert await follower.on("GET", root) == {"automatic": False}
    await follower.on("PUT", root, {"automatic": mention})  # a person's word stands
    assert await follower.on("GET", root) == {"automatic": False}
    await follower.on("DELETE", root)
    await follower.on("DELETE", root)
    assert await refusal(follower.on("GET", root)) == (404, "M_NOT_FOUND")
    assert await refusal(follower.on("PUT", root, {"automatic": mention})) == (
        409, "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION",
    )  # fmt: skip
    await follower.on("PUT", root, {"automatic": await follower.reply(root)})
    assert await follower.on("GET", root) == {"automatic": True}


async def test_what_is_no_thread_of_ones_own(follower: Follower) -> None:
    root = await follower.user.send_text(follower.room_id, "root")
    other = await follower.user.send_text(follower.room_id, "another")
    assert await refusal(follower.on("PUT", root, {"automatic": other})) == (
        400, "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD",
    )  # fmt: skip
    assert await refusal(follower.on("PUT", root, {"automatic": True})) == (400, "M_BAD_JSON")
    assert await refusal(follower.on("PUT", "$unknown", {})) == (404, "M_NOT_FOUND")
    assert await refusal(follower.on("PUT", "no-id", {})) == (400, "M_INVALID_PARAM")
    outsider = await register(follower.user.client, f"outsider-{secrets.token_hex(4)}")
    for method, content in (("PUT", {}), ("GET", None), ("DELETE", None)):
        stranger = Follower(outsider, follower.room_id)
        assert await refusal(stranger.on(method, root, content)) == (404, "M_NOT_FOUND")
    path = "/io.element.msc4308/thread_subscriptions"
    for query in ("dir=f", "dir=b&limit=0", "dir=b&from=x", "dir=b&to=x", "dir=b&from=00_-1"):
        asked = follower.ask("GET", f"{path}?{query}")
        assert await refusal(asked) == (400, "M_INVALID_PARAM"), query
    assert await refusal(follower.sync(limit=0)) == (400, "M_INVALID_PARAM")


async def test_other_devices_hear_of_it(follower: Follower) -> None:
    """A long poll is woken; nothing comes twice; the later change has the higher stamp."""
    phone = Follower(await follower.user.login_again(), follower.room_id)
    roots = [await follower.user.send_text(follower.room_id, f"{n}") for n in range(2)]
    await follower.on("PUT", roots[0], {})
    first = (await phone.sync())["subscribed"][follower.room_id]
    assert first == {roots[0]: {"automatic": False, "bump_stamp": first[roots[0]]["bump_stamp"]}}
    assert await phone.sync() == {}
    polling = asyncio.create_task(phone.sync(timeout_ms=30_000))
    await asyncio.sleep(0.2)
    await follower.on("PUT", roots[1], {})
    news = await polling
    while not news:
        news = await phone.sync(timeout_ms=30_000)
    assert set(news["subscribed"][follower.room_id]) == {roots[1]}
    await follower.on("DELETE", roots[0])
    while not (news := await phone.sync(timeout_ms=30_000)):
        pass
    gone = news["unsubscribed"][follower.room_id]
    assert gone[roots[0]]["bump_stamp"] > first[roots[0]]["bump_stamp"]
    assert "subscribed" not in news


async def test_what_an_answer_leaves_out_is_paged_for(follower: Follower) -> None:
    roots = [await follower.user.send_text(follower.room_id, f"{n}") for n in range(12)]
    assert await follower.sync() == {}
    before = follower.pos
    for root in roots:
        await follower.on("PUT", root, {})
    news: dict[str, Any] = {}
    shown: set[str] = set()
    while roots[-1] not in shown:
        news = await follower.sync(timeout_ms=30_000, limit=4)
        shown |= set(news.get("subscribed", {}).get(follower.room_id, {}))
    rest = await follower.pages(news.get("prev_batch"), before)
    assert shown | set(rest) == set(roots)
    assert set(await follower.pages(None, None)) == set(roots)
    anew = Follower(follower.user, follower.room_id)
    first = await anew.sync(limit=5)
    assert set(first["subscribed"][follower.room_id]) == set(roots[-5:])
    assert set(await anew.pages(first["prev_batch"], None)) == set(roots[:-5])


async def test_it_is_no_account_data_to_others(follower: Follower) -> None:
    """Where it is kept is the server's matter: no sync shows it, no client sets it."""
    root = await follower.user.send_text(follower.room_id, "root")
    await follower.on("PUT", root, {})
    answer = await follower.user.sync()
    room = answer["rooms"]["join"][follower.room_id]
    assert room.get("account_data", {}).get("events", []) == []
    await follower.on("DELETE", root)
    assert "rooms" not in await follower.user.sync(since=answer["next_batch"])
    user = quote(follower.user.user_id)
    path = f"/user/{user}/rooms/{quote(follower.room_id)}/account_data/"
    forged = path + quote(f"org.bongsu.thread_subscription.{root}")
    assert (await refusal(follower.user.call("PUT", forged, {"subscribed": 5})))[0] == 405
