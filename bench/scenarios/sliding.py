"""Sliding sync: how soon a large account sees its first rooms, on a device that never was here."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

from harness.matrix import User, call

from bench.load import World, gather_bounded, percentile

PATH = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
FIRST_ANSWERS = 10
STEPS = 20
SETTLE_SECONDS = 3.0
# As matrix-rust-sdk's RoomListService asks.
REQUIRED_STATE = [
    ["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"],
    ["m.room.member", "$ME"], ["m.room.topic", ""], ["m.room.avatar", ""],
    ["m.room.canonical_alias", ""], ["m.room.power_levels", ""],
    ["org.matrix.msc3401.call.member", "*"], ["m.room.join_rules", ""],
    ["m.room.tombstone", ""], ["m.room.create", ""], ["m.room.history_visibility", ""],
    ["io.element.functional_members", ""], ["m.space.parent", "*"], ["m.space.child", "*"],
]  # fmt: skip
EXTENSIONS = {name: {"enabled": True} for name in ("account_data", "receipts", "typing")}


async def large_account(world: World) -> dict[str, float]:
    """First answers of the 20 latest rooms of 2,000, then steps that follow a message each.

    The first device of all finds nothing in memory; it is reported apart.
    """
    count = world.scale.account_rooms
    owner = (await world.users(world.scale.users + 3))[-1]
    world.say(f"making {count} rooms for one account")
    room_ids = await gather_bounded(
        [owner.create_room(preset="private_chat", name=f"Room {n}") for n in range(count)],
        at_once=16,
    )
    await asyncio.sleep(SETTLE_SECONDS)
    seconds: list[float] = []
    for _ in range(FIRST_ANSWERS):
        device = await owner.login_again()
        begun = time.monotonic()
        answer = await ask(device, 19)
        seconds.append(time.monotonic() - begun)
        assert len(answer["rooms"]) == 20, "a first answer lacks rooms"
        assert answer["lists"]["all_rooms"]["count"] == count
    device = await owner.login_again()
    pos = (await ask(device, count - 1))["pos"]
    steps: list[float] = []
    for number in range(STEPS):
        await owner.send_text(room_ids[number], "news")
        begun = time.monotonic()
        answer = await ask(device, count - 1, pos, wait_ms=5000)
        steps.append(time.monotonic() - begun)
        assert room_ids[number] in answer["rooms"]
        pos = answer["pos"]
    return {
        "sliding_coldest_ms": seconds[0] * 1000,
        "sliding_first_p50_ms": percentile(seconds, 50) * 1000,
        "sliding_step_p50_ms": percentile(steps, 50) * 1000,
    }


async def ask(user: User, last: int, pos: str | None = None, wait_ms: int = 0) -> dict[str, Any]:
    """One request of the room list, its range from 0 to `last`."""
    query: dict[str, Any] = {"timeout": wait_ms, "set_presence": "offline"}
    if pos is not None:
        query["pos"] = pos
    rooms = {"ranges": [[0, last]], "timeline_limit": 1, "required_state": REQUIRED_STATE}
    body = {"conn_id": "room-list", "lists": {"all_rooms": rooms}, "extensions": EXTENSIONS}
    return await call(user.client, "POST", f"{PATH}?{urlencode(query)}", body, token=user.token)
