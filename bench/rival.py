"""The rival: Synapse in a virtual environment of its own, on the same PostgreSQL as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.postgres import Postgres
from harness.synapse import VERSION, Synapse, install

from bench import OUT

# One PostgreSQL for both, one after the other: a fresh cluster each, the same settings. Commits
# are synchronous on both sides.
POSTGRES_SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "jit": "off"}


@contextmanager
def running(directory: Path) -> Iterator[Synapse]:
    """A fresh Synapse with an empty database, stopped afterwards."""
    install(OUT / f"synapse-venv-{VERSION}")
    with postgres(directory) as engine:
        synapse = Synapse(directory / "synapse", OUT / f"synapse-venv-{VERSION}", engine)
        try:
            synapse.start()
            yield synapse
        finally:
            synapse.stop()


@contextmanager
def postgres(directory: Path) -> Iterator[Postgres]:
    """A fresh cluster below `directory`, stopped afterwards."""
    engine = Postgres(directory / "postgres", POSTGRES_SETTINGS)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
