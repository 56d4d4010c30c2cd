"""Versions of the assessment: one report at a time, or many in one act."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bongsu.desk.assessment.decision import Base, Change, Decision
from bongsu.desk.assessment.queue import Filter
from bongsu.desk.audit import Act
from bongsu.desk.reports.mailing import MailKind
from bongsu.desk.reports.stores import NewEntry
from bongsu.desk.reports.words import CLOSED, DECIDED, Status
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.queue_sql import conditions
from bongsu.postgres.desk.report_mail_store import QUEUE_DECIDED, queue_mail
from bongsu.postgres.desk.report_rows import ADD_ENTRY, HAS_ENTRY

_DECISIONS = """
SELECT version, report_version, decided_ts, operator, status, category, is_paid, loss_amount,
       duplicate_of, reason, bulk_id
  FROM assessment WHERE report_id = $1 ORDER BY version
"""
_LOCK = """
SELECT version, assessment, status, erased_ts FROM report WHERE report_id = $1 FOR UPDATE
"""
_FILES_KNOWN = """
SELECT count(*) FROM report_file WHERE report_id = $1 AND number = ANY($2::integer[])
"""
_EXISTS = "SELECT EXISTS (SELECT FROM report WHERE report_id = $1)"

# {chosen}: a query of report rows, locked. {mailed}: what else is done with them.
# Parameters: $1 now, $2 operator, $3 status, $4 category, $5 is_paid, $6 loss_amount,
# $7 duplicate_of, $8 reason, $9 bulk_id.
_DECIDE = """
WITH chosen AS ({chosen}), added AS (
    INSERT INTO assessment (report_id, version, report_version, decided_ts, operator, status,
                            category, is_paid, loss_amount, duplicate_of, reason, bulk_id)
    SELECT report_id, assessment + 1, version, $1, $2, coalesce($3, status),
           coalesce($4, category), coalesce($5, is_paid), coalesce($6, loss_amount), $7, $8, $9
      FROM chosen
    RETURNING *
){mailed}
UPDATE report SET
    assessment = added.version, assessed_version = added.report_version, status = added.status,
    category = added.category, is_paid = added.is_paid, loss_amount = added.loss_amount,
    changed_ts = $1
  FROM added WHERE report.report_id = added.report_id
"""
_ONE = "SELECT * FROM report WHERE report_id = $10"
_MAILED = f", mailed AS ({QUEUE_DECIDED})"

_ADD_FILES = """
INSERT INTO assessment_file (report_id, version, number, is_accepted)
SELECT $1, $2, * FROM unnest($3::integer[], $4::boolean[])
"""
_JUDGE_FILES = """
UPDATE report_file SET is_accepted = judged.is_accepted
  FROM unnest($2::integer[], $3::boolean[]) AS judged(number, is_accepted)
 WHERE report_id = $1 AND report_file.number = judged.number
"""
_COUNT_ACCEPTED = """
UPDATE report SET evidence_accepted = (
    SELECT count(*) FROM report_file
     WHERE report_id = $1 AND is_accepted AND withdrawn_ts IS NULL)
 WHERE report_id = $1
