"""Backups of room keys on a real PostgreSQL: which copy stays, what is counted, what is refused."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from fixtures.keys_house import SERVER
from fixtures.sync_house import ALICE, BOB

from bongsu.errors import NotFound, Refused
from bongsu.keys.backup import KeyBackupData, KeyBackups, RoomKeyBackup
from bongsu.postgres.database import Database
from bongsu.postgres.key_backup_store import PostgresBackupStore

ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"
ROOM = f"!room:{SERVER}"


@pytest.fixture
def backups(database: Database) -> KeyBackups:
    return KeyBackups(PostgresBackupStore(database))


def key(first: int = 0, forwarded: int = 0, verified: bool = False, n: int = 0) -> KeyBackupData:
    return KeyBackupData(first, forwarded, verified, {"n": n})


def rooms(**sessions: KeyBackupData) -> dict[str, RoomKeyBackup]:
    return {ROOM: RoomKeyBackup(sessions)}


async def held(backups: KeyBackups, version: str, page: int = 1_000) -> dict[tuple[str, str], Any]:
    pages: AsyncIterator[Any] = await backups.stream_keys(ALICE, version, None, page)
    return {row[:2]: row[2:] async for rows in pages for row in rows}


async def test_versions(backups: KeyBackups) -> None:
    with pytest.raises(NotFound):
        await backups.get(ALICE, None)
    first = await backups.create(ALICE, ALGORITHM, {"public_key": "a"})
    second = await backups.create(ALICE, ALGORITHM, {"public_key": "b"})
    assert first != second
    assert (await backups.get(ALICE, None)).version == int(second)
    await backups.put_keys(ALICE, second, rooms(s=key()))
    await backups.delete(ALICE, second)
    with pytest.raises(NotFound):
        await backups.delete(ALICE, second)
    assert (await backups.get(ALICE, None)).version == int(first)
    third = await backups.create(ALICE, ALGORITHM, {})
    assert third not in (first, second)  # the number of a deleted one is not given again
    assert await held(backups, third) == {}
    for nonsense in ("", "x", "1\x00", "9" * 40, "-1", "１"):
        with pytest.raises(NotFound):
            await backups.get(ALICE, nonsense)
    with pytest.raises(NotFound):
        await backups.get(BOB, first)


async def test_keys_go_into_the_latest_version_only(backups: KeyBackups) -> None:
    with pytest.raises(NotFound):
        await backups.put_keys(ALICE, "1", rooms(s=key()))
    old = await backups.create(ALICE, ALGORITHM, {})
    new = await backups.create(ALICE, ALGORITHM, {})
    with pytest.raises(Refused) as refused:
        await backups.put_keys(ALICE, old, rooms(s=key()))
    assert (refused.value.status, refused.value.code) == (403, "M_WRONG_ROOM_KEYS_VERSION")
    assert refused.value.extra == {"current_version": new}


@pytest.mark.parametrize("seed", range(5))
async def test_the_better_copy_stays_and_the_etag_tells_of_every_change(
    backups: KeyBackups, seed: int
) -> None:
    """Random puts and deletions against a dictionary with the spec's rules."""
    random = Random(seed)
    version = await backups.create(ALICE, ALGORITHM, {})
    model: dict[tuple[str, str], tuple[bool, int, int, int]] = {}
    etag = 0
    for number in range(60):
        room, session = f"!{random.randrange(2)}:x", f"s{random.randrange(4)}"
        before = dict(model)
        if random.random() < 0.15:
            whole = random.choice([None, session])
            left = await backups.delete_keys(ALICE, version, room, whole)
            for place in [p for p in model if p[0] == room and whole in (None, p[1])]:
                del model[place]
        else:
            first, forwarded, verified = (
                random.randrange(3), random.randrange(3), random.random() < 0.5,
            )  # fmt: skip
            copy = (verified, first, forwarded, number)
            kept = model.get((room, session))
            if kept is None or (not verified, first, forwarded) < (not kept[0], *kept[1:3]):
                model[room, session] = copy
            given = {room: RoomKeyBackup({session: key(first, forwarded, verified, number)})}
            left = await backups.put_keys(ALICE, version, given)
        assert left.key_count == len(model)
        assert (left.etag != etag) == (model != before)
        etag = left.etag
        found = await held(backups, version, page=3)
        assert found == {
            place: (first, forwarded, verified, b'{"n":%d}' % n)
            for place, (verified, first, forwarded, n) in model.items()
        }


@pytest.mark.parametrize("room_id", ["!r\x00:x", "!r:x" * 100, "\ud800"])
async def test_bad_names(backups: KeyBackups, room_id: str) -> None:
    version = await backups.create(ALICE, ALGORITHM, {})
    for given in ({room_id: RoomKeyBackup({"s": key()})}, {ROOM: RoomKeyBackup({room_id: key()})}):
        with pytest.raises(Refused):
            await backups.put_keys(ALICE, version, given)
    for ask in (
        backups.delete_keys(ALICE, version, room_id),
        backups.key(ALICE, version, room_id, "s"),
    ):
        with pytest.raises(Refused):
            await ask
    too_large = KeyBackupData(0, 0, False, {"x": "y" * 70_000})
    with pytest.raises(Refused):
        await backups.put_keys(ALICE, version, rooms(s=too_large))
    assert await held(backups, version) == {}
