"""Cases with their items, evidence and interviews in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.investigation.document import Case
from bongsu.desk.investigation.evidence import Evidence, NewEvidence, link
from bongsu.desk.investigation.items import Content, Item
from bongsu.desk.investigation.stores import CaseLine, SealedInterview
from bongsu.desk.wording import Text
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.sealing_store import SEALED_COLUMNS, SealedColumn

_ADD = """
INSERT INTO investigation_case (case_id, title, began, ended, opened_ts)
VALUES ($1, $2, $3, $4, $5)
"""
_SET_WINDOW = """
UPDATE investigation_case SET title = $2, began = $3, ended = $4 WHERE case_id = $1
RETURNING case_id
"""
_LIST = """
SELECT case_id, title, opened_ts, (
    SELECT coalesce(max(version), 0) FROM investigation_publication AS published
    WHERE published.case_id = investigation_case.case_id) AS published
FROM investigation_case ORDER BY opened_ts DESC LIMIT 1000
"""
_CASE = "SELECT case_id, title, began, ended, opened_ts FROM investigation_case WHERE case_id = $1"
_LOCK_CASE = "SELECT case_id FROM investigation_case WHERE case_id = $1 FOR UPDATE"

_ITEM_COLUMNS = "item_id, version, content, is_public, is_withdrawn, note, author, written_ts"
_ITEMS = f"""
SELECT DISTINCT ON (item_id) {_ITEM_COLUMNS} FROM investigation_item
WHERE case_id = $1 ORDER BY item_id, version DESC
"""
_VERSIONS = f"""
SELECT {_ITEM_COLUMNS} FROM investigation_item WHERE case_id = $1 AND item_id = $2 ORDER BY version
"""
_ADD_ITEM = f"""
INSERT INTO investigation_item (case_id, {_ITEM_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING version
"""

_EVIDENCE_COLUMNS = """
number, added_ts, author, sha256, size, name, description, hash, is_public, public_name, caption
"""
_EVIDENCE = f"""
SELECT {_EVIDENCE_COLUMNS} FROM investigation_evidence WHERE case_id = $1 ORDER BY number
"""
_LATEST_EVIDENCE = f"""
SELECT {_EVIDENCE_COLUMNS} FROM investigation_evidence
WHERE case_id = $1 ORDER BY number DESC LIMIT 1
"""
_ADD_EVIDENCE = f"""
INSERT INTO investigation_evidence (case_id, {_EVIDENCE_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_SHOW = """
UPDATE investigation_evidence SET is_public = $3, public_name = $4, caption = $5
WHERE case_id = $1 AND number = $2 RETURNING number
"""

_INTERVIEW_COLUMNS = "interview_id, case_id, held_ts, written_ts, author, person, said"
_ADD_INTERVIEW = f"""
INSERT INTO investigation_interview ({_INTERVIEW_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_INTERVIEWS = f"""
SELECT {_INTERVIEW_COLUMNS} FROM investigation_interview
WHERE case_id = $1 ORDER BY held_ts, interview_id LIMIT 10000
"""
_INTERVIEW = f"SELECT {_INTERVIEW_COLUMNS} FROM investigation_interview WHERE interview_id = $1"


SEALED_COLUMNS.extend(
    SealedColumn("investigation_interview", column, "interview_id") for column in ("person", "said")
)


class PostgresCases:
    """Implements `desk.investigation.stores.CaseStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, case: Case, act: Act) -> None:
        async def body(connection: Connection) -> None:
            title = msgspec.json.encode(case.title)
            await connection.execute(
                _ADD, case.case_id, title, case.began, case.ended, case.opened_ts
            )
            await append(connection, act, case.opened_ts)

        await self._database.write(body)

    async def set_window(
        self, case_id: str, title: Text, window: tuple[int, int | None], act: Act
    ) -> bool:
        row = case_id, msgspec.json.encode(title), *window
        return await _changed(self._database, act, _SET_WINDOW, *row)

    async def list_all(self) -> Sequence[CaseLine]:
        rows = await self._database.fetch(_LIST, confirmed=True)
        return [
            CaseLine(row["case_id"], _text(row["title"]), row["opened_ts"], row["published"])
            for row in rows
        ]

    async def load(self, case_id: str) -> Case | None:
        row = await self._database.fetchrow(_CASE, case_id, confirmed=True)
        if row is None:
            return None
        items = await self._database.fetch(_ITEMS, case_id, confirmed=True)
        evidence = await self._database.fetch(_EVIDENCE, case_id, confirmed=True)
        return Case(
            row["case_id"], _text(row["title"]), row["began"], row["ended"], row["opened_ts"],
            tuple(_item(one) for one in items), tuple(_evidence(one) for one in evidence),
        )  # fmt: skip

    async def add_items(self, case_id: str, items: Sequence[Item], act: Act) -> bool:
        async def body(connection: Connection) -> None:
            for item in items:
                row = (
                    item.item_id, item.version, msgspec.json.encode(item.content), item.is_public,
                    item.is_withdrawn, item.note, item.author, item.written_ts,
                )  # fmt: skip
                if await connection.fetchval(_ADD_ITEM, case_id, *row) is None:
                    raise _TakenError
            await append(connection, act)

        try:
            await self._database.write(body)
        except _TakenError:
            return False
        return True

    async def list_versions(self, case_id: str, item_id: str) -> Sequence[Item]:
        rows = await self._database.fetch(_VERSIONS, case_id, item_id, confirmed=True)
        return [_item(row) for row in rows]


class PostgresEvidence:
    """Implements `desk.investigation.stores.EvidenceStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, case_id: str, new: NewEvidence, now: int, act: Act) -> Evidence:
        async def body(connection: Connection) -> Evidence:
            await connection.execute(_LOCK_CASE, case_id)
            row = await connection.fetchrow(_LATEST_EVIDENCE, case_id)
            made = link(case_id, None if row is None else _evidence(row), new, now)
            await connection.execute(
                _ADD_EVIDENCE, case_id, made.number, made.added_ts, made.author, made.sha256,
                made.size, made.name, made.description, made.hash, False, "",
                msgspec.json.encode(made.caption),
            )  # fmt: skip
            await append(connection, act, now)
            return made

        return await self._database.write(body)

    async def show(
        self, case_id: str, number: int, is_public: bool, name: str, caption: Text, act: Act
    ) -> bool:
        row = case_id, number, is_public, name, msgspec.json.encode(caption)
        return await _changed(self._database, act, _SHOW, *row)


class PostgresInterviews:
    """Implements `desk.investigation.stores.InterviewStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, interview: SealedInterview, act: Act) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(_ADD_INTERVIEW, *interview)
            await append(connection, act)

        await self._database.write(body)

    async def list_all(self, case_id: str) -> Sequence[SealedInterview]:
        rows = await self._database.fetch(_INTERVIEWS, case_id, confirmed=True)
        return [SealedInterview(*row) for row in rows]

    async def load(self, interview_id: str, act: Act) -> SealedInterview | None:
        async def body(connection: Connection) -> SealedInterview | None:
            row = await connection.fetchrow(_INTERVIEW, interview_id)
            if row is None:
                return None
            await append(connection, act)
            return SealedInterview(*row)

        return await self._database.write(body)


class _TakenError(Exception):
    """Roll back: another was quicker."""


async def _changed(database: Database, act: Act, query: str, *arguments: Any) -> bool:
    """Run an UPDATE that returns a row if it found one, with its audit entry then."""

    async def body(connection: Connection) -> bool:
        if await connection.fetchrow(query, *arguments) is None:
            return False
        await append(connection, act)
        return True

    return await database.write(body)


def _text(content: bytes) -> Text:
    return msgspec.json.decode(content, type=Text)


def _item(row: asyncpg.Record) -> Item:
    item_id, version, content, *rest = row
    return Item(item_id, version, msgspec.json.decode(content, type=Content), *rest)


def _evidence(row: asyncpg.Record) -> Evidence:
    return Evidence(*row[:-1], caption=_text(row["caption"]))
