"""Rooms created and rooms joined."""

from harness.matrix import User

from bench.load import World, closed_loop, gather_bounded

IN_FLIGHT = 8
WARM_UP_SECONDS = 1.0
JOIN_ROOMS_MAX = 300


async def create_rooms(world: World) -> dict[str, float]:
    """createRoom with a name and a preset, as a client's button does."""
    users = await world.users(world.scale.users)

    async def create(number: int) -> None:
        await users[number % len(users)].create_room(preset="private_chat", name=f"Room {number}")

    await closed_loop(create, in_flight=IN_FLIGHT, seconds=WARM_UP_SECONDS)
    async with world.metered() as meter:
        created = await closed_loop(create, in_flight=IN_FLIGHT, seconds=world.scale.seconds)
    return {
        "create_rooms_per_second": len(created) / meter.wall_seconds,
        "create_room_cpu_ms": meter.cpu_seconds / len(created) * 1000,
    }


async def joins(world: World) -> dict[str, float]:
    """Every account joins public rooms, each account each room once."""
    host, *joiners = await world.users(world.scale.users)
    trial_seconds = await _join_all(host, joiners, rooms=1, world=world)
    wanted = round(world.scale.seconds / trial_seconds)
    rooms = max(1, min(JOIN_ROOMS_MAX, wanted))
    world.say(f"joining {rooms} rooms with {len(joiners)} accounts")
    seconds = await _join_all(host, joiners, rooms=rooms, world=world)
    return {"joins_per_second": rooms * len(joiners) / seconds}


async def _join_all(host: User, joiners: list[User], *, rooms: int, world: World) -> float:
    """Seconds that it took all `joiners` to join as many fresh rooms."""
    create = [host.create_room(preset="public_chat") for _ in range(rooms)]
    room_ids = await gather_bounded(create)
    joins = [joiner.join(room_id) for room_id in room_ids for joiner in joiners]
    async with world.metered() as meter:
        await gather_bounded(joins, at_once=IN_FLIGHT)
    return meter.wall_seconds
