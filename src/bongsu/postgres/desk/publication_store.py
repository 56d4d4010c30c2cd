"""Drafts of reports and their published versions in PostgreSQL."""

from collections.abc import Sequence

from bongsu.desk.audit import Act
from bongsu.desk.investigation.drafts import Draft, Publication
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

_LOCK_CASE = "SELECT case_id FROM investigation_case WHERE case_id = $1 FOR UPDATE"
_ADD = """
INSERT INTO investigation_draft (case_id, number, body, hash, summary, author, made_ts, review_note)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, ''
FROM investigation_draft WHERE case_id = $1
RETURNING number
"""
_DRAFTS = """
SELECT draft.case_id, draft.number, draft.body, draft.hash, draft.summary, draft.author,
       draft.made_ts, draft.reviewer, draft.review_note, draft.reviewed_ts, draft.is_approved,
       published.version
FROM investigation_draft AS draft LEFT JOIN investigation_publication AS published
     ON published.case_id = draft.case_id AND published.draft = draft.number
WHERE draft.case_id = $1
"""
_LIST = f"{_DRAFTS} ORDER BY draft.number DESC LIMIT 1000"
_GET = f"{_DRAFTS} AND draft.number = $2"
_REVIEW = """
UPDATE investigation_draft
SET reviewer = $3, review_note = $4, reviewed_ts = $5, is_approved = $6
WHERE case_id = $1 AND number = $2 AND hash = $7 AND is_approved IS NULL RETURNING number
"""
_PUBLISH = """
INSERT INTO investigation_publication (case_id, version, draft, body, hash, summary, published_ts)
SELECT case_id, $4, number, body, hash, summary, $5 FROM investigation_draft
WHERE case_id = $1 AND number = $2 AND hash = $3 AND is_approved
ON CONFLICT DO NOTHING RETURNING version
"""
_NEXT = "SELECT coalesce(max(version), 0) + 1 FROM investigation_publication WHERE case_id = $1"
_COLUMNS = "case_id, version, body, hash, summary, published_ts"
_PUBLISHED = f"""
SELECT {_COLUMNS} FROM investigation_publication WHERE case_id = $1 ORDER BY version
"""
_ONE = f"SELECT {_COLUMNS} FROM investigation_publication WHERE case_id = $1 AND version = $2"
_IS_SHOWN = "SELECT is_public FROM investigation_evidence WHERE case_id = $1 AND number = $2"
_LATEST = f"""
SELECT * FROM (
    SELECT DISTINCT ON (case_id) {_COLUMNS} FROM investigation_publication
    ORDER BY case_id, version DESC
) AS latest ORDER BY published_ts DESC LIMIT 1000
"""


class PostgresPublications:
    """Implements `desk.investigation.stores.PublicationStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_draft(self, draft: Draft, act: Act) -> int:
        async def body(connection: Connection) -> int:
            await connection.execute(_LOCK_CASE, draft.case_id)
            number = await connection.fetchval(
                _ADD, draft.case_id, draft.body, draft.hash, draft.summary, draft.author,
                draft.made_ts,
            )  # fmt: skip
            await append(connection, act, draft.made_ts)
            return number

        return await self._database.write(body)

    async def list_drafts(self, case_id: str) -> Sequence[Draft]:
        return [Draft(*row) for row in await self._database.fetch(_LIST, case_id, confirmed=True)]

    async def get_draft(self, case_id: str, number: int) -> Draft | None:
        row = await self._database.fetchrow(_GET, case_id, number, confirmed=True)
        return None if row is None else Draft(*row)

    async def review(self, draft: Draft, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            found = await connection.fetchrow(
                _REVIEW, draft.case_id, draft.number, draft.reviewer, draft.review_note,
                draft.reviewed_ts, draft.is_approved, draft.hash,
            )  # fmt: skip
            if found is None:
                return False
            await append(connection, act)
            return True

        return await self._database.write(body)

    async def publish(self, draft: Draft, now: int, act: Act) -> int | None:
        async def body(connection: Connection) -> int | None:
            await connection.execute(_LOCK_CASE, draft.case_id)
            version = await connection.fetchval(_NEXT, draft.case_id)
            row = draft.case_id, draft.number, draft.hash, version, now
            if await connection.fetchrow(_PUBLISH, *row) is None:
                return None
            await append(connection, act, now)
            return version

        return await self._database.write(body)

    async def is_shown(self, case_id: str, number: int) -> bool:
        row = await self._database.fetchrow(_IS_SHOWN, case_id, number, confirmed=True)
        return row is not None and row["is_public"]

    async def list_published(self, case_id: str) -> Sequence[Publication]:
        rows = await self._database.fetch(_PUBLISHED, case_id)
        return [Publication(*row) for row in rows]

    async def get_published(self, case_id: str, version: int) -> Publication | None:
        row = await self._database.fetchrow(_ONE, case_id, version)
        return None if row is None else Publication(*row)

    async def list_latest(self) -> Sequence[Publication]:
        return [Publication(*row) for row in await self._database.fetch(_LATEST)]