"""

_BULK = """
INSERT INTO assessment_bulk (bulk_id, ordered_ts, operator, change, chosen, counted)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING bulk_id
"""
_BULK_BEFORE = "SELECT counted, change, chosen FROM assessment_bulk WHERE bulk_id = $1"


class PostgresAssessments:
    """Implements `desk.assessment.stores.AssessmentStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_decisions(self, report_id: str) -> Sequence[Decision]:
        rows = await self._database.fetch(_DECISIONS, report_id, confirmed=True)
        return [msgspec.convert(dict(row), Decision) for row in rows]

    async def decide(
        self,
        report_id: str,
        base: Base,
        change: Change,
        files: Mapping[int, bool],
        reason: str,
        message: NewEntry | None,
        now: int,
        act: Act,
    ) -> None:
        async def body(connection: Connection) -> None:
            status = await _check(connection, report_id, base, change)
            await _check_parts(connection, report_id, files, message)
            values = _values(change, act.actor, reason, None, now)
            await connection.execute(_deciding(_ONE, change), *values, report_id)
            if files:
                judged = list(files), list(files.values())
                await connection.execute(_ADD_FILES, report_id, base.assessment + 1, *judged)
                await connection.execute(_JUDGE_FILES, report_id, *judged)
                await connection.execute(_COUNT_ACCEPTED, report_id)
            if message is not None:
                await connection.execute(
                    ADD_ENTRY, report_id, message.entry_key, now, message.party.value,
                    message.author, message.kind.value, message.sealed,
                )  # fmt: skip
                if change.status not in DECIDED:
                    kind = MailKind.APPEAL if status is Status.APPEALED else MailKind.MESSAGE
                    await queue_mail(connection, report_id, kind, now)
            await append(connection, act)

        await self._database.write(body)

    async def decide_bulk(
        self,
        bulk_id: str,
        wanted: Filter,
        expected: int,
        change: Change,
        reason: str,
        now: int,
        act: Act,
    ) -> int:
        change_json, wanted_json = msgspec.json.encode(change), msgspec.json.encode(wanted)

        async def body(connection: Connection) -> int:
            new = await connection.fetchval(
                _BULK, bulk_id, now, act.actor, change_json, wanted_json, expected
            )
            if new is None:
                return await _done_before(connection, bulk_id, change_json, wanted_json)
            arguments = _values(change, act.actor, reason, bulk_id, now)
            where = conditions(wanted, arguments)
            arguments.append([status.value for status in CLOSED])
            chosen = f"""
                SELECT * FROM report WHERE {where} AND status <> ALL(${len(arguments)}::text[])
                   AND erased_ts IS NULL
                 ORDER BY report_id FOR UPDATE
            """
            done = await connection.execute(_deciding(chosen, change), *arguments)
            count = int(done.split()[-1])
            if count != expected:
                raise Refused(
                    Sentence(
                        "There are {count} reports now, not {expected}",
                        count=count,
                        expected=expected,
                    ),
                    code="DESK_CHANGED",
                    status=409,
                )
            await append(connection, act)
            return count

        return await self._database.write(body, idempotent=True)


def _deciding(chosen: str, change: Change) -> str:
    """Reporters are told of what is decided, not of what is sorted otherwise."""
    return _DECIDE.format(chosen=chosen, mailed=_MAILED if change.status in DECIDED else "")


async def _check(connection: Connection, report_id: str, base: Base, change: Change) -> Status:
    """Its status, if it may be decided on."""
    row = await connection.fetchrow(_LOCK, report_id)
    if row is None:
        raise NotFound("There is no such report")
    if Status(row["status"]) in CLOSED or row["erased_ts"] is not None:
        raise Refused("The report is closed", code="DESK_STATUS", status=409)
    if (row["version"], row["assessment"]) != (base.version, base.assessment):
        raise Refused("It was changed meanwhile", code="DESK_CHANGED", status=409)
    original = change.duplicate_of
    if original is not None and not await connection.fetchval(_EXISTS, original):
        raise InvalidParam("There is no such original", code="DESK_ORIGINAL")
    return Status(row["status"])


async def _check_parts(
    connection: Connection, report_id: str, files: Mapping[int, bool], message: NewEntry | None
) -> None:
    if files and await connection.fetchval(_FILES_KNOWN, report_id, list(files)) != len(files):
        raise InvalidParam("There is no such file", code="DESK_FILE")
    key = None if message is None else message.entry_key
    if key is not None and await connection.fetchval(HAS_ENTRY, report_id, key):
        raise Refused("This key was used before", code="DESK_CHANGED", status=409)


async def _done_before(
    connection: Connection, bulk_id: str, change_json: bytes, wanted_json: bytes
) -> int:
    row = await connection.fetchrow(_BULK_BEFORE, bulk_id)
    assert row is not None, "it was there a moment ago, and is never deleted"
    if (row["change"], row["chosen"]) != (change_json, wanted_json):
        raise Refused("This order was for something else", code="DESK_CHANGED", status=409)
    return row["counted"]


def _values(change: Change, actor: str, reason: str, bulk_id: str | None, now: int) -> list[Any]:
    """In the order of the parameters of `_DECIDE`."""
    status, category = change.status, change.category
    return [
        now, actor, None if status is None else status.value,
        None if category is None else category.value, change.is_paid, change.loss_amount,
        change.duplicate_of, reason, bulk_id,
    ]  # fmt: skip
