"""The question whether a primary can write is asked by writing: the query must spill."""

import asyncpg

from bongsu.witness.disk import _SETTINGS, _SPILL, is_full


async def test_the_question_reaches_the_disk_and_only_that_it_is_full_counts(
    database_dsn: str,
) -> None:
    connection = await asyncpg.connect(database_dsn, server_settings=_SETTINGS)
    try:
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {_SPILL}")
        cancelled = None
        try:
            await connection.execute("SET statement_timeout = 1; SELECT pg_sleep(1)")
        except asyncpg.PostgresError as error:
            cancelled = error
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert "temp read=" in plan, plan
    assert "written=" in plan, plan
    assert cancelled is not None
    assert not is_full(cancelled), "no answer is no refusal"
    assert is_full(asyncpg.DiskFullError("could not extend file"))
    assert is_full(asyncpg.InternalServerError("could not create x: No space left on device"))
