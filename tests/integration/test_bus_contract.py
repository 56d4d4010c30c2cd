"""One contract for every bus: what `log.bus.Bus` promises, in memory and over a real NATS."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bongsu.log.bus import Bus, BusUnavailable, NobodyServes
from bongsu.memory.bus import MemoryBus
from bongsu.nats.bus import NatsBus

WAIT_SECONDS_MAX = 60.0

Pair = tuple[Bus, Bus]  # two nodes on one bus; in memory they are the same object


@pytest.fixture(params=["memory", "nats"])
async def buses(request: pytest.FixtureRequest, nats_url: str) -> AsyncIterator[Pair]:
    if request.param == "memory":
        bus = MemoryBus()
        pair: Pair = (bus, bus)
    else:
        pair = (await NatsBus.connect(nats_url), await NatsBus.connect(nats_url))
    yield pair
    for each in set(pair):
        await each.close()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not condition():
            await asyncio.sleep(0.01)


async def flush(buses: Pair) -> None:
    """Until every subscription made so far is known at the server: it then hears what follows."""
    heard: list[bytes] = []
    for bus in buses:
        await bus.subscribe("flush", heard.append)

    async def knock() -> None:
        while len(heard) < 2:
            await buses[0].publish("flush", b"")
            await buses[1].publish("flush", b"")
            await asyncio.sleep(0.01)

    await asyncio.wait_for(knock(), WAIT_SECONDS_MAX)


async def test_a_publish_reaches_everybody_who_listens_and_the_publisher(buses: Pair) -> None:
    one, two = buses
    heard: list[tuple[str, bytes]] = []
    await one.subscribe("news", lambda payload: heard.append(("one", payload)))
    await two.subscribe("news", lambda payload: heard.append(("two", payload)))
    await flush(buses)
    await one.publish("news", b"fire")
    await one.publish("else", b"nobody's")
    await eventually(lambda: len(heard) == 2)
    assert sorted(heard) == [("one", b"fire"), ("two", b"fire")]


async def test_messages_of_one_publisher_keep_their_order(buses: Pair) -> None:
    one, two = buses
    heard: list[bytes] = []
    await two.subscribe("count", heard.append)
    await flush(buses)
    for n in range(500):
        await one.publish("count", str(n).encode())
    await eventually(lambda: len(heard) == 500)
    assert heard == [str(n).encode() for n in range(500)]


async def test_a_failing_listener_harms_neither_publisher_nor_others(buses: Pair) -> None:
    one, two = buses
    heard: list[bytes] = []

    def fail(payload: bytes) -> None:
        raise ValueError(payload)

    await two.subscribe("news", fail)
    await two.subscribe("news", heard.append)
    await flush(buses)
    await one.publish("news", b"a")
    await one.publish("news", b"b")
    await eventually(lambda: heard == [b"a", b"b"])


async def test_large_messages_pass(buses: Pair) -> None:
    one, two = buses
    heard: list[bytes] = []
    await two.subscribe("large", heard.append)
    await flush(buses)
    payload = bytes(900_000)
    await one.publish("large", payload)
    await eventually(lambda: heard == [payload])


async def test_requests_are_answered_side_by_side(buses: Pair) -> None:
    one, two = buses
    arrived = 0
    all_here = asyncio.Event()

    async def answer(payload: bytes) -> bytes:
        nonlocal arrived
        arrived += 1
        if arrived == 20:
            all_here.set()
        await all_here.wait()
        return payload + b"!"

    await two.serve("ask", answer)
    await flush(buses)
    replies = await asyncio.gather(
        *(one.request("ask", str(n).encode(), WAIT_SECONDS_MAX) for n in range(20))
    )
    assert replies == [f"{n}!".encode() for n in range(20)]


def _never() -> Callable[[bytes], Awaitable[bytes]]:
    async def answer(payload: bytes) -> bytes:
        await asyncio.Event().wait()
        return payload

    return answer


def _failing() -> Callable[[bytes], Awaitable[bytes]]:
    async def answer(payload: bytes) -> bytes:
        raise ValueError("a responder's own trouble")

    return answer


@pytest.mark.parametrize("responder", [None, _never(), _failing()], ids=["none", "slow", "failing"])
async def test_no_answer_is_unavailable(
    buses: Pair, responder: Callable[[bytes], Awaitable[bytes]] | None
) -> None:
    one, two = buses
    if responder is not None:
        await two.serve("ask", responder)
        await flush(buses)
    with pytest.raises(BusUnavailable):
        await one.request("ask", b"?", 0.2)


async def test_that_there_is_nobody_to_ask_is_told_at_once(buses: Pair) -> None:
    """Also of one who is gone: what it served is known to be served no more."""
    one, two = buses
    with pytest.raises(NobodyServes):
        await one.request("nobody", b"?", WAIT_SECONDS_MAX)
    if one is two:
        return

    async def answer(payload: bytes) -> bytes:
        return payload

    await two.serve("leaver", answer)
    await flush(buses)
    assert await one.request("leaver", b"?", WAIT_SECONDS_MAX) == b"?"
    await two.close()
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not await is_unserved(one, "leaver"):
            await asyncio.sleep(0.01)


async def is_unserved(bus: Bus, subject: str) -> bool:
    try:
        await bus.request(subject, b"?", 0.2)
    except BusUnavailable as error:
        return isinstance(error, NobodyServes)
    return False


async def test_who_asks_may_leave_and_the_answer_is_worked_out_all_the_same(buses: Pair) -> None:
    one, two = buses
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(payload: bytes) -> bytes:
        begun.set()
        await go_on.wait()
        ended.set()
        return payload

    await two.serve("ask", answer)
    await flush(buses)
    asking = asyncio.create_task(one.request("ask", b"?", WAIT_SECONDS_MAX))
    await asyncio.wait_for(begun.wait(), WAIT_SECONDS_MAX)
    asking.cancel()
    go_on.set()
    await asyncio.wait_for(ended.wait(), WAIT_SECONDS_MAX)


async def test_a_closed_bus_is_unavailable(buses: Pair) -> None:
    one, _ = buses
    await one.close()
    with pytest.raises(BusUnavailable):
        await one.publish("news", b"")
    with pytest.raises(BusUnavailable):
        await one.request("ask", b"?", 1.0)
