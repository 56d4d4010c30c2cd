"""Briefings and their transcripts in PostgreSQL."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.sentences import Sentence
from bongsu.desk.statements.briefings import LINES_MAX, Briefing, BriefingState, Line, NewLine
from bongsu.desk.wording import Text
from bongsu.errors import InvalidParam, Refused
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

_COLUMNS = "briefing_id, title, starts_ts, state, lines"
_ADD = f"INSERT INTO briefing ({_COLUMNS}) VALUES ($1, $2, $3, $4, 0)"
_GET = f"SELECT {_COLUMNS} FROM briefing WHERE briefing_id = $1"
_LIST = f"SELECT {_COLUMNS} FROM briefing ORDER BY starts_ts DESC LIMIT 1000"
_SET_STATE = "UPDATE briefing SET state = $2 WHERE briefing_id = $1 RETURNING briefing_id"
_LOCK = "SELECT state, lines FROM briefing WHERE briefing_id = $1 FOR UPDATE"
_SAME = "SELECT number FROM briefing_line WHERE briefing_id = $1 AND line_key = $2"
_COUNT = "UPDATE briefing SET lines = $2 WHERE briefing_id = $1"
_ADD_LINE = """
INSERT INTO briefing_line (briefing_id, number, line_key, said_ts, speaker, said, corrects)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_LINES = """
SELECT number, said_ts, speaker, said, corrects FROM briefing_line
WHERE briefing_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
_CORRECTED = """
SELECT DISTINCT corrects FROM briefing_line WHERE briefing_id = $1 AND corrects BETWEEN $2 AND $3
"""


class PostgresBriefings:
    """Implements `desk.statements.briefings.BriefingStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, briefing: Briefing, act: Act) -> None:
        async def body(connection: Connection) -> None:
            title = msgspec.json.encode(briefing.title)
            row = briefing.briefing_id, title, briefing.starts_ts, briefing.state.value
            await connection.execute(_ADD, *row)
            await append(connection, act)

        await self._database.write(body)

    async def get(self, briefing_id: str) -> Briefing | None:
        row = await self._database.fetchrow(_GET, briefing_id)
        return None if row is None else _briefing(row)

    async def list_all(self) -> Sequence[Briefing]:
        return [_briefing(row) for row in await self._database.fetch(_LIST)]

    async def set_state(self, briefing_id: str, state: BriefingState, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_SET_STATE, briefing_id, state.value) is None:
                return False
            await append(connection, act)
            return True

        return await self._database.write(body)

    async def add_line(self, briefing_id: str, line: NewLine, now: int, act: Act) -> int | None:
        async def body(connection: Connection) -> int | None:
            briefing = await connection.fetchrow(_LOCK, briefing_id)
            same = await connection.fetchval(_SAME, briefing_id, line.key)
            if same is not None:
                return same
            if briefing is None or briefing["state"] != BriefingState.LIVE:
                return None
            number = briefing["lines"] + 1
            _check(line, number)
            await connection.execute(
                _ADD_LINE, briefing_id, number, line.key, now, line.speaker,
                msgspec.json.encode(line.text), line.corrects,
            )  # fmt: skip
            await connection.execute(_COUNT, briefing_id, number)
            await append(connection, act, now)
            return number

        return await self._database.write(body)

    async def list_lines(self, briefing_id: str, after: int, limit: int) -> Sequence[Line]:
        rows = await self._database.fetch(_LINES, briefing_id, after, limit)
        return [_line(*row) for row in rows]

    async def list_corrections(self, briefing_id: str, first: int, last: int) -> set[int]:
        rows = await self._database.fetch(_CORRECTED, briefing_id, first, last)
        return {row["corrects"] for row in rows}


def _check(line: NewLine, number: int) -> None:
    if number > LINES_MAX:
        raise Refused(
            Sentence("A briefing has {count} lines at most: begin another one", count=LINES_MAX),
            code="DESK_TOO_MANY",
            status=409,
        )
    if line.corrects is not None and not 0 < line.corrects < number:
        raise InvalidParam("There is no such line to correct")


def _briefing(row: asyncpg.Record) -> Briefing:
    briefing_id, title, starts_ts, state, lines = row
    return Briefing(briefing_id, _text(title), starts_ts, BriefingState(state), lines)


def _line(number: int, said_ts: int, speaker: str, said: bytes, corrects: int | None) -> Line:
    return Line(number, said_ts, speaker, _text(said), corrects)


def _text(content: bytes) -> Text:
    return msgspec.json.decode(content, type=Text)
