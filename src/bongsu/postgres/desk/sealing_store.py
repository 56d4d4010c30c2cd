"""Data keys in PostgreSQL, and sealing anew what older ones sealed."""

import asyncio
from dataclasses import dataclass

from bongsu.desk.audit import Act
from bongsu.desk.sealing import Context, Sealer, new_key
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.users.tokens import now_ms

ROWS_AT_ONCE = 500
LEARN_SECONDS = 5.0  # every desk looks for new keys so often

_LOCK = "LOCK TABLE sealing_key IN EXCLUSIVE MODE"
_KEYS = "SELECT key_id, wrapped, file_key FROM sealing_key ORDER BY key_id"
_ADD = "INSERT INTO sealing_key (wrapped, file_key, made_ts) VALUES ($1, $2, $3) RETURNING key_id"
_WRAP = "UPDATE sealing_key SET wrapped = $2, file_key = $3 WHERE key_id = $1"
_FORGET = "DELETE FROM sealing_key WHERE key_id < $1"


@dataclass(frozen=True)
class SealedColumn:
    """A column that holds what `Sealer.seal` gave, with the column of the row's id in its context.

    `id_column` must be unique and text; a table with a longer key makes it a generated column.
    """

    table: str
    column: str
    id_column: str


# Every sealed column there is: `bongsu desk rotate-keys` seals them anew. The store of an area adds
# its own when it is imported.
SEALED_COLUMNS: list[SealedColumn] = []


class PostgresSealingKeys:
    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def learn(self) -> None:
        """Tell the sealer of all data keys; the first one is made here.

        Raises `KeyUnknown` if the key file lacks the one that a data key is wrapped with.
        """
        rows = await self._database.fetch(_KEYS, confirmed=True)
        if not rows:
            await self._database.write(self._add_first)
            rows = await self._database.fetch(_KEYS, confirmed=True)
        file_keys = self._sealer.file_keys
        self._sealer.learn(
            {key_id: file_keys.unwrap(wrapped, name) for key_id, wrapped, name in rows}
        )

    async def rotate(self, actor: str, *, pause_seconds: float = 2 * LEARN_SECONDS) -> int:
        """Make a new data key, seal all there is with it, forget the older ones; gives the number
        of fields. Desks that run learn of the new key while this pauses."""
        await self._database.write(lambda connection: self._add_and_wrap(connection, actor))
        await self.learn()
        await asyncio.sleep(pause_seconds)
        count = 0
        for sealed in SEALED_COLUMNS:
            count += await self._reseal(sealed)
        await self._database.execute(_FORGET, self._sealer.latest_key_id)
        await self.learn()
        return count

    async def _add_first(self, connection: Connection) -> None:
        await connection.execute(_LOCK)
        if not await connection.fetch(_KEYS):
            await self._add(connection)

    async def _add(self, connection: Connection) -> int:
        wrapped, name = self._sealer.file_keys.wrap(new_key())
        return await connection.fetchval(_ADD, wrapped, name, now_ms())

    async def _add_and_wrap(self, connection: Connection, actor: str) -> None:
        await connection.execute(_LOCK)
        file_keys = self._sealer.file_keys
        for key_id, wrapped, name in await connection.fetch(_KEYS):
            again = file_keys.wrap(file_keys.unwrap(wrapped, name))
            await connection.execute(_WRAP, key_id, *again)
        key_id = await self._add(connection)
        await append(connection, Act(actor, "desk.rotate_keys", str(key_id)))

    async def _reseal(self, sealed: SealedColumn) -> int:
        """Row by row, each only if nobody changed it meanwhile: then it is already sealed anew."""
        table, column, id_column = sealed.table, sealed.column, sealed.id_column
        page = f"""
            SELECT {id_column} AS id, {column} AS blob FROM {table}
             WHERE {column} IS NOT NULL AND {id_column} > $1
             ORDER BY {id_column} LIMIT {ROWS_AT_ONCE}
        """
        change = f"""
            UPDATE {table} SET {column} = new.blob
              FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS new (id, old, blob)
             WHERE {table}.{id_column} = new.id AND {table}.{column} = new.old
        """
        after, count = "", 0
        while rows := await self._database.fetch(page, after, confirmed=True):
            after = rows[-1]["id"]
            old = [
                (row["id"], row["blob"]) for row in rows if not self._sealer.is_current(row["blob"])
            ]
            new = [self._again(blob, Context(table, column, row_id)) for row_id, blob in old]
            ids, blobs = [row_id for row_id, _ in old], [blob for _, blob in old]
            await self._database.execute(change, ids, blobs, new, idempotent=True)
            count += len(old)
        return count

    def _again(self, blob: bytes, context: Context) -> bytes:
        return self._sealer.seal(self._sealer.open(blob, context), context)
