"""What others may send to spoil a page: events of which each field is not what it should be.

The goal each time: what was said after the nonsense is shown, the list still moves, no part breaks.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote

from harness.matrix import MatrixError, User
from playwright.async_api import Locator, Page, expect
from web_browser import Web, in_one_browser

pytestmark = in_one_browser

SENT_AT_ONCE = 20
POISON = {"toString": 1, "valueOf": 1}  # an object of which no text can be made
ODD: list[Any] = [5, None, [POISON], POISON]
RELATION = {
    "rel_type": "m.replace",
    "event_id": "$root",
    "key": "👍",
    "is_falling_back": False,
    "m.in_reply_to": {"event_id": "$root"},
}
FILE = {"url": "mxc://x/y", "iv": "", "key": {"k": "", "alg": "A256CTR"}, "hashes": {"sha256": ""}}
INFO = {
    "w": 5,
    "h": 5,
    "size": 5,
    "duration": 5,
    "mimetype": "image/png",
    "thumbnail_url": "mxc://x/y",
    "thumbnail_file": FILE,
    "thumbnail_info": {"w": 5, "h": 5},
}
WORDS = {"body": "글", "format": "org.matrix.custom.html", "formatted_body": "<b>글</b>"}
MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("m.room.message", {"msgtype": "m.text", **WORDS, "m.mentions": {"user_ids": ["@a:x"]}}),
    (
        "m.room.message",
        {**WORDS, "msgtype": "m.text", "m.new_content": WORDS, "m.relates_to": RELATION},
    ),
    ("m.room.message", {**WORDS, "m.relates_to": {**RELATION, "rel_type": "m.thread"}}),
    ("m.room.message", {"msgtype": "m.image", "body": "글", "url": "mxc://x/y", "info": INFO}),
    ("m.room.message", {"msgtype": "m.video", "body": "글", "file": FILE, "filename": "글"}),
    (
        "m.room.message",
        {
            "msgtype": "m.audio",
            "body": "글",
            "url": "mxc://x/y",
            "org.matrix.msc3245.voice": {},
            "org.matrix.msc1767.audio": {"duration": 5, "waveform": [5]},
        },
    ),
    ("m.room.message", {"msgtype": "m.location", "body": "글", "geo_uri": "geo:1,2"}),
    ("m.reaction", {"m.relates_to": {**RELATION, "rel_type": "m.annotation"}}),
    ("m.sticker", {"body": "글", "url": "mxc://x/y", "info": INFO}),
    (
        "m.poll.start",
        {"m.poll": {"question": {"m.text": [{"body": "글"}]}, "answers": [{"m.id": "1"}]}},
    ),
    (
        "org.matrix.msc3381.poll.response",
        {
            "m.relates_to": {"rel_type": "m.reference", "event_id": "$root"},
            "org.matrix.msc3381.poll.response": {"answers": ["1"]},
        },
    ),
    ("org.matrix.msc3672.beacon", {"m.relates_to": RELATION, "org.matrix.msc3488.location": {}}),
    ("m.room.redaction", {"redacts": "$root", "reason": "글"}),
    ("m.call.invite", {"call_id": "1", "offer": {"sdp": "", "type": "offer"}, "version": 1}),
    ("m.key.verification.request", {"methods": ["m.sas.v1"], "timestamp": 5}),
    ("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "글"}),
    ("org.example.unknown", {"body": "글"}),
]
STATES: list[tuple[str, dict[str, Any]]] = [
    ("m.room.name", {"name": "글"}),
    ("m.room.topic", {"topic": "글", "m.topic": {"m.text": [{"body": "글"}]}}),
    ("m.room.avatar", {"url": "mxc://x/y", "info": INFO}),
    ("m.room.pinned_events", {"pinned": ["$root"]}),
    ("m.room.canonical_alias", {"alias": "#글:x", "alt_aliases": ["#글:x"]}),
    ("m.room.tombstone", {"body": "글", "replacement_room": "!x:x"}),
    ("m.room.history_visibility", {"history_visibility": "shared"}),
    ("m.room.join_rules", {"join_rule": "invite", "allow": []}),
    ("m.room.guest_access", {"guest_access": "forbidden"}),
    ("m.room.server_acl", {"allow": ["*"]}),
    ("io.element.functional_members", {"service_members": ["@a:x"]}),
    ("m.space.child", {"via": ["x"], "order": "a"}),
    ("org.matrix.msc3672.beacon_info", {"timeout": 5, "live": True, "description": "글"}),
    ("org.matrix.msc3401.call", {"m.intent": "m.room", "m.type": "m.video"}),
    ("org.matrix.msc3401.call.member", {"m.calls": [], "memberships": []}),
    ("im.vector.modular.widgets", {"type": "글", "url": "javascript:alert(1)"}),
]


def spoilt(content: dict[str, Any], root: str) -> Iterator[dict[str, Any]]:
    """`content` with each of its fields, at any depth, replaced by each odd value."""
    for *way, last in paths(content):
        for odd in ODD:
            changed = deepcopy(content)
            place: Any = changed
            for step in way:
                place = place[step]
            place[last] = odd
            yield rooted(changed, root)


def paths(content: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        yield (*before, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*before, key))


def rooted(content: Any, root: str) -> Any:
    """The same about a message that there is."""
    if isinstance(content, dict):
        return {key: rooted(value, root) for key, value in content.items()}
    if isinstance(content, list):
        return [rooted(value, root) for value in content]
    return root if content == "$root" else content


Call = tuple[str, dict[str, Any]]


def messages_of(room_id: str, kind: str, whole: dict[str, Any], root: str) -> list[Call]:
    send = f"/rooms/{quote(room_id)}/send/{kind}/{root[1:9]}"
    return [(f"{send}{n}", content) for n, content in enumerate(spoilt(whole, root))]


def states_of(user: User, room_id: str) -> list[Call]:
    state = f"/rooms/{quote(room_id)}/state"
    calls = [
        (f"{state}/{kind}/", content) for kind, whole in STATES for content in spoilt(whole, "$x")
    ]
    for field in ("displayname", "avatar_url", "reason"):
        path = f"{state}/m.room.member/{quote(user.user_id)}"
        calls += [(path, {"membership": "join", field: odd}) for odd in ODD]
    return calls


async def send_all(user: User, calls: list[Call]) -> None:
    """All of it that the server takes."""
    way = asyncio.Semaphore(SENT_AT_ONCE)

    async def send(path: str, content: dict[str, Any]) -> None:
        async with way:
            with contextlib.suppress(MatrixError):  # some of it the server refuses
                await user.call("PUT", path, content)

    await asyncio.gather(*[send(path, content) for path, content in calls])


def message(page: Page | Locator, text: str) -> Locator:
    return page.locator("article.message").filter(has_text=text)


async def test_events_of_nonsense_spoil_nothing(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await john.create_room(invite=[minji.user_id], name="놀이터")
    await minji.join(room_id)
    at, state = f"#/room/{quote(room_id)}", f"/rooms/{quote(room_id)}/state"
    async with web.page(minji, at=at) as page:
        for n, (kind, whole) in enumerate(MESSAGES):
            root = await john.send_text(room_id, f"뿌리 {n}.")
            await send_all(john, messages_of(room_id, kind, whole, root))
            await john.send_text(room_id, f"끝 {n}.")
            await expect(message(page, f"끝 {n}.").last).to_be_in_viewport()
            await expect(page.locator(".room-list")).to_contain_text(f"끝 {n}.")
        await send_all(john, states_of(john, room_id))
        worst = {"membership": "join", "displayname": POISON, "avatar_url": POISON}
        await send_all(john, [(f"{state}/m.room.member/{quote(john.user_id)}", worst)])
        await send_all(john, [(f"{state}/m.room.avatar/", {"url": POISON, "info": POISON})])
        await john.send_text(room_id, "그래도 보이는 글")
        await expect(message(page, "그래도 보이는 글")).to_be_in_viewport()
        for panel in ("info", "members", "invite", "settings", "threads"):
            await page.goto(f"{web.url}/{at}?panel={panel}")
            await expect(page.locator("aside")).to_be_visible()
    async with web.page(minji, at=at) as page:  # from the start, and back through all of it
        await expect(message(page, "그래도 보이는 글")).to_be_in_viewport()
        await page.locator(".frame").hover()
        while not await message(page, "뿌리 0.").count():
            await page.mouse.wheel(0, -1_500)
            await page.wait_for_function("() => new Promise(requestAnimationFrame)")
