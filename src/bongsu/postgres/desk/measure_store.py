"""Measures, their proofs and what drills came to, in PostgreSQL."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.prevention.measures import Measure, Plan, State
from bongsu.desk.prevention.prevention import Change, Proof
from bongsu.desk.prevention.proofs import DrillSeen
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

_ADD_PLAN = """
INSERT INTO measure_plan (measure_id, version, plan, author, written_ts)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING version
"""
_PUT = """
INSERT INTO measure (measure_id, version, state, made_ts, changed_ts) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (measure_id) DO UPDATE SET version = excluded.version
"""
_MEASURES = """
SELECT measure_id, version, plan, state, made_ts, changed_ts
FROM measure JOIN measure_plan USING (measure_id, version)
"""
_GET = f"{_MEASURES} WHERE measure_id = $1"
_LIST = f"{_MEASURES} ORDER BY made_ts, measure_id LIMIT 10000"

_LOCK = "SELECT state FROM measure WHERE measure_id = $1 FOR UPDATE"
_SET_STATE = "UPDATE measure SET state = $2, changed_ts = $3 WHERE measure_id = $1"
_ADD_CHANGE = """
INSERT INTO measure_change (measure_id, number, ts, state, reason, proof)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5 FROM measure_change WHERE measure_id = $1
"""
_CHANGES = """
SELECT ts, state, reason, proof FROM measure_change WHERE measure_id = $1 ORDER BY number
"""

_PROOF_COLUMNS = "number, added_ts, author, name, sha256, size, made_ts, holds, summary, faults"
_PROOFS = f"SELECT {_PROOF_COLUMNS} FROM measure_proof WHERE measure_id = $1 ORDER BY number"
_SAME = f"SELECT {_PROOF_COLUMNS} FROM measure_proof WHERE measure_id = $1 AND sha256 = $2"
_ADD_PROOF = f"""
INSERT INTO measure_proof (measure_id, {_PROOF_COLUMNS})
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10
FROM measure_proof WHERE measure_id = $1
RETURNING {_PROOF_COLUMNS}
"""

_REMEMBER = """
INSERT INTO drill_seen (began_ts, site, how, was_primary, faults)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_FAILED = """
SELECT began_ts, site, how, was_primary, faults FROM drill_seen
WHERE faults <> '{}' ORDER BY began_ts
"""


class PostgresMeasures:
    """Implements `desk.prevention.prevention.MeasureStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, measure: Measure, author: str, act: Act) -> bool:
        plan = msgspec.json.encode(measure.plan)

        async def body(connection: Connection) -> bool:
            await connection.execute(_LOCK, measure.measure_id)
            row = measure.measure_id, measure.version, plan, author, measure.changed_ts
            if await connection.fetchval(_ADD_PLAN, *row) is None:
                return False
            await connection.execute(
                _PUT, measure.measure_id, measure.version, measure.state.value, measure.made_ts,
                measure.changed_ts,
            )  # fmt: skip
            await append(connection, act)
            return True

        return await self._database.write(body)

    async def get(self, measure_id: str) -> Measure | None:
        row = await self._database.fetchrow(_GET, measure_id, confirmed=True)
        return None if row is None else _measure(row)

    async def list_all(self) -> Sequence[Measure]:
        return [_measure(row) for row in await self._database.fetch(_LIST)]

    async def list_proofs(self, measure_id: str) -> Sequence[Proof]:
        rows = await self._database.fetch(_PROOFS, measure_id, confirmed=True)
        return [_proof(row) for row in rows]

    async def list_changes(self, measure_id: str) -> Sequence[Change]:
        rows = await self._database.fetch(_CHANGES, measure_id, confirmed=True)
        return [Change(row["ts"], State(row["state"]), row["reason"], row["proof"]) for row in rows]

    async def add_proof(self, measure_id: str, proof: Proof, act: Act) -> Proof:
        async def body(connection: Connection) -> Proof:
            state = await connection.fetchval(_LOCK, measure_id)
            if (row := await connection.fetchrow(_SAME, measure_id, proof.sha256)) is not None:
                return _proof(row)
            made = await connection.fetchrow(
                _ADD_PROOF, measure_id, proof.added_ts, proof.author, proof.name, proof.sha256,
                proof.size, proof.made_ts, proof.holds, proof.summary, list(proof.faults),
            )  # fmt: skip
            assert made is not None, "an INSERT that returns its row"
            added = _proof(made)
            if added.holds and state in (State.OPEN, State.REOPENED):
                closed = Change(added.added_ts, State.CLOSED, added.summary, added.number)
                await _change(connection, measure_id, closed)
            await append(connection, act, proof.added_ts)
            return added

        return await self._database.write(body)

    async def remember(self, drills: Sequence[DrillSeen]) -> None:
        rows = [
            (*drill[:4], list(drill.faults)) for drill in sorted(drills, key=lambda one: one[:3])
        ]

        async def body(connection: Connection) -> None:
            await connection.executemany(_REMEMBER, rows)

        await self._database.write(body, idempotent=True)

    async def list_failed(self) -> Sequence[DrillSeen]:
        rows = await self._database.fetch(_FAILED, confirmed=True)
        return [DrillSeen(*row[:-1], faults=tuple(row["faults"])) for row in rows]

    async def change(
        self, measure_id: str, before: Sequence[State], change: Change, act: Act
    ) -> bool:
        async def body(connection: Connection) -> bool:
            state = await connection.fetchval(_LOCK, measure_id)
            if state not in before:
                return False
            await _change(connection, measure_id, change)
            await append(connection, act, change.ts)
            return True

        return await self._database.write(body)


async def _change(connection: Connection, measure_id: str, change: Change) -> None:
    await connection.execute(_SET_STATE, measure_id, change.state.value, change.ts)
    row = measure_id, change.ts, change.state.value, change.reason, change.proof
    await connection.execute(_ADD_CHANGE, *row)


def _measure(row: asyncpg.Record) -> Measure:
    measure_id, version, plan, state, made_ts, changed_ts = row
    decoded = msgspec.json.decode(plan, type=Plan)
    return Measure(measure_id, version, decoded, State(state), made_ts, changed_ts)


def _proof(row: asyncpg.Record) -> Proof:
    return Proof(*row[:-1], faults=tuple(row["faults"]))
