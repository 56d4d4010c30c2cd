"""The servers that end-to-end tests talk to, started as an operator starts them.

`BONGSU_E2E_URL` points the suite at any running homeserver instead (so the tests themselves were
checked against Synapse); tests that need to know our processes then fail to start and say so.
"""

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from harness.bongsu import Bongsu, running
from harness.http import HttpClient
from harness.process import open_folder
from letters import Post, mailing_server
from network import Network
from people import People
from web_browser import Web, opened_browser

FOREIGN_URL = os.environ.get("BONGSU_E2E_URL")


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """An application service that the server of one process knows."""
    with open_folder() as folder:
        yield Network(folder)


@pytest.fixture(scope="session")
def solo(network: Network) -> Iterator[Bongsu]:
    """A server of one process."""
    if FOREIGN_URL:
        pytest.skip("BONGSU_E2E_URL names a server; this test needs one of ours")
    settings = {
        "BONGSU_APPSERVICES": str(network.register()),
        "BONGSU_SMTP_URL": "smtp://127.0.0.1:1",  # nobody is there: no answer waits for mail
        "BONGSU_SMTP_FROM": "bongsu@example.org",
        "BONGSU_SUPPORT_CONTACTS": "admin=help@example.org,security=@admin:localhost",
        "BONGSU_SUPPORT_PAGE": "https://example.org/help",
    }
    with open_folder() as folder, running(folder, settings=settings) as bongsu:
        yield bongsu


@pytest.fixture(scope="session")
def homeserver(request: pytest.FixtureRequest) -> str:
    """URL of a server of one process."""
    return FOREIGN_URL or str(request.getfixturevalue("solo").url)


@pytest.fixture(scope="session")
def pair() -> Iterator[Bongsu]:
    """A server of two processes on one port."""
    if FOREIGN_URL:
        pytest.skip("BONGSU_E2E_URL names one server; this test needs two processes of ours")
    with open_folder() as folder, running(folder, processes=2) as bongsu:
        yield bongsu


@pytest.fixture(scope="module")
def mailing() -> Iterator[tuple[Bongsu, Post]]:
    """A server that sends mail, and where it goes."""
    with mailing_server() as mailing:
        yield mailing


@pytest.fixture
def post(mailing: tuple[Bongsu, Post]) -> Post:
    return mailing[1]


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


@pytest.fixture(scope="session")
def web_server() -> Iterator[Bongsu]:
    """The server that the browser client's tests share; those that harm one start their own."""
    settings = {"BONGSU_OUTGOING_ALLOWED_NETWORKS": "127.0.0.1/32"}  # previewed pages are here
    with open_folder() as folder, running(folder, settings=settings) as bongsu:
        yield bongsu


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(web_server: Bongsu) -> AsyncIterator[Web]:
    """One Chromium for a module, at that server."""
    async with opened_browser() as browser:
        web = Web(web_server.url, browser)
        yield web
        await web.close()
