"""Our server under test, on a fresh PostgreSQL with the rival's settings."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.bongsu import Bongsu
from harness.postgres import Postgres

from bench import rival


class Ours:
    """A running `bongsu serve` and the PostgreSQL that it was given."""

    def __init__(self, bongsu: Bongsu, postgres: Postgres, database: str) -> None:
        self.bongsu = bongsu
        self.postgres = postgres
        self.database = database
        self.url = bongsu.url

    @property
    def server_pids(self) -> Sequence[int]:
        return self.bongsu.server_pids

    @property
    def database_pids(self) -> Sequence[int]:
        return [self.postgres.pid]


@contextmanager
def running(directory: Path) -> Iterator[Ours]:
    """A fresh server of one process with an empty database, stopped afterwards."""
    with rival.postgres(directory) as engine:
        database = "bongsu"
        bongsu = Bongsu(directory / "data", database_url=engine.create_database(database))
        try:
            bongsu.start()
            yield Ours(bongsu, engine, database)
        finally:
            bongsu.stop()
