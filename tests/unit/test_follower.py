"""A follower alone: gaps, repeats, deposed owners, silence, a lagging replica, unknown kinds."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from bongsu.errors import Unavailable
from bongsu.log import follower as module
from bongsu.log.entry import Entry, Kind
from bongsu.log.follower import DurableHead, Follower

WAIT_SECONDS_MAX = 10.0


def entry(position: int, partition: int = 0, kind: int = Kind.DEVICE_LIST) -> Entry:
    return Entry(partition, position, kind, "@a:test", "", str(position).encode(), b"")


class Replica:
    """The log as a replica has it: `replayed` of the entries that it will have."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.replayed = 0
        self.heads: list[DurableHead] = []
        self.fails = False
        self.reads: list[tuple[int, int, int]] = []

    async def durable_heads(self) -> list[DurableHead]:
        return self.heads

    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]:
        self.reads.append((partition, after, through))
        if self.fails:
            raise Unavailable
        there = [e for e in self.log[: self.replayed] if e.partition == partition]
        return [e for e in there if after < e.position <= through][:limit]


@pytest.fixture
def replica() -> Replica:
    return Replica()


@pytest.fixture
def shown() -> list[int]:
    return []


@pytest.fixture
async def follower(
    replica: Replica, shown: list[int], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Follower]:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.01)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    follower = Follower(replica, "test")

    def show(entries: Sequence[Entry]) -> None:
        for each in entries:
            assert follower.applied[each.partition] >= each.position
            shown.append(each.position)

    follower.listen(show)
    await follower.start()
    yield follower
    await follower.stop()


async def test_repeats_and_gaps_are_not_shown(follower: Follower, shown: list[int]) -> None:
    follower.deliver({0: 1}, [entry(1), entry(2)])
    follower.deliver({0: 1}, [entry(1), entry(2), entry(3)])
    follower.deliver({0: 1}, [entry(5)])
    assert shown == [1, 2, 3]
    assert follower.lag == 2
    follower.deliver({0: 1}, [entry(4), entry(5)])
    assert shown == [1, 2, 3, 4, 5]
    assert follower.lag == 0


async def test_a_gap_is_read_from_the_log(
    follower: Follower, replica: Replica, shown: list[int]
) -> None:
    replica.log = [entry(n) for n in range(1, 5)]
    replica.replayed = 4
    follower.deliver({0: 1}, [entry(1)])
    follower.deliver({0: 1}, [entry(4)])
    assert await follower.wait_for_position(0, 4, WAIT_SECONDS_MAX)
    assert shown == [1, 2, 3, 4]


async def test_a_lost_last_entry_shows_in_the_announcement(
    follower: Follower, replica: Replica, shown: list[int]
) -> None:
    replica.log, replica.replayed = [entry(1)], 1
    follower.announce([DurableHead(0, 1, 1)])
    assert await follower.wait_for_position(0, 1, WAIT_SECONDS_MAX)
    assert shown == [1]


async def test_nothing_is_read_past_what_is_known_to_be_durable(
    follower: Follower, replica: Replica, shown: list[int]
) -> None:
    replica.log = [entry(n) for n in range(1, 6)]
    replica.replayed = 5
    follower.announce([DurableHead(0, 1, 3)])
    assert await follower.wait_for_position(0, 3, WAIT_SECONDS_MAX)
    assert not await follower.wait_for_position(0, 4, 0.1)
    assert shown == [1, 2, 3]


async def test_one_silent_owner_is_polled_though_another_one_speaks(
    follower: Follower, replica: Replica, shown: list[int]
) -> None:
    replica.log, replica.replayed = [entry(1, partition=7)], 1
    replica.heads = [DurableHead(7, 1, 1)]
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while follower.applied[7] < 1:
            follower.announce([DurableHead(p, 1, 0) for p in range(64) if p != 7])
            await asyncio.sleep(0.01)
    assert shown == [1]


async def test_a_lagging_replica_is_asked_until_it_is_there(
    follower: Follower, replica: Replica, shown: list[int]
) -> None:
    replica.log = [entry(1), entry(2)]
    follower.announce([DurableHead(0, 1, 2)])
    assert not await follower.wait_for_position(0, 1, 0.1)
    replica.replayed = 1
    assert await follower.wait_for_position(0, 1, WAIT_SECONDS_MAX)
    replica.fails = True
    await asyncio.sleep(0.05)
    replica.fails, replica.replayed = False, 2
    assert await follower.wait_for_position(0, 2, WAIT_SECONDS_MAX)
    assert shown == [1, 2]


async def test_a_deposed_owner_is_not_listened_to(follower: Follower, shown: list[int]) -> None:
    follower.announce([DurableHead(0, 5, 0)])
    follower.deliver({0: 4}, [entry(1)])
    follower.announce([DurableHead(0, 4, 9)])
    assert (shown, follower.lag) == ([], 0)
    follower.deliver({0: 5}, [entry(1)])
    assert shown == [1]


async def test_a_rows_epoch_deposes_nobody(follower: Follower, replica: Replica) -> None:
    """It may be that of a claim which was never acknowledged, and is gone."""
    replica.heads = [DurableHead(0, 9, 0)]
    await asyncio.sleep(0.5)  # it has been read
    follower.deliver({0: 8}, [entry(1)])
    assert follower.applied[0] == 1


async def test_an_unknown_kind_stops_its_partition_and_no_other(
    follower: Follower, shown: list[int]
) -> None:
    follower.deliver({0: 1}, [entry(1), entry(2, kind=250), entry(3)])
    follower.deliver({0: 1, 1: 1}, [entry(2), entry(1, partition=1)])
    assert follower.stopped == {0}
    assert shown == [1, 1]
    assert follower.applied[:2] == (1, 1)


async def test_too_far_behind_is_jumped_and_told(
    follower: Follower, shown: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CATCH_UP_ENTRIES_MAX", 100)
    jumped: list[int] = []
    follower.listen(lambda entries: None, jumped.append)
    follower.announce([DurableHead(3, 1, 101)])
    assert await follower.wait_for_position(3, 101, WAIT_SECONDS_MAX)
    assert (jumped, shown) == ([3], [])


async def test_a_failing_listener_stops_nobody(follower: Follower, shown: list[int]) -> None:
    def fail(entries: Sequence[Entry]) -> None:
        raise ValueError

    follower.listen(fail)
    late: list[Entry] = []
    follower.listen(late.extend)
    follower.deliver({0: 1}, [entry(1)])
    assert (shown, late) == ([1], [entry(1)])


async def test_waiting_for_a_vector(follower: Follower) -> None:
    vector = tuple(1 if p in (2, 5) else 0 for p in range(64))
    assert not await follower.wait_until(vector, 0.0)
    waiting = [asyncio.create_task(follower.wait_until(vector, WAIT_SECONDS_MAX)) for _ in "ab"]
    left = asyncio.create_task(follower.wait_until(vector, WAIT_SECONDS_MAX))
    await asyncio.sleep(0)
    left.cancel()
    follower.deliver({5: 1}, [entry(1, partition=5)])
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    follower.deliver({2: 1}, [entry(1, partition=2)])
    assert await asyncio.gather(*waiting) == [True, True]
    assert await follower.wait_until(vector, 0.0)
