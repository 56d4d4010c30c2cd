"""Which server is the primary, and which may be read: from what each of them said, and when."""

from time import monotonic

import pytest

from bongsu.postgres.servers import (
    LAG_SECONDS_MAX,
    SILENT_SECONDS,
    Servers,
    Sighting,
    address_of,
    split_dsn,
)

A, B, C = (f"postgresql://u:p@h{n}:{5430 + n}/bongsu" for n in (1, 2, 3))


def servers() -> Servers:
    return Servers([A, B, C], B)


def said(
    all_servers: Servers, n: int, timeline: int, *, standby: bool, lsn: int = 0, ago: float = 0.0
) -> None:
    all_servers._saw(all_servers.all[n], Sighting(standby, timeline, lsn, monotonic() - ago))


def test_a_dsn_of_many_servers_is_one_of_each() -> None:
    dsn = "postgresql://u:p@h1:1,h2:2/bongsu?sslmode=require"
    assert split_dsn(dsn) == [
        "postgresql://u:p@h1:1/bongsu?sslmode=require",
        "postgresql://u:p@h2:2/bongsu?sslmode=require",
    ]
    assert split_dsn(A) == [A]
    socket = "postgresql://bongsu@/bongsu?host=%2Ftmp%2Fx&port=5432"
    assert split_dsn(socket) == [socket]
    assert [address_of(each) for each in (A, "postgresql://h/x", "postgresql://[::1]/x")] == [
        "h1:5431", "h:5432", "[::1]:5432",
    ]  # fmt: skip


def test_nobody_knows_at_first() -> None:
    assert servers().primary is None
    assert servers().own_is_primary is None
    assert not servers().own_is_current


def test_the_later_timeline_wins_whoever_speaks_last() -> None:
    found = servers()
    said(found, 0, 4, standby=False)
    assert found.primary is found.all[0]
    said(found, 1, 5, standby=False)
    said(found, 0, 4, standby=False)
    assert found.primary is found.own
    assert found.own_is_primary


def test_a_past_primary_is_none_even_when_the_new_one_falls_silent() -> None:
    found = servers()
    said(found, 0, 5, standby=False, ago=SILENT_SECONDS + 1)
    said(found, 1, 4, standby=False)
    assert found.primary is None
    assert found.own_is_primary is False
    assert not found.own_is_current


def test_silence_says_nothing_about_the_own_site() -> None:
    found = servers()
    said(found, 1, 4, standby=False, ago=SILENT_SECONDS + 1)
    assert found.primary is None
    assert found.own_is_primary is None


@pytest.mark.parametrize(("timeline", "is_current"), [(4, True), (3, False), (0, False)])
def test_a_standby_is_read_only_on_the_timeline_of_the_primary(
    timeline: int, is_current: bool
) -> None:
    """One on another line may hold rows at positions that the log has given to others since."""
    found = servers()
    said(found, 0, 4, standby=False)
    said(found, 1, timeline, standby=True)
    assert found.own_is_current is is_current
    assert found.own_is_primary is False


def test_a_standby_far_behind_is_read_only_while_there_is_no_primary() -> None:
    found = servers()
    said(found, 0, 4, standby=False, lsn=100, ago=LAG_SECONDS_MAX + 1)
    said(found, 0, 4, standby=False, lsn=100)
    said(found, 1, 4, standby=True, lsn=99)
    assert found.own_lag_seconds > LAG_SECONDS_MAX
    assert not found.own_is_current
    said(found, 1, 4, standby=True, lsn=100)
    assert found.own_lag_seconds == 0
    assert found.own_is_current
    said(found, 0, 4, standby=False, lsn=200, ago=SILENT_SECONDS + 1)
    assert found.own_is_current


def test_a_server_is_past_once_others_own_by_a_later_primary_that_we_do_not_see() -> None:
    """It may be a former primary that nobody could rewind yet, with rows that were never
    acknowledged, at positions that the log has given to others."""
    found = servers()
    looks: list[bool] = []
    found.listen(lambda: looks.append(found.own_is_current))
    said(found, 1, 4, standby=True)
    said(found, 0, 4, standby=False)
    assert found.own_is_current
    found.heard_of(4)
    assert found.primary is found.all[0]
    found.heard_of(5)
    assert looks[-1] is False, "who reads from it hears of it at once"
    assert found.primary is None
    assert found.own_is_primary is False
    said(found, 0, 4, standby=False)
    assert found.primary is None
    said(found, 1, 5, standby=True)
    assert found.own_is_current
    said(found, 2, 5, standby=False)
    assert found.primary is found.all[2]
