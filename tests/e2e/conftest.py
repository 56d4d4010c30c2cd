"""The servers that end-to-end tests talk to, started as an operator starts them.

`BONGSU_E2E_URL` points the suite at any running homeserver instead (so the tests themselves were
checked against Synapse); tests that need to know our processes then fail to start and say so.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from harness.bongsu import Bongsu
from harness.http import HttpClient
from people import People

FOREIGN_URL = os.environ.get("BONGSU_E2E_URL")


@pytest.fixture(scope="session")
def homeserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of one process."""
    if FOREIGN_URL:
        yield FOREIGN_URL
        return
    bongsu = Bongsu(_folder(tmp_path_factory, "one") / "data")
    bongsu.start()
    yield bongsu.url
    assert bongsu.stop() == 0, bongsu.log_tail()


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bongsu]:
    """A server of two processes on one port."""
    if FOREIGN_URL:
        pytest.skip("BONGSU_E2E_URL names one server; this test needs two processes of ours")
    bongsu = Bongsu(_folder(tmp_path_factory, "two") / "data", processes=2)
    bongsu.start()
    yield bongsu
    assert bongsu.stop() == 0, bongsu.log_tail()


@pytest.fixture
async def people(homeserver: str) -> AsyncIterator[People]:
    """Makes accounts on the server of one process; logs nobody out, closes every client."""
    people = People(homeserver)
    yield people
    await people.close()


@pytest.fixture
async def client(homeserver: str) -> AsyncIterator[HttpClient]:
    """The lean client, for what no Matrix library lets us see."""
    client = HttpClient(homeserver)
    yield client
    await client.close()


def _folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder that another user can enter: as root, PostgreSQL runs as one."""
    folder = factory.mktemp(name)
    for path in (folder, *folder.parents):
        if path.owner() == "root" and path.stat().st_mode & 0o055 == 0:
            path.chmod(path.stat().st_mode | 0o055)
    return folder
