"""Messages sent: many rooms, one sender alone, one hot room."""

from bench.load import World, closed_loop, percentile

IN_FLIGHT = 64
WARM_UP_SECONDS = 2.0


async def many_rooms(world: World) -> dict[str, float]:
    """64 sends in flight, spread over all rooms and all their members."""
    rooms = await world.rooms()

    async def send(number: int) -> None:
        room = rooms[number % len(rooms)]
        sender = room.members[number // len(rooms) % len(room.members)]
        await sender.send_text(room.room_id, f"message {number} of many in many rooms")

    await closed_loop(send, in_flight=IN_FLIGHT, seconds=WARM_UP_SECONDS)
    async with world.metered() as meter:
        sends = await closed_loop(send, in_flight=IN_FLIGHT, seconds=world.scale.seconds)
    return {
        "send_cpu_per_1000": meter.cpu_seconds / len(sends) * 1000,
        "send_server_cpu_per_1000": meter.server_seconds / len(sends) * 1000,
        "send_database_cpu_per_1000": meter.database_seconds / len(sends) * 1000,
        "send_client_cpu_per_1000": meter.client_seconds / len(sends) * 1000,
        "sends_per_second": len(sends) / meter.wall_seconds,
    }


async def one_sender(world: World) -> dict[str, float]:
    """One send after the other's answer: what a person waits."""
    room = (await world.rooms())[0]
    sender = room.members[0]

    async def send(number: int) -> None:
        await sender.send_text(room.room_id, f"message {number} of one sender")

    await closed_loop(send, in_flight=1, seconds=WARM_UP_SECONDS)
    sends = await closed_loop(send, in_flight=1, seconds=world.scale.seconds)
    return {
        "latency_p50_ms": percentile(sends, 50) * 1000,
        "latency_p99_ms": percentile(sends, 99) * 1000,
    }


async def hot_room(world: World) -> dict[str, float]:
    """64 sends in flight into one room, where each event names the one before."""
    members = await world.users(min(20, world.scale.users))
    room = await world.room_of(members)

    async def send(number: int) -> None:
        await members[number % len(members)].send_text(room.room_id, f"message {number}, hot")

    await closed_loop(send, in_flight=IN_FLIGHT, seconds=WARM_UP_SECONDS)
    async with world.metered() as meter:
        sends = await closed_loop(send, in_flight=IN_FLIGHT, seconds=world.scale.seconds)
    return {"hot_room_sends_per_second": len(sends) / meter.wall_seconds}
