"""`bongsu lab up`: from nothing, or from whatever is left, to three sites that serve."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import asyncpg

from bongsu.errors import OperatorError
from bongsu.host.accounts import require_traversable
from bongsu.host.folder_lock import FolderLock
from bongsu.lab import control, etcd, launch, seaweed, status
from bongsu.lab.component import account_of
from bongsu.lab.keeper import log_of
from bongsu.lab.patroni import require_patroni
from bongsu.lab.sites import components
from bongsu.lab.status import Status
from bongsu.lab.topology import Lab, Site
from bongsu.nats.server_process import nats_binary

STEP_SECONDS_MAX = 120.0
POLL_SECONDS = 0.25
_DATABASE = "bongsu"
_DESK_ROLE = "bongsu_desk"  # the desk works as it

Say = Callable[[str], object]


async def up(lab: Lab, say: Say) -> None:
    """Start what does not run and wait until all of it serves. `OperatorError` names a log."""
    _require_engines(lab)
    lock = FolderLock(lab.path)
    try:
        launch.ensure_network(lab)
        for site in lab.sites:
            control.heal(lab, site)
        reached = _Progress(lab, say)
        await reached.everywhere("etcd", "a leader is known", lambda part: True)
        await reached.primary()
        await reached.everywhere("patroni", "streams", lambda part: part["streaming"])
        await _make_database(lab)
        say("database: up")
        await reached.everywhere("nats", "all routes", lambda part: part["routes"] == _others(lab))
        await reached.everywhere("seaweed", "S3, fsync", lambda part: True)
        await asyncio.gather(*(asyncio.to_thread(seaweed.make_bucket, site) for site in lab.sites))
        lab.ready_mark.touch()
        for component in components(lab)[4:]:
            await reached.everywhere(component.name, "", lambda part: True)
    finally:
        lock.release()


def _others(lab: Lab) -> int:
    return len(lab.sites) - 1


def _require_engines(lab: Lab) -> None:
    """Before anything starts: every program is there and its account can reach it."""
    etcd.etcd_binary()
    nats_binary()
    seaweed.weed_binary()
    require_patroni()
    account = account_of(lab)
    if account is not None:
        require_traversable(lab.path / "site", account)


class _Progress:
    """Waits for one thing after another and says so as each site gets there."""

    def __init__(self, lab: Lab, say: Say) -> None:
        self._lab, self._say = lab, say

    async def everywhere(self, name: str, how: str, is_well: Callable[[Any], bool]) -> None:
        """Until the component is up in every site, and well."""
        waiting = {site.name for site in self._lab.sites}

        def seen(status: Status) -> bool:
            for site in sorted(waiting):
                part = status["sites"][site]["components"][name]
                if part["state"] == "up" and is_well(part):
                    waiting.discard(site)
                    detail = part.get("role", how)
                    self._say(f"site {site}: {name} … up" + (f" ({detail})" if detail else ""))
            return not waiting

        await self._until(seen, lambda: self._failure(name, sorted(waiting)))

    async def primary(self) -> None:
        """Until some site's PostgreSQL is the primary."""

        def seen(status: Status) -> bool:
            if status["primary"]:
                self._say(f"site {status['primary']}: postgres … up (primary)")
            return status["primary"] is not None

        await self._until(seen, lambda: self._failure("patroni", [s.name for s in self._lab.sites]))

    async def _until(self, seen: Callable[[Status], bool], failure: Callable[[], str]) -> None:
        deadline = monotonic() + STEP_SECONDS_MAX
        while not seen(await status.look(self._lab)):
            if monotonic() > deadline:
                raise OperatorError(failure())
            await asyncio.sleep(POLL_SECONDS)

    def _failure(self, name: str, sites: list[str]) -> str:
        return "\n".join(self._last_words(name, self._lab.site(site)) for site in sites)

    def _last_words(self, name: str, site: Site) -> str:
        log = log_of(site, name)
        text = log.read_text(errors="replace") if log.exists() else ""
        last = text.rstrip().rpartition("\n")[2][-200:] or "it said nothing"
        return f"site {site.name}: {name} is not up after {STEP_SECONDS_MAX:.0f} s: {last}\n  {log}"


async def _make_database(lab: Lab) -> None:
    """The role and the database, on the primary; may be repeated. Nodes bring the schema."""
    primary = lab.site(await _known_primary(lab))
    await _try_for(lambda: _make_role_and_database(lab, primary))


async def _known_primary(lab: Lab) -> str:
    while (primary := (await status.look(lab))["primary"]) is None:
        await asyncio.sleep(POLL_SECONDS)
    return primary


async def _make_role_and_database(lab: Lab, primary: Site) -> None:
    connection = await asyncpg.connect(lab.superuser_url(primary), timeout=5)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", _DATABASE):
            password = lab.secrets.database  # hexadecimal: nothing to quote
            await connection.execute(f"CREATE ROLE {_DATABASE} LOGIN PASSWORD '{password}'")
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", _DESK_ROLE):
            await connection.execute(f"CREATE ROLE {_DESK_ROLE} NOLOGIN")
        await connection.execute(f"GRANT {_DESK_ROLE} TO {_DATABASE}")
        # Nodes ask each server how far it has come, and believe none that does not say.
        await connection.execute(f"GRANT pg_monitor TO {_DATABASE}")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _DATABASE):
            await connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {_DATABASE}")
    finally:
        await connection.close()


async def _try_for(work: Callable[[], Awaitable[object]]) -> None:
    """Again for a while: a primary that is still settling may refuse."""
    deadline = monotonic() + STEP_SECONDS_MAX
    while True:
        try:
            await work()
            return
        except (OSError, asyncpg.PostgresError) as error:
            if monotonic() > deadline:
                raise OperatorError(f"The database cannot be made: {error}") from None
            await asyncio.sleep(POLL_SECONDS)
