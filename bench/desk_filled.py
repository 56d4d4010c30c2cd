"""A fresh PostgreSQL with the generator's reports in the desk's tables, for what is measured over
all of them."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import click
from harness.postgres import Postgres

from bench import OUT
from bongsu.desk.reports.generator import generate
from bongsu.desk.reports.marks import Marker
from bongsu.desk.reports.preparing import PlacedFile, Preparer
from bongsu.desk.sealing import FileKeys, Sealer
from bongsu.postgres.database import Database
from bongsu.postgres.desk.connecting import DESK_SESSION, assume_role
from bongsu.postgres.desk.report_intake_store import PostgresReportIntake
from bongsu.postgres.migrate import DESK, migrate

BATCH = 500
CONNECTIONS = 4
ENGINE = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
MARKER = Marker(b"m" * 32)

Figures = dict[str, Any]
Measure = Callable[[Database], Awaitable[Figures]]


def measured(name: str, reports: int, measure: Measure) -> None:
    """Print what `measure` says of that many reports, and keep it as bench/out/NAME.json."""
    with tempfile.TemporaryDirectory(prefix=f"bongsu-{name}-", dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        postgres = Postgres(Path(folder) / "postgres", ENGINE)
        postgres.start()
        try:
            figures = asyncio.run(_filled(postgres.create_database("bongsu"), reports, measure))
        finally:
            postgres.stop()
    OUT.mkdir(exist_ok=True)
    text = json.dumps(figures, indent=2)
    (OUT / f"{name}.json").write_text(text + "\n")
    click.echo(text)


async def _filled(dsn: str, reports: int, measure: Measure) -> Figures:
    await migrate(dsn)
    await migrate(dsn, tables=DESK)
    pool = await asyncpg.create_pool(
        dsn, min_size=1, max_size=CONNECTIONS, server_settings=DESK_SESSION, init=assume_role
    )
    database = Database(pool)
    figures: Figures = {"reports": reports, "insert_seconds": await _fill(database, reports)}
    await pool.execute("ANALYZE")
    figures |= await measure(database)
    await database.close()
    return figures


async def _fill(database: Database, reports: int) -> float:
    """Seconds that the inserts took."""
    preparer = Preparer(Sealer(FileKeys([b"k" * 32])), MARKER)
    store, spent, batch = PostgresReportIntake(database), 0.0, []
    for number, made in enumerate(generate(count=reports), 1):
        placed = [PlacedFile(name, bytes(32), len(made.files[name]), ("",)) for name in made.files]
        batch.append(preparer.report(made.submission, placed))
        if len(batch) == BATCH or number == reports:
            began = time.perf_counter()
            await store.insert(batch, 1)
            spent += time.perf_counter() - began
            batch = []
    return round(spent, 1)
