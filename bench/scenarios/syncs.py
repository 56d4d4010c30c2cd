"""What readers cost: a busy room of listeners, first syncs, idle long polls."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

import orjson
from harness.matrix import User, call
from harness.process import resident_bytes

from bench.load import World, gather_bounded, percentile

MESSAGES_PER_SECOND = 20
SETTLE_SECONDS = 3.0
TIMELINE_LIMIT = 50
FIRST_SYNCS = 10
POLLING_ACCOUNTS = 100
# Presence is switched off in every poll: it is not what these figures are about, and Synapse
# would pay dearly for it.
POLL = {"set_presence": "offline", "timeout": 30_000}
FIRST = {**POLL, "timeout": 0}


async def busy_room(world: World) -> dict[str, float]:
    """20 messages a second into a room whose members all long-poll.

    Messages carry the clock's reading when they were sent; each listener reports the difference.
    A server that cannot keep up gets the next message as soon as it has taken the last.
    """
    members = await world.users(world.scale.listeners)
    room = await world.room_of(members)
    delays: list[float] = []
    polls = [
        asyncio.create_task(_listen(member, await member.sync(**FIRST), room.room_id, delays))
        for member in members
    ]
    try:
        await _speak(members[0], room.room_id, seconds=SETTLE_SECONDS)
        delays.clear()
        async with world.metered() as meter:
            sent = await _speak(members[0], room.room_id, seconds=world.scale.seconds)
    finally:
        for poll in polls:
            poll.cancel()
        results = await asyncio.gather(*polls, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return {
        "busy_room_cpu_per_1000": meter.cpu_seconds / sent * 1000,
        "busy_room_database_cpu_per_1000": meter.database_seconds / sent * 1000,
        "busy_room_delivery_p50_ms": percentile(delays, 50) * 1000,
        "busy_room_delivery_p99_ms": percentile(delays, 99) * 1000,
        "busy_room_sends_per_second": sent / meter.wall_seconds,
        "busy_room_delivered_percent": len(delays) / (sent * len(members)) * 100,
    }


async def first_sync(world: World) -> dict[str, float]:
    """A new device's first sync of an account in all rooms, 50 events of each."""
    rooms = await world.rooms()
    reader = (await world.users(world.scale.users + 1))[-1]
    await gather_bounded([reader.join(room.room_id) for room in rooms])
    world.say(f"filling {len(rooms)} rooms with {TIMELINE_LIMIT} events each")
    await gather_bounded(
        [_fill(room.members[0], room.room_id, TIMELINE_LIMIT) for room in rooms], at_once=32
    )
    timeline = orjson.dumps({"room": {"timeline": {"limit": TIMELINE_LIMIT}}}).decode()
    seconds: list[float] = []
    for _ in range(FIRST_SYNCS):
        device = await reader.login_again()
        begun = time.monotonic()
        answer = await device.sync(filter=timeline, **FIRST)
        seconds.append(time.monotonic() - begun)
        assert len(answer["rooms"]["join"]) == len(rooms), "a first sync lacks rooms"
    return {"first_sync_p50_ms": percentile(seconds, 50) * 1000}


async def large_account(world: World) -> dict[str, float]:
    """The first sync of an account in 2,000 rooms; growth is the peak during it."""
    count = world.scale.account_rooms
    owner = (await world.users(world.scale.users + 2))[-1]
    world.say(f"making {count} rooms for one account")
    await gather_bounded(
        [owner.create_room(preset="private_chat", name=f"Room {n}") for n in range(count)],
        at_once=16,
    )
    device = await owner.login_again()
    await asyncio.sleep(SETTLE_SECONDS)
    pids = world.homeserver.server_pids
    _reset_peaks(pids)
    before = resident_bytes(pids)
    begun = time.monotonic()
    answer = await device.sync(**FIRST)
    seconds = time.monotonic() - begun
    assert len(answer["rooms"]["join"]) == count, "a first sync lacks rooms"
    return {
        "large_account_sync_seconds": seconds,
        "large_account_growth_mb": (_peak_bytes(pids) - before) / 1e6,
    }


async def idle_polls(world: World) -> dict[str, float]:
    """Resident memory of the server's processes for each of many idle long polls."""
    users = await world.users(min(POLLING_ACCOUNTS, world.scale.users))
    tokens = [(user, (await user.sync(**FIRST))["next_batch"]) for user in users]
    pids = world.homeserver.server_pids
    polls: list[asyncio.Task[object]] = []
    try:
        await _open_polls(tokens, polls, len(tokens))  # caches and code are warm from here on
        before, warm = resident_bytes(pids), len(polls)
        world.say(f"opening {world.scale.long_polls} long polls")
        await _open_polls(tokens, polls, world.scale.long_polls)
        growth = resident_bytes(pids) - before
        ended = sum(poll.done() for poll in polls)
        assert ended == 0, f"{ended} of {len(polls)} long polls were not held"
    finally:
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
    return {"idle_poll_kb": growth / (len(polls) - warm) / 1024}


async def _open_polls(
    tokens: list[tuple[User, str]], polls: "list[asyncio.Task[object]]", count: int
) -> None:
    """Start `count` more polls, gently, and wait until the server has taken them all in."""
    query = {"set_presence": "offline", "timeout": 600_000}
    for number in range(count):
        user, since = tokens[number % len(tokens)]
        path = f"/_matrix/client/v3/sync?{urlencode({**query, 'since': since})}"
        polls.append(asyncio.create_task(call(user.client, "GET", path, token=user.token)))
        if number % 100 == 99:
            await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLE_SECONDS)


async def _listen(user: User, first: dict[str, object], room_id: str, delays: list[float]) -> None:
    since = first["next_batch"]
    while True:
        answer = await user.sync(since=str(since), **POLL)
        now, since = time.monotonic(), answer["next_batch"]
        room = answer.get("rooms", {}).get("join", {}).get(room_id, {})
        delays += [now - sent for sent in _sending_times(room.get("timeline", {}))]


def _sending_times(timeline: dict[str, list[dict[str, dict[str, float]]]]) -> Iterable[float]:
    for event in timeline.get("events", ()):
        if (sent := event["content"].get("bench.sent")) is not None:
            yield sent / 1e6


async def _speak(user: User, room_id: str, *, seconds: float) -> int:
    """Send at the fixed rate, or as fast as the server answers if that is less; the number sent."""
    begun = time.monotonic()
    sent = 0
    while (now := time.monotonic()) < begun + seconds:
        content = {"msgtype": "m.text", "body": f"message {sent} of many to many"}
        await user.send(room_id, {**content, "bench.sent": round(now * 1e6)})
        sent += 1
        await asyncio.sleep(begun + sent / MESSAGES_PER_SECOND - time.monotonic())
    return sent


async def _fill(user: User, room_id: str, count: int) -> None:
    for number in range(count):
        await user.send_text(room_id, f"history {number}")


def _reset_peaks(pids: Iterable[int]) -> None:
    """Let VmHWM start again from the present resident size."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak_bytes(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1]) * 1024
    return total
