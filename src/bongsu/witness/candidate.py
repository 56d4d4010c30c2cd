"""May this standby, which holds the leader key, be promoted?

Patroni compares WAL positions before it takes the key, and while it did another standby may have
gone on receiving from a primary that is hung, and acknowledging its commits. So, on every path to a
promotion: all others are asked to fence; those that did can let no commit of the old primary
through any more; and then, not before, positions are compared. `pre_promote` is the hook.

Positions alone are not enough. For a second or two after a promotion /sync still names the primary
before, and nothing in etcd tells of the new timeline. If the new primary dies in that time and the
old one is back with a tail that nobody has, it is ahead by position, and lacks what the new one
acknowledged. So whoever has missed a promotion that another site followed is refused, the leader
that /sync names too. (PostgreSQL: "Timelines", 25.3.6; a history file alone says nothing: a server
that can't follow a timeline has fetched it as well. Segments of WAL are only of what was followed.)
"""

import asyncio
import secrets
from collections.abc import Collection, Iterable, Mapping

from bongsu.witness.config import Config
from bongsu.witness.http_client import CallFailed
from bongsu.witness.model import Cluster, Found, Request, Standby, Sync
from bongsu.witness.standby import QUIET_SECONDS, StandbyUnavailable, read_site
from bongsu.witness.store import Store

WITNESS_SECONDS_MAX = 1.0  # then a witness counts as dead and its site is judged by what it shows
JUDGE_SECONDS_MAX = 3.0
ALONE_SECONDS_MAX = 6.0  # the leader before waits longer: after a power cut it may be the first
HOOK_SECONDS_MAX = 8.0
POLL_SECONDS = 0.03
ROOM_BYTES_MIN = 64 * 1024 * 1024  # a promotion begins a WAL file of 16 MB before anything else


class RefusedPromotion(Exception):
    """It is not certain that nothing acknowledged would be lost."""


def check(own: Standby, others: Mapping[str, Found], site: str, sync: Sync) -> str:
    """Why `site` may be promoted, in words; `RefusedPromotion` when it may not. Pure."""
    for name, found in others.items():
        if found.timeline > own.timeline:
            raise RefusedPromotion(f"{name} followed a promotion that we have missed")
    if not is_enough(others, site, sync):
        missing = sorted(sync.voters - {site, *others})
        raise RefusedPromotion(f"unreadable and not fenced, but may hold commits: {missing}")
    if sync.leader == site:
        return f"every commit went through this site, and {sorted(others)} know of no promotion"
    if own.position is None:
        raise RefusedPromotion("our own position is not known")
    for name, found in others.items():
        if found.position > own.position:
            raise RefusedPromotion(f"{name} is ahead by {found.position - own.position} bytes")
    return ", ".join(f"{name} {found.how} at {found.position}" for name, found in others.items())


def is_enough(others: Collection[str], site: str, sync: Sync) -> bool:
    """Whether every commit needed us or one of `others`. Pure.

    Of the leader that /sync names one other is enough: a primary after it that /sync does not know
    yet had its commits on both.
    """
    if sync.leader == site:
        return bool(others)
    return sync.is_covered_by(frozenset({site, *others}))


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
    if cluster.alone == config.site:
        return "an operator lets this site go on alone"
    if sync is None:
        raise RefusedPromotion("Patroni's /sync key is missing: is synchronous_mode on?")
    await store.ask(request)
    try:
        others = await _fenced(config, store, request, sync)
        own = await read_site(config, config.site)
        reason = check(own, others, config.site, sync)
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
    patience = ALONE_SECONDS_MAX if sync.leader == config.site else JUDGE_SECONDS_MAX
    while loop.time() - begun < patience:
        found |= await store.read_answers(request.id)
        if is_enough(found, config.site, sync) and others <= {*found, sync.leader}:
            break
        if loop.time() - begun > WITNESS_SECONDS_MAX:
            found |= await judged(config, others - {*found, sync.leader})
            if is_enough(found, config.site, sync):
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
    return await _cut(config, cut.keys())


async def _cut(config: Config, sites: Iterable[str]) -> dict[str, Found]:
    """How far those have received that show themselves cut off."""
    found: dict[str, Found] = {}
    for site in sites:
        try:
            standby = await read_site(config, site)
        except StandbyUnavailable:
            continue
        if standby.in_recovery and standby.is_cut and standby.position is not None:
            found[site] = Found(standby.position, standby.timeline, "judged")
    return found


async def _stop_asking(store: Store) -> None:
    try:
        await store.stop_asking()
    except CallFailed:
        return  # its lease ends it
