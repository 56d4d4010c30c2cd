"""A server that goes in the middle of an answer must not take the witness along."""

from typing import Any

import asyncpg
import pytest

from bongsu.witness.config import Config, Login
from bongsu.witness.disk import DiskProbe
from bongsu.witness.fullness import Fullness
from bongsu.witness.standby import LocalPostgres, StandbyUnavailable

NOWHERE = ("127.0.0.1", 9)
CONFIG = Config(
    site="a", scope="test", namespace="/service", etcd=("http://127.0.0.1:9",),
    postgres={"a": NOWHERE, "b": NOWHERE, "c": NOWHERE}, patroni={},
    login=Login("postgres", None, "postgres", *NOWHERE),
)  # fmt: skip


class Session:
    """Ends every statement with the same error."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.is_dropped = False

    async def fetchrow(self, statement: str) -> Any:
        raise self._error

    def terminate(self) -> None:
        self.is_dropped = True


GOING = [
    asyncpg.InternalClientError("got result for unknown protocol state"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    ConnectionResetError(),
    TimeoutError(),
]


@pytest.mark.parametrize("error", GOING, ids=lambda error: type(error).__name__)
async def test_a_server_that_goes_is_unavailable(error: Exception) -> None:
    postgres, session = LocalPostgres(CONFIG), Session(error)
    postgres._connection = session  # type: ignore[assignment]
    with pytest.raises(StandbyUnavailable):
        await postgres.read()
    assert session.is_dropped


@pytest.mark.parametrize("error", GOING, ids=lambda error: type(error).__name__)
async def test_a_leader_that_goes_is_not_known_to_be_full(error: Exception) -> None:
    fullness, session = Fullness(), Session(error)
    probe = DiskProbe(CONFIG, fullness)
    probe._session = "b", session  # type: ignore[assignment]
    for _ in range(2):
        await probe._ask("b", 7)
    assert session.is_dropped
    assert fullness._revision == 0


async def test_only_a_refusal_keeps_the_session_and_counts() -> None:
    fullness, session = Fullness(), Session(asyncpg.DiskFullError("could not write"))
    probe = DiskProbe(CONFIG, fullness)
    probe._session = "b", session  # type: ignore[assignment]
    await probe._ask("b", 7)
    assert not session.is_dropped
    assert fullness._revision == 7
