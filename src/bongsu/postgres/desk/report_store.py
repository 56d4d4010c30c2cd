"""One report and all that belongs to it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.reports.catalogue import is_own
from bongsu.desk.reports.claim import SEALED_FIELDS, Claim
from bongsu.desk.reports.mailing import MailKind
from bongsu.desk.reports.preparing import PreparedVersion
from bongsu.desk.reports.stores import NewEntry, OwnReport
from bongsu.desk.reports.view import SealedEntry, SealedFile, SealedReport, SealedVersion
from bongsu.desk.reports.words import AMENDABLE, PAYABLE, Category, Damage, Kind, Party, Status
from bongsu.errors import NotFound, Refused
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.report_blob_store import end_blobs, end_blobs_of
from bongsu.postgres.desk.report_facts import FACTS, facts_of
from bongsu.postgres.desk.report_mail_store import queue_mail
from bongsu.postgres.desk.report_rows import ADD_ENTRY, HAS_ENTRY, insert_versions
from bongsu.postgres.desk.sealing_store import SEALED_COLUMNS, SealedColumn

SEALED_COLUMNS.extend(
    [
        *(SealedColumn("report_version", field, "seal_id") for field in SEALED_FIELDS),
        SealedColumn("report_file", "name", "seal_id"),
        SealedColumn("report_entry", "body", "seal_id"),
    ]
)

_FIND = "SELECT report_id FROM report WHERE link_hash = $1"
_REPORT = f"""
SELECT {FACTS}, language, received_site, stored_ts, has_payout, erased_ts
  FROM report WHERE report_id = $1
"""
_OWN = """
SELECT report_id, receipt, received_ts, changed_ts, status, category, services, damage
  FROM report WHERE account_id = $1 ORDER BY received_ts DESC, report_id LIMIT $2
"""
_VERSIONS = f"""
SELECT version, submitted_ts, claim, {", ".join(SEALED_FIELDS)}
  FROM report_version WHERE report_id = $1 ORDER BY version
"""
_FILES = """
SELECT number, version, name, sha256, size, scan, is_accepted, withdrawn_ts
  FROM report_file WHERE report_id = $1 ORDER BY number
"""
_ENTRIES = """
SELECT entry_key, written_ts, party, author, kind, body
  FROM report_entry WHERE report_id = $1 ORDER BY number
"""

_LOCK = "SELECT status, version, erased_ts FROM report WHERE report_id = $1 FOR UPDATE"
_DIGEST = "SELECT digest FROM report_version WHERE report_id = $1 AND version = $2"
_WITHDRAW_FILES = """
UPDATE report_file SET withdrawn_ts = $3
 WHERE report_id = $1 AND number = ANY($2) AND withdrawn_ts IS NULL
"""
# What was assessed stays as it was assessed. A loss that was assessed in another currency is none
# until it is assessed again: what is claimed never takes its place.
_AMEND = """
UPDATE report SET
    version = $2, claimed_category = $3, services = $4, is_own = $5, damage = $6, started_ts = $7,
    ended_ts = $8, claimed_loss_amount = $9, country = $10, has_payout = $11, words = $12,
    changed_ts = $13, language = $14,
    loss_currency = $15,
    assessed_version = CASE WHEN $17 AND assessed_version = version THEN $2
                            ELSE assessed_version END,
    category = CASE WHEN assessment = 0 THEN $3 ELSE category END,
    is_paid = CASE WHEN assessment = 0 THEN $16 ELSE is_paid END,
    loss_amount = CASE WHEN assessment = 0 THEN $9
                       WHEN loss_currency IS NOT DISTINCT FROM $15 THEN loss_amount END,
    evidence_count = kept.count, evidence_accepted = kept.accepted
FROM (SELECT count(*) AS count, count(*) FILTER (WHERE is_accepted) AS accepted
        FROM report_file WHERE report_id = $1 AND withdrawn_ts IS NULL) AS kept
WHERE report_id = $1
"""
_MOVE = "UPDATE report SET status = $2, changed_ts = $3 WHERE report_id = $1"

_ERASE = (
    f"UPDATE report_version SET {', '.join(f'{field} = NULL' for field in SEALED_FIELDS)}"
    " WHERE report_id = $1",
    "UPDATE report_file SET name = NULL WHERE report_id = $1",
    "UPDATE report_entry SET body = NULL WHERE report_id = $1",
    "DELETE FROM report_mark WHERE report_id = $1",
)
_ERASE_REPORT = """
UPDATE report SET account_id = NULL, words = '{}', has_payout = false, erased_ts = $2,
       changed_ts = $2, status = coalesce($3, status)
 WHERE report_id = $1 AND erased_ts IS NULL
"""
_EXPIRED = """
SELECT report_id FROM report
 WHERE erased_ts IS NULL AND changed_ts < $1 ORDER BY changed_ts LIMIT $2
