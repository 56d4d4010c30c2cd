"""Claims on rows that wait to be told, sealed addresses among them."""

from collections.abc import Callable
from typing import TypeVar

import asyncpg
import structlog

from bongsu.desk.sealing import SealBroken
from bongsu.postgres.database import Connection, Database

T = TypeVar("T")

log = structlog.get_logger()


async def claim_readable(
    database: Database,
    statement: str,
    reading: str,
    *arguments: object,
    make: Callable[[asyncpg.Record], T],
    what: str,
) -> list[T]:
    """Claim by `statement`, which returns ids, and read those rows by `reading`.

    One whose seal cannot be opened is left out: its key may come, and the claim ends by itself.
    """

    async def body(connection: Connection) -> list[asyncpg.Record]:
        claimed = await connection.fetch(statement, *arguments)
        return await connection.fetch(reading, [row[0] for row in claimed])

    found: list[T] = []
    for row in await database.write(body):
        try:
            found.append(make(row))
        except SealBroken as error:
            log.error(f"{what} cannot be read", reason=str(error))
    return found
