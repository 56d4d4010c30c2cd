"""The row of an application service in a real PostgreSQL, and what it reads of the log."""

from bongsu.appservices.delivery import Pending
from bongsu.log.position import ORIGIN, partition_of
from bongsu.postgres.appservice_store import PostgresAppserviceStore
from bongsu.postgres.database import Database
from bongsu.postgres.directory_store import PostgresPublicRooms
from bongsu.postgres.to_device_store import PostgresToDeviceStore
from bongsu.rooms.directory import Listing

HERE = tuple(range(64))
THERE = tuple(position + 1 for position in HERE)
FIRST = Pending("log.1", b'{"events":[]}')


def store(database: Database) -> PostgresAppserviceStore:
    return PostgresAppserviceStore(database, PostgresToDeviceStore(database))


async def test_only_who_knows_the_last_transaction_makes_the_next(database: Database) -> None:
    row = store(database)
    fresh = await row.load("irc", "log", HERE)
    assert (fresh.positions, fresh.last_txn, fresh.pending) == (HERE, 0, None)
    assert await row.begin("irc", 0, THERE, FIRST)
    assert not await row.begin("irc", 0, THERE, Pending("log.1", b"another"))
    begun = await row.load("irc", "log", ORIGIN)
    assert (begun.positions, begun.last_txn, begun.pending) == (THERE, 1, FIRST)
    await row.advance("irc", 1, HERE)
    assert (await row.load("irc", "log", ORIGIN)).positions == THERE, "not while one is pending"
    await row.end("irc", 1)
    await row.advance("irc", 0, ORIGIN)
    await row.advance("irc", 1, HERE)
    ended = await row.load("irc", "log", ORIGIN)
    assert (ended.positions, ended.last_txn, ended.pending) == (HERE, 1, None)


async def test_a_lost_past_moves_the_row_and_keeps_what_is_pending(database: Database) -> None:
    row = store(database)
    await row.load("moved", "log", THERE)
    await row.begin("moved", 0, THERE, FIRST)
    moved = await row.load("moved", "another log", HERE)
    assert (moved.positions, moved.last_txn, moved.pending) == (HERE, 1, FIRST)


async def test_the_log_is_read_in_turns_and_in_order(database: Database) -> None:
    row = store(database)
    await database.execute("""
        INSERT INTO entry (partition, position, kind, key, body, facts)
        SELECT p, n, 6, '@u:x', '', '' FROM generate_series(0, 2) AS p, generate_series(1, 5) AS n
        ON CONFLICT DO NOTHING
    """)
    after = tuple(1 if p == 1 else 0 for p in range(64))
    through = tuple({0: 2, 1: 5, 2: 1}.get(p, 0) for p in range(64))
    found = [(each.partition, each.position) for each in await row.read(after, through, 1, 100)]
    assert found == [(1, 2), (1, 3), (1, 4), (1, 5), (2, 1), (0, 1), (0, 2)]
    assert len(await row.read(after, through, 1, 3)) == 3
    await database.execute("DELETE FROM entry WHERE key = '@u:x'")


async def test_who_is_joined_as_of_a_position(database: Database) -> None:
    row = store(database)
    await database.execute("""
        INSERT INTO membership (user_id, room_id, position, membership, event_id, sender,
                                notify_total, main_total)
        VALUES ('@a:x', '!as:x', 1, 'join', '$as1', '@a:x', 0, 0),
               ('@b:x', '!as:x', 2, 'join', '$as2', '@b:x', 0, 0),
               ('@a:x', '!as:x', 3, 'leave', '$as3', '@a:x', 0, 0)
    """)
    assert await row.list_joined_at("!as:x", 0) == []
    assert sorted(await row.list_joined_at("!as:x", 2)) == ["@a:x", "@b:x"]
    assert await row.list_joined_at("!as:x", 3) == ["@b:x"]
    assert await row.list_rooms_of("@b:x", 10) == ["!as:x"]
    assert await row.list_rooms_of("@a:x", 10) == []


async def test_messages_are_found_by_their_entry_and_forgotten(database: Database) -> None:
    row, user = store(database), "@_irc_ann:x"
    await database.execute(
        "INSERT INTO device (user_id, device_id, created_at) VALUES ($1, 'A', 0), ($1, 'B', 0)",
        user,
    )
    await database.execute(
        """INSERT INTO to_device VALUES ($1, 'A', 7, 0, '1'), ($1, 'B', 7, 1, '2'),
                                        ($1, 'A', 8, 0, '3')""",
        user,
    )
    assert [tuple(each) for each in await row.messages_at(user, 7)] == [("A", b"1"), ("B", b"2")]
    through = tuple(7 if p == partition_of(user) else 0 for p in range(64))
    await row.delete_messages([(user, "A"), (user, "B")], through)
    assert await row.messages_at(user, 7) == []
    assert [tuple(each) for each in await row.messages_at(user, 8)] == [("A", b"3")]


async def test_lists_of_rooms_are_apart(database: Database) -> None:
    row, public = store(database), PostgresPublicRooms(database)
    await database.execute("INSERT INTO room VALUES ('!net:x', '12', '@a:x', 1, 3, 0, 1)")
    await row.publish("irc", "hills", "!net:x", True)
    network, everything = Listing("irc|hills"), Listing(all_networks=True)

    async def listed(listing: Listing) -> list[str]:
        places = await public.list_places(listing, None, 100, None, backwards=False)
        assert await public.count(listing) == len(places)
        return [place.room_id for place in places]

    assert await listed(network) == ["!net:x"]
    assert "!net:x" in await listed(everything)
    assert "!net:x" not in await listed(Listing())
    assert await listed(Listing("irc|other")) == []
    await row.publish("irc", "hills", "!net:x", False)
    assert await listed(network) == []
