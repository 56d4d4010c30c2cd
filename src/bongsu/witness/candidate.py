"""May this standby, which holds the leader key, be promoted?

Patroni compares WAL positions before it takes the key, and while it did another standby may have
gone on receiving from a primary that is hung, and acknowledging its commits. So, on every path to a
promotion: all others are asked to fence; those that did can let no commit of the old primary
through any more; and then, not before, positions are compared. `pre_promote` is the hook.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bongsu.witness.config import Config
from bongsu.witness.http_client import CallFailed
from bongsu.witness.model import Cluster, Request, Sync
from bongsu.witness.standby import QUIET_SECONDS, StandbyUnavailable, read_site
from bongsu.witness.store import Store

WITNESS_SECONDS_MAX = 1.0  # then a witness counts as dead and its site is judged by what it shows
JUDGE_SECONDS_MAX = 3.0
HOOK_SECONDS_MAX = 8.0
POLL_SECONDS = 0.03
ROOM_BYTES_MIN = 64 * 1024 * 1024  # a promotion begins a WAL file of 16 MB before anything else


class RefusedPromotion(Exception):
    """It is not certain that nothing acknowledged would be lost."""


@dataclass(frozen=True)
class Found:
    """What a site received; certainly no more of it comes from the old primary."""

    position: int
    how: str


def check(own: int | None, others: Mapping[str, Found], site: str, sync: Sync) -> str:
    """Why `site` may be promoted, in words; `RefusedPromotion` when it may not. Pure."""
    if own is None:
        raise RefusedPromotion("our own position is not known")
    if not sync.is_covered_by(frozenset({site, *others})):
        missing = sorted(sync.voters - {site, *others})
        raise RefusedPromotion(f"unreadable and not fenced, but may hold commits: {missing}")
    for name, found in others.items():
        if found.position > own:
            raise RefusedPromotion(f"{name} is ahead by {found.position - own} bytes")
    return ", ".join(f"{name} {found.how} at {found.position}" for name, found in others.items())


def check_room(room: int | None) -> None:
    """`RefusedPromotion` when our disk is known to be full: another site may have room. Pure."""
    if room is not None and room < ROOM_BYTES_MIN:
        raise RefusedPromotion(f"our disk is full: {room} bytes are left")


async def may_promote(config: Config) -> str:
    """The reason why; `RefusedPromotion` if not."""
    store = Store(config)
    try:
        async with asyncio.timeout(HOOK_SECONDS_MAX):
            return await _may_promote(config, store)
    except TimeoutError:
        raise RefusedPromotion("it took too long") from None
    except (CallFailed, StandbyUnavailable) as error:
        raise RefusedPromotion(str(error)) from None
    finally:
        store.close()


async def _may_promote(config: Config, store: Store) -> str:
    cluster = await store.read()
    request, sync = _reign(cluster, config.site), cluster.sync
    check_room((await read_site(config, config.site)).room)
    if sync is None:
        raise RefusedPromotion("Patroni's /sync key is missing: is synchronous_mode on?")
    if sync.leader == config.site:
        return "every commit went through this site"
    await store.ask(request)
    try:
        others = await _fenced(config, store, request, sync)
        own = await read_site(config, config.site)
        reason = check(own.position, others, config.site, sync)
        if _reign(await store.read(), config.site).revision != request.revision:
            raise RefusedPromotion("the leader key is no longer ours")
        return reason
    finally:
        await _stop_asking(store)


def _reign(cluster: Cluster, site: str) -> Request:
    """A request in the name of the reign that begins here."""
    if cluster.leader is None or cluster.leader.name != site:
        raise RefusedPromotion("the leader key is not ours")
    return Request(secrets.token_hex(8), site, cluster.leader.revision)


async def _fenced(config: Config, store: Store, request: Request, sync: Sync) -> dict[str, Found]:
    """Every other site that is known to be cut off from the old primary, within bounds."""
    loop = asyncio.get_running_loop()
    begun, others = loop.time(), frozenset(config.postgres) - {config.site}
    found: dict[str, Found] = {}
    while loop.time() - begun < JUDGE_SECONDS_MAX:
        answers = await store.read_answers(request.id)
        found |= {site: Found(position, "fenced") for site, position in answers.items()}
        if sync.is_covered_by(frozenset({config.site, *found})) and others <= {*found, sync.leader}:
            break
        if loop.time() - begun > WITNESS_SECONDS_MAX:
            found |= await judged(config, others - {*found, sync.leader})
            if sync.is_covered_by(frozenset({config.site, *found})):
                break
        await asyncio.sleep(POLL_SECONDS)
    return found


async def judged(config: Config, sites: frozenset[str]) -> dict[str, Found]:
    """Sites without a witness that nevertheless can't receive from the old primary any more:
    the conninfo they run with is empty or names us, and their receiver agrees. Twice: one that was
    just being started shows only after some milliseconds."""
    cut = await _cut(config, sites)
    if not cut:
        return {}
    await asyncio.sleep(QUIET_SECONDS)
    positions = await _cut(config, cut.keys())
    return {site: Found(position, "judged") for site, position in positions.items()}


async def _cut(config: Config, sites: Iterable[str]) -> dict[str, int]:
    """How far those have received that show themselves cut off."""
    found: dict[str, int] = {}
    for site in sites:
        try:
            standby = await read_site(config, site)
        except StandbyUnavailable:
            continue
        if standby.in_recovery and standby.is_cut and standby.position is not None:
            found[site] = standby.position
    return found


async def _stop_asking(store: Store) -> None:
    try:
        await store.stop_asking()
    except CallFailed:
        return  # its lease ends it
