"""A device's counts of keys while there is no primary to count at."""

from collections.abc import Mapping, Sequence

import pytest

from bongsu.errors import Unavailable
from bongsu.keys import inbox
from bongsu.keys.inbox import Inbox, Inboxes, KeyCounts, StoredMessage
from bongsu.log.entry import Entry, Kind
from bongsu.log.position import ORIGIN, partition_of
from bongsu.rooms.client_event import Device

ALICE = Device("@alice:test", "PHONE")


class TwoServers:
    """A store whose primary may be away; its replica is one upload behind."""

    def __init__(self) -> None:
        self.has_primary = True
        self.primary, self.replica = 50, 40

    async def read(self, inbox: Inbox, limit: int) -> Sequence[StoredMessage]:
        return ()

    async def last_position(self, user_id: str, device_id: str) -> int:
        return 0

    async def delete(self, read: Mapping[tuple[str, str], int]) -> None: ...

    async def key_counts(
        self, user_id: str, device_id: str, *, confirmed: bool = True
    ) -> KeyCounts | None:
        if confirmed and not self.has_primary:
            raise Unavailable("No primary")
        count = self.primary if confirmed else self.replica
        return KeyCounts({inbox.SIGNED_CURVE25519: count}, [])


async def counts(inboxes: Inboxes) -> bytes:
    return (await inboxes.answer(ALICE, ORIGIN, 0, ORIGIN)).counts[0]


def keys_changed(inboxes: Inboxes, position: int) -> None:
    inboxes.on_entries([
        Entry(
            partition_of(ALICE.user_id), position, Kind.ONE_TIME_KEYS, ALICE.user_id, "",
            b'[["PHONE"]]', b"",
        )
    ])  # fmt: skip


@pytest.fixture
def store() -> TwoServers:
    return TwoServers()


async def test_known_counts_stand_until_a_primary_is_back(store: TwoServers) -> None:
    inboxes = Inboxes(store)
    assert b"50" in await counts(inboxes)
    store.has_primary, store.primary = False, 45
    keys_changed(inboxes, 7)
    assert b"50" in await counts(inboxes)
    store.has_primary = True
    assert b"45" in await counts(inboxes)


async def test_a_device_that_comes_meanwhile_is_told_the_replicas_counts(
    store: TwoServers,
) -> None:
    store.has_primary = False
    inboxes = Inboxes(store)
    assert b"40" in await counts(inboxes)
    store.has_primary = True
    assert b"50" in await counts(inboxes)
