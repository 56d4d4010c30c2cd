"""The token cache: what it believes, how long, and what it never says unconfirmed."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from bongsu.errors import MissingToken, Unavailable, UnknownToken
from bongsu.ids import DeviceId, UserId
from bongsu.users import authenticator as authenticator_module
from bongsu.users.authenticator import STALE_SECONDS_MAX, Authenticator, TokenOwner
from bongsu.users.requester import Requester
from bongsu.users.tokens import ACCESS, hash_token, new_token

ALICE = UserId("@alice:example.org")
BOB = UserId("@bob:example.org")


class Tables:
    """A near copy and a primary, which a test fills, breaks and counts."""

    def __init__(self) -> None:
        self.near: dict[bytes, TokenOwner] = {}
        self.primary: dict[bytes, TokenOwner] = {}
        self.asked: list[tuple[int, bool]] = []
        self.used: list[bytes] = []
        self.is_down = False
        self.is_read_only = False
        self.gate: asyncio.Event | None = None

    def add(self, *, near: bool = True, user: UserId = ALICE, **more: object) -> str:
        token = new_token(ACCESS)
        flags = {key: more.pop(key) for key in ("is_locked",) if key in more}
        requester = Requester(user, DeviceId("D"), hash_token(token), **flags)  # type: ignore
        expires_at, is_first_use = more.get("expires_at"), more.get("is_first_use", False)
        owner = TokenOwner(requester, expires_at, is_first_use)  # type: ignore[arg-type]
        self.primary[requester.token_hash] = owner
        if near:
            self.near[requester.token_hash] = owner
        return token

    async def owners(self, token_hashes: Sequence[bytes], *, confirmed: bool) -> list[TokenOwner]:
        self.asked.append((len(token_hashes), confirmed))
        if self.is_down:
            raise Unavailable
        rows = self.primary if confirmed else self.near
        found = [rows[each] for each in token_hashes if each in rows]
        if self.gate is not None:
            await self.gate.wait()
        return found

    async def mark_used(self, access_hash: bytes) -> None:
        if self.is_down or self.is_read_only:
            raise Unavailable
        self.used.append(access_hash)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authenticator(tables: Tables, clock: Clock) -> Authenticator:
    return Authenticator(
        tables, fresh_seconds=5, entries_max=3, clock=clock.ms, monotonic=clock.monotonic
    )


async def test_a_hit_asks_nobody_until_it_is_no_longer_fresh(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    token = tables.add()
    assert authenticator.cached(token) is None
    requester = await authenticator.requester(token)
    assert authenticator.cached(token) is requester
    assert await authenticator.requester(token) is requester
    assert tables.asked == [(1, False)]
    clock.seconds += 5
    assert authenticator.cached(token) is None
    await authenticator.requester(token)
    assert len(tables.asked) == 2


async def test_tokens_in_use_are_renewed_together_and_stay_the_same_requesters(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    tokens = [tables.add(user=ALICE), tables.add(user=BOB), tables.add(user=BOB)]
    known = [await authenticator.requester(token) for token in tokens]
    for token in tokens[:2]:
        assert authenticator.cached(token) is not None
    tables.asked.clear()
    await authenticator.renew()  # all are fresh for long
    assert not tables.asked
    clock.seconds += 4
    await authenticator.renew()
    assert tables.asked == [(2, False)]
    clock.seconds += 4  # past what the first look-ups were good for
    assert [authenticator.cached(token) for token in tokens] == [*known[:2], None]
    assert authenticator.cached(tokens[0]) is known[0]
    assert len(tables.asked) == 1


@pytest.mark.parametrize("change", ["gone", "locked", "expired"])
async def test_a_renewal_never_makes_a_token_last_that_is_no_longer_good(
    tables: Tables, clock: Clock, authenticator: Authenticator, change: str
) -> None:
    token = tables.add()
    requester = await authenticator.requester(token)
    authenticator.cached(token)
    clock.seconds += 4
    changed = {
        "gone": None,
        "locked": TokenOwner(msgspec.structs.replace(requester, is_locked=True), None, False),
        "expired": TokenOwner(requester, clock.ms() + 500, False),
    }[change]
    del tables.near[requester.token_hash], tables.primary[requester.token_hash]
    if changed is not None:
        tables.near[requester.token_hash] = tables.primary[requester.token_hash] = changed
    await authenticator.renew()
    clock.seconds += 1
    assert authenticator.cached(token) is None
    if change == "locked":
        assert (await authenticator.requester(token)).is_locked
    else:
        with pytest.raises(UnknownToken):
            await authenticator.requester(token)


async def test_a_renewal_that_a_revocation_overtakes_changes_nothing(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    token = tables.add()
    await authenticator.requester(token)
    authenticator.cached(token)
    clock.seconds += 4
    tables.gate = asyncio.Event()
    renewal = asyncio.create_task(authenticator.renew())
    await asyncio.sleep(0)
    authenticator.invalidate_user(ALICE)
    tables.gate.set()
    await renewal
    assert authenticator.cached(token) is None


async def test_a_renewal_that_a_look_up_overtakes_changes_nothing(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    token = tables.add()
    await authenticator.requester(token)
    authenticator.cached(token)
    clock.seconds += 4
    gate = tables.gate = asyncio.Event()
    renewal = asyncio.create_task(authenticator.renew())
    await asyncio.sleep(0)  # it has read what was so before
    tables.gate = None
    tables.near.clear()
    tables.primary.clear()
    clock.seconds += 1
    with pytest.raises(UnknownToken):
        await authenticator.requester(token)
    gate.set()
    await renewal
    assert authenticator.cached(token) is None, "refused, and good again"


async def test_a_lock_is_never_renewed_by_the_near_copy(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    token = tables.add(is_locked=True)
    assert (await authenticator.requester(token)).is_locked
    authenticator.cached(token)
    unlocked = Requester(ALICE, DeviceId("D"), hash_token(token))
    tables.primary[hash_token(token)] = TokenOwner(unlocked, None, False)
    clock.seconds += 4
    await authenticator.renew()
    clock.seconds += 1
    assert not (await authenticator.requester(token)).is_locked


async def test_what_the_near_copy_does_not_know_is_asked_at_the_primary(
    tables: Tables, authenticator: Authenticator
) -> None:
    token = tables.add(near=False)
    assert (await authenticator.requester(token)).user_id == ALICE
    assert tables.asked == [(1, False), (1, True)]
    with pytest.raises(UnknownToken):
        await authenticator.requester(new_token(ACCESS))


async def test_a_lock_is_confirmed_at_the_primary(
    tables: Tables, authenticator: Authenticator
) -> None:
    token = tables.add(is_locked=True)
    unlocked = Requester(ALICE, DeviceId("D"), hash_token(token))
    tables.primary[hash_token(token)] = TokenOwner(unlocked, None, False)
    assert not (await authenticator.requester(token)).is_locked


async def test_a_session_gone_at_the_primary_is_gone(
    tables: Tables, authenticator: Authenticator
) -> None:
    token = tables.add(is_locked=True)
    tables.primary.clear()
    with pytest.raises(UnknownToken):
        await authenticator.requester(token)


@pytest.mark.parametrize(
    "token", ["x", "bgs_", "bgr_" + "a" * 32, "bgs_" + "ä" * 32, "\ud800" * 36]
)
async def test_what_cannot_be_a_token_is_not_looked_up(
    tables: Tables, authenticator: Authenticator, token: str
) -> None:
    with pytest.raises(UnknownToken):
        await authenticator.requester(token)
    with pytest.raises(MissingToken):
        await authenticator.requester("")
    assert not tables.asked


async def test_invalidation_also_reaches_a_lookup_under_way(
    tables: Tables, authenticator: Authenticator
) -> None:
    token, others = tables.add(), tables.add(user=UserId("@bob:example.org"))
    await authenticator.requester(others)
    tables.gate = asyncio.Event()
    under_way = asyncio.create_task(authenticator.requester(token))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    authenticator.invalidate_user(ALICE)
    tables.gate.set()
    await under_way
    assert authenticator.cached(token) is None
    assert authenticator.cached(others) is not None
    authenticator.invalidate_user(UserId("@bob:example.org"))
    assert authenticator.cached(others) is None


async def test_the_cache_is_bounded(tables: Tables, authenticator: Authenticator) -> None:
    tokens = [tables.add() for _ in range(5)]
    for token in tokens:
        await authenticator.requester(token)
    assert [authenticator.cached(token) is not None for token in tokens] == [False] * 2 + [True] * 3


async def test_an_expired_token_is_a_soft_logout_to_the_millisecond(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    token = tables.add(expires_at=clock.ms() + 1000)
    await authenticator.requester(token)
    clock.seconds += 1
    with pytest.raises(UnknownToken) as expired:
        await authenticator.requester(token)
    assert expired.value.extra == {"soft_logout": True}


async def test_the_first_use_of_a_refreshed_token_is_marked(
    tables: Tables, authenticator: Authenticator
) -> None:
    token = tables.add(is_first_use=True)
    await authenticator.requester(token)
    assert tables.used == [hash_token(token)]


async def test_a_first_use_that_could_not_be_marked_is_marked_later_however_often_it_is_used(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    token = tables.add(is_first_use=True)
    tables.is_read_only = True
    await authenticator.requester(token)
    assert not tables.used
    tables.is_read_only = False
    authenticator.cached(token)
    clock.seconds += 4
    await authenticator.renew()
    clock.seconds += 1
    await authenticator.requester(token)
    assert tables.used == [hash_token(token)]


async def test_readers_live_through_a_failover_but_not_for_ever(
    tables: Tables, clock: Clock, authenticator: Authenticator
) -> None:
    token = tables.add()
    await authenticator.requester(token)
    tables.is_down = True
    clock.seconds += 30
    assert (await authenticator.requester(token)).user_id == ALICE
    with pytest.raises(Unavailable):
        await authenticator.requester(new_token(ACCESS))
    clock.seconds += STALE_SECONDS_MAX
    with pytest.raises(Unavailable):
        await authenticator.requester(token)


async def test_who_is_known_does_not_wait_for_a_slow_database_and_a_stranger_does(
    tables: Tables, clock: Clock, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator_module, "RECHECK_SECONDS_MAX", 0.01)
    known, stranger = tables.add(), tables.add(user=BOB)
    await authenticator.requester(known)
    tables.gate = asyncio.Event()
    clock.seconds += 30
    asking = asyncio.create_task(authenticator.requester(stranger))
    assert (await authenticator.requester(known)).user_id == ALICE
    assert not asking.done()
    tables.gate.set()
    assert (await asking).user_id == BOB


async def test_what_comes_while_a_lookup_runs_goes_in_one_query(
    tables: Tables, authenticator: Authenticator
) -> None:
    tokens = [tables.add() for _ in range(20)]
    tables.gate = asyncio.Event()
    first = asyncio.create_task(authenticator.requester(tokens[0]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(authenticator.requester(token)) for token in tokens[1:]]
    await asyncio.sleep(0)
    tables.gate.set()
    await asyncio.gather(first, *rest)
    assert tables.asked == [(1, False), (19, False)]
