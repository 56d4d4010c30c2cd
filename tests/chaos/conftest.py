"""A PostgreSQL that tests may kill, servers on it, and a seed that is printed.

`CHAOS_SEED` repeats a run's choices; `CHAOS_ROUNDS` sets how many times each victim is killed.
"""

import os
import random
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from crew import Crew, MakeCrew, Pace, UnderLoad, expect_clean
from harness.bongsu import Bongsu, StartServer
from harness.postgres import Postgres
from harness.process import open_folder

from bongsu.drill.ledger import Journal

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "5"))


@pytest.fixture
def rounds() -> int:
    return ROUNDS


@pytest.fixture
def chance() -> random.Random:
    """Random choices; pytest shows the printed seed when the test fails."""
    seed = os.environ.get("CHAOS_SEED") or secrets.token_hex(4)
    print(f"CHAOS_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for servers and engines."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def engine(folder: Path) -> Iterator[Postgres]:
    """A running PostgreSQL apart from the server, so that either may die alone."""
    engine = Postgres(folder / "engine", {"client_connection_check_interval": "1s"})
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def start_server(folder: Path) -> Iterator[StartServer]:
    """Starts servers and stops them after the test; shows the log's end if one is gone."""
    started: list[Bongsu] = []

    def start(**options: object) -> Bongsu:
        bongsu = Bongsu(folder / f"server{len(started)}" / "data", **options)  # type: ignore[arg-type]
        bongsu.data.parent.mkdir()
        started.append(bongsu)
        bongsu.start()
        return bongsu

    yield start
    for bongsu in started:
        print(bongsu.log_tail())
        bongsu.stop()


@pytest.fixture
async def make_crew(tmp_path: Path) -> AsyncIterator[MakeCrew]:
    """Makes a crew with everybody on board."""
    crews: list[Crew] = []

    async def make(bongsu: Bongsu, pace: Pace | None = None) -> Crew:
        crew = Crew([bongsu.url], Journal(tmp_path / "journal"), pace)
        crews.append(crew)
        await crew.board()
        return crew

    yield make
    for crew in crews:
        await crew.close()


@pytest.fixture
def under_load(start_server: StartServer, make_crew: MakeCrew) -> UnderLoad:
    """A server with everybody at work on it; at the end nothing acknowledged may be touched."""

    @asynccontextmanager
    async def begin(**options: object) -> AsyncGenerator[tuple[Bongsu, Crew]]:
        bongsu = start_server(**options)
        crew = await make_crew(bongsu)
        crew.start()
        yield bongsu, crew
        assert bongsu.running
        await expect_clean(crew)

    return begin
