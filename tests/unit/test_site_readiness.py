"""When a site may be sent clients: not before it has caught up, and all through a failover."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bongsu.node import site as site_module
from bongsu.node.site import LEVEL_SECONDS, STALE_SECONDS_MAX, Site
from bongsu.postgres import servers as servers_module
from bongsu.postgres.servers import Servers, Sighting

A, B, C = (f"postgresql://u:p@{name}:1/bongsu" for name in "abc")


class World:
    """Site b, where `a` is the primary; time passes only when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        for module in (site_module, servers_module):
            monkeypatch.setattr(module, "monotonic", lambda: self.now)
        self.servers = Servers([A, B, C], B)
        self.site = Site("b", self.servers, cast(Any, None))
        self.follower = SimpleNamespace(is_level=True)
        self.site.follow(cast(Any, self.follower))

    def say(self, n: int, timeline: int, *, standby: bool, lsn: int = 0) -> None:
        self.servers._saw(self.servers.all[n], Sighting(standby, timeline, lsn, self.now))

    def live(self, seconds: float, *, primary_lsn: int = 10, own_lsn: int = 10) -> None:
        """Everybody answers, four times a second."""
        for _ in range(int(seconds * 4)):
            self.now += 0.25
            self.say(0, 1, standby=False, lsn=primary_lsn)
            self.say(1, 1, standby=True, lsn=own_lsn)

    @property
    def is_ready(self) -> bool:
        return not self.site.reasons_not_ready()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_new_site_is_ready_once_it_has_been_level_for_a_moment(world: World) -> None:
    assert not world.is_ready
    world.live(0.5)
    assert not world.is_ready
    world.live(LEVEL_SECONDS)
    assert world.is_ready


def test_neither_a_server_that_is_behind_nor_a_follower_is_level(world: World) -> None:
    world.live(3, primary_lsn=100, own_lsn=10)
    assert not world.is_ready
    world.follower.is_level = False
    world.live(3)
    assert not world.is_ready
    world.follower.is_level = True
    world.live(1)
    assert world.is_ready


def test_a_site_stays_ready_while_there_is_no_primary(world: World) -> None:
    world.live(2)
    for _ in range(int(4 * STALE_SECONDS_MAX)):
        world.now += 0.25
        world.say(1, 1, standby=True, lsn=10)
        assert world.is_ready


def test_a_primary_that_wakes_up_is_not_ready_by_its_own_word(world: World) -> None:
    """It was hung, and another site has the primary now; it hears of that a little later."""
    world.live(2)
    world.say(1, 2, standby=False, lsn=20)
    assert world.is_ready
    world.now += STALE_SECONDS_MAX + 10
    for _ in range(8):
        world.now += 0.25
        world.say(1, 2, standby=False, lsn=20)
        assert not world.is_ready
    world.say(2, 3, standby=False, lsn=30)
    assert not world.is_ready
    for _ in range(8):  # rewound, it follows
        world.now += 0.25
        world.say(2, 3, standby=False, lsn=30)
        world.say(1, 3, standby=True, lsn=30)
    assert world.is_ready
