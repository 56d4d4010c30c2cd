"""What application services were told, and the rooms they list."""

from collections.abc import Mapping, Sequence

from bongsu.appservices.delivery import Pending, Stream
from bongsu.appservices.scanner import DeviceMessage
from bongsu.keys.inbox import KeyCounts
from bongsu.log.entry import Entry
from bongsu.log.position import PARTITIONS, Vector, partition_of
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.to_device_store import PostgresToDeviceStore

PARTITION_ENTRIES_MAX = 200  # of one partition in one read: each has its turn

_ADD = """
INSERT INTO appservice (appservice_id, incarnation, positions, last_txn) VALUES ($1, $2, $3, 0)
ON CONFLICT (appservice_id) DO NOTHING
"""

# A log that lost its end gives positions again: what followed them is not known to be the same.
_MOVE = """
UPDATE appservice SET incarnation = $2, positions = $3
 WHERE appservice_id = $1 AND incarnation <> $2
"""

_LOAD = """
SELECT positions, last_txn, pending_id, pending FROM appservice WHERE appservice_id = $1
"""

_BEGIN = """
UPDATE appservice SET last_txn = $2 + 1, positions = $3, pending_id = $4, pending = $5
 WHERE appservice_id = $1 AND last_txn = $2
"""

_END = """
UPDATE appservice SET pending_id = NULL, pending = NULL WHERE appservice_id = $1 AND last_txn = $2
"""

_ADVANCE = """
UPDATE appservice SET positions = $3
 WHERE appservice_id = $1 AND last_txn = $2 AND pending IS NULL
"""

_ENTRIES = """
SELECT entry.partition, entry.position, kind, key, event_id, body, facts
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[])
     WITH ORDINALITY AS span(partition, after, through, place)
CROSS JOIN LATERAL (
    SELECT * FROM entry
    WHERE partition = span.partition AND position > span.after AND position <= span.through
    ORDER BY position LIMIT $4
) AS entry
ORDER BY span.place, entry.position LIMIT $5
"""

_MESSAGES = """
SELECT to_device.device_id, body FROM device
JOIN to_device USING (user_id, device_id)
WHERE user_id = $1 AND position = $2 ORDER BY device_id, seq
"""

_JOINED_AT = """
SELECT user_id FROM (
    SELECT DISTINCT ON (user_id) user_id, membership FROM membership
    WHERE room_id = $1 AND position <= $2 ORDER BY user_id, position DESC
) AS latest WHERE membership = 'join'
"""

_ROOMS_OF = """
SELECT room_id FROM (
    SELECT DISTINCT ON (room_id) room_id, membership FROM membership
    WHERE user_id = $1 ORDER BY room_id, position DESC
) AS latest WHERE membership = 'join' LIMIT $2
"""

_ALIASES = "SELECT room_id, alias FROM alias WHERE room_id = ANY($1::text[])"

_LIST_ROOM = """
INSERT INTO appservice_room (appservice_id, network_id, room_id) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
"""

_UNLIST_ROOM = """
DELETE FROM appservice_room WHERE appservice_id = $1 AND network_id = $2 AND room_id = $3
"""


class PostgresAppserviceStore:
    """Implements `StreamStore`, `ServiceLog`, `Memberships` and `ServiceRoomStore` of
    `appservices`."""

    def __init__(self, database: Database, messages: PostgresToDeviceStore) -> None:
        self._database = database
        self._messages = messages

    # -- the row -------------------------------------------------------------------------------

    async def load(self, service_id: str, incarnation: str, positions: Vector) -> Stream:
        async def body(connection: Connection) -> None:
            await connection.execute(_ADD, service_id, incarnation, positions)
            await connection.execute(_MOVE, service_id, incarnation, positions)

        await self._database.write(body, idempotent=True)
        row = await self._database.fetchrow(_LOAD, service_id, confirmed=True)
        assert row is not None, "just made, and never deleted"
        pending = None if row["pending"] is None else Pending(row["pending_id"], row["pending"])
        return Stream(tuple(row["positions"]), row["last_txn"], pending)

    async def begin(
        self, service_id: str, last_txn: int, positions: Vector, pending: Pending
    ) -> bool:
        done = await self._database.execute(
            _BEGIN, service_id, last_txn, positions, pending.txn_id, pending.body
        )
        return done.endswith(" 1")

    async def end(self, service_id: str, last_txn: int) -> None:
        await self._database.execute(_END, service_id, last_txn, idempotent=True)

    async def advance(self, service_id: str, last_txn: int, positions: Vector) -> None:
        await self._database.execute(_ADVANCE, service_id, last_txn, positions, idempotent=True)

    async def delete_messages(self, messages: list[tuple[str, str]], positions: Vector) -> None:
        await self._messages.delete(
            {(user, device): positions[partition_of(user)] for user, device in messages}
        )

    # -- the log -------------------------------------------------------------------------------

    async def read(self, after: Vector, through: Vector, first: int, limit: int) -> Sequence[Entry]:
        order = [(first + turn) % PARTITIONS for turn in range(PARTITIONS)]
        behind = [p for p in order if after[p] < through[p]]
        await self._database.reach(through)
        rows = await self._database.fetch(
            _ENTRIES, behind, [after[p] for p in behind], [through[p] for p in behind],
            PARTITION_ENTRIES_MAX, limit,
        )  # fmt: skip
        return [
            Entry(row["partition"], row["position"], row["kind"], row["key"],
                  row["event_id"] or "", row["body"], row["facts"])
            for row in rows
        ]  # fmt: skip

    async def messages_at(self, user_id: str, position: int) -> Sequence[DeviceMessage]:
        rows = await self._database.fetch(_MESSAGES, user_id, position)
        return [DeviceMessage(row["device_id"], row["body"]) for row in rows]

    async def key_counts(self, user_id: str, device_id: str) -> KeyCounts | None:
        return await self._messages.key_counts(user_id, device_id)

    # -- rooms ---------------------------------------------------------------------------------

    async def list_joined_at(self, room_id: str, position: int) -> Sequence[str]:
        rows = await self._database.fetch(_JOINED_AT, room_id, position)
        return [row["user_id"] for row in rows]

    async def list_rooms_of(self, user_id: str, limit: int) -> Sequence[str]:
        rows = await self._database.fetch(_ROOMS_OF, user_id, limit)
        return [row["room_id"] for row in rows]

    async def aliases_of(self, room_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for row in await self._database.fetch(_ALIASES, list(room_ids), confirmed=True):
            found.setdefault(row["room_id"], []).append(row["alias"])
        return found

    async def publish(self, service_id: str, network_id: str, room_id: str, public: bool) -> None:
        query = _LIST_ROOM if public else _UNLIST_ROOM
        await self._database.execute(query, service_id, network_id, room_id, idempotent=True)