"""


NONE_SEEN: Mapping[bytes, int] = {}


class PostgresReports:
    """Implements `desk.reports.stores.ReportStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, link_hash: bytes) -> str | None:
        row = await self._database.fetchrow(_FIND, link_hash, confirmed=True)
        return None if row is None else row["report_id"]

    async def load(self, report_id: str) -> SealedReport | None:
        fetch = self._database.fetch
        rows = await fetch(_REPORT, report_id, confirmed=True)
        if not rows:
            return None
        *facts, language, site, stored_ts, has_payout, erased_ts = rows[0].values()
        versions = await fetch(_VERSIONS, report_id, confirmed=True)
        files = await fetch(_FILES, report_id, confirmed=True)
        entries = await fetch(_ENTRIES, report_id, confirmed=True)
        return SealedReport(
            facts_of(facts), language, site, stored_ts, has_payout, erased_ts,
            tuple(_version(row) for row in versions),
            tuple(SealedFile(*row) for row in files),
            tuple(_entry(row) for row in entries),
        )  # fmt: skip

    async def list_own(self, account_id: str, limit: int) -> list[OwnReport]:
        rows = await self._database.fetch(_OWN, account_id, limit, confirmed=True)
        return [_own(row) for row in rows]

    async def amend(
        self,
        report_id: str,
        version: PreparedVersion,
        withdrawn: Sequence[int],
        now: int,
        removals: Mapping[bytes, int] = NONE_SEEN,
        *,
        payout_only: bool = False,
    ) -> None:
        async def body(connection: Connection) -> None:
            status, latest = await _lock(connection, report_id, unerased=True)
            if latest == version.version:
                digest = await connection.fetchval(_DIGEST, report_id, latest)
                if digest == version.digest:
                    return  # a doubled submit
            if latest != version.version - 1:
                raise Refused("It was changed meanwhile", code="DESK_CHANGED", status=409)
            _check(status, PAYABLE if payout_only else AMENDABLE)
            await connection.execute(_WITHDRAW_FILES, report_id, list(withdrawn), now)
            await insert_versions(connection, [(report_id, now, version)], now, removals)
            await connection.execute(_AMEND, *_amendment(report_id, version, now), payout_only)

        await self._database.write(body, idempotent=True)

    async def write(
        self,
        report_id: str,
        entry: NewEntry,
        allowed: frozenset[Status],
        status: Status,
        now: int,
        act: Act | None = None,
    ) -> None:
        async def body(connection: Connection) -> None:
            present, _ = await _lock(connection, report_id, unerased=True)
            if await connection.fetchval(HAS_ENTRY, report_id, entry.entry_key):
                return
            _check(present, allowed)
            await connection.execute(
                ADD_ENTRY, report_id, entry.entry_key, now, entry.party.value, entry.author,
                entry.kind.value, entry.sealed,
            )  # fmt: skip
            await connection.execute(_MOVE, report_id, status.value, now)
            if entry.kind is Kind.QUESTION:
                await queue_mail(connection, report_id, MailKind.QUESTION, now)
            if act is not None:
                await append(connection, act)

        await self._database.write(body, idempotent=True)

    async def erase(self, report_id: str, status: Status | None, now: int, act: Act) -> None:
        async def body(connection: Connection) -> None:
            await _lock(connection, report_id)
            for statement in _ERASE:
                await connection.execute(statement, report_id)
            done = await connection.execute(
                _ERASE_REPORT, report_id, now, None if status is None else status.value
            )
            if done != "UPDATE 0":
                await end_blobs_of(connection, report_id, now)
                await append(connection, act)

        await self._database.write(body, idempotent=True)

    async def let_go(self, hashes: Collection[bytes], now: int) -> None:
        await self._database.write(
            lambda connection: end_blobs(connection, hashes, now), idempotent=True
        )

    async def list_expired(self, before: int, limit: int) -> list[str]:
        rows = await self._database.fetch(_EXPIRED, before, limit, confirmed=True)
        return [row["report_id"] for row in rows]


async def _lock(
    connection: Connection, report_id: str, *, unerased: bool = False
) -> tuple[Status, int]:
    row = await connection.fetchrow(_LOCK, report_id)
    if row is None:
        raise NotFound("There is no such report")
    if unerased and row["erased_ts"] is not None:
        raise Refused("The report is erased", code="DESK_STATUS", status=409)
    return Status(row["status"]), row["version"]


def _check(status: Status, allowed: frozenset[Status]) -> None:
    if status not in allowed:
        raise Refused("The report is past that", code="DESK_STATUS", status=409)


def _amendment(report_id: str, version: PreparedVersion, now: int) -> tuple[Any, ...]:
    claim = version.claim
    return (
        report_id, version.version, claim.category.value, list(claim.services),
        is_own(claim.services), claim.damage.value, claim.started_ts, claim.ended_ts,
        claim.loss_amount, claim.country, "payout" in version.sealed, list(version.words), now,
        claim.language, claim.loss_currency, claim.is_paid,
    )  # fmt: skip


def _version(row: asyncpg.Record) -> SealedVersion:
    claim = msgspec.json.decode(row["claim"], type=Claim)
    sealed = {field: row[field] for field in SEALED_FIELDS if row[field] is not None}
    return SealedVersion(row["version"], row["submitted_ts"], claim, sealed)


def _own(row: asyncpg.Record) -> OwnReport:
    report_id, receipt, received_ts, changed_ts, status, category, services, damage = row.values()
    return OwnReport(
        report_id, receipt, received_ts, changed_ts, Status(status), Category(category),
        tuple(services), Damage(damage),
    )  # fmt: skip


def _entry(row: asyncpg.Record) -> SealedEntry:
    entry_key, written_ts, party, author, kind, text = row.values()
    return SealedEntry(entry_key, written_ts, Party(party), author, Kind(kind), text)
