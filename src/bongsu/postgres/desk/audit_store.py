"""The audit log in PostgreSQL."""

from collections.abc import AsyncIterator, Sequence

from bongsu.desk.audit import Act, Entry, Head, link
from bongsu.postgres.database import Connection, Database
from bongsu.users.tokens import now_ms

PAGE_ROWS = 2_000

_LOCK_HEAD = "SELECT number, hash FROM audit_head FOR UPDATE"
_MOVE_HEAD = "UPDATE audit_head SET number = $1, hash = $2"
_INSERT = """
INSERT INTO audit_entry (number, ts, actor, action, subject, detail, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_HEAD = "SELECT number, hash FROM audit_head"
_COLUMNS = "number, ts, actor, action, subject, detail, hash"
_AFTER = f"""
SELECT {_COLUMNS} FROM audit_entry WHERE number > $1 ORDER BY number LIMIT {PAGE_ROWS}
"""
_LATEST = f"""
SELECT {_COLUMNS} FROM audit_entry
 WHERE number < $1 AND ($2 = '' OR subject = $2) ORDER BY number DESC LIMIT $3
"""


async def append(connection: Connection, act: Act, ts: int | None = None) -> int:
    """Append `act` in the transaction of `connection`; gives its number.

    The head stays locked until that commits: append at the end of it.
    """
    row = await connection.fetchrow(_LOCK_HEAD)
    assert row is not None, "the schema makes the head"
    entry = link(Head(*row), act, now_ms() if ts is None else ts)
    await connection.execute(_INSERT, *entry)
    await connection.execute(_MOVE_HEAD, entry.number, entry.hash)
    return entry.number


class PostgresAudit:
    """Implements `desk.audit.AuditReader`, and shows the latest entries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_head(self) -> Head:
        (row,) = await self._database.fetch(_HEAD, confirmed=True)
        return Head(*row)

    async def stream_entries(self) -> AsyncIterator[Entry]:
        after = 0
        while rows := await self._database.fetch(_AFTER, after, confirmed=True):
            for row in rows:
                yield Entry(*row)
            after = rows[-1]["number"]

    async def list_latest(
        self, limit: int, *, before: int = 2**62, subject: str = ""
    ) -> Sequence[Entry]:
        """Entries numbered below `before`, latest first; all, or those about `subject`."""
        rows = await self._database.fetch(_LATEST, before, subject, limit)
        return [Entry(*row) for row in rows]

    async def record(self, act: Act) -> int:
        """An act that changes nothing else, such as looking at what is sealed."""
        return await self._database.write(lambda connection: append(connection, act))
