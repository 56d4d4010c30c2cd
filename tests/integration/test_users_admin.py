"""Moderation, whois, OpenID, last-seen notes and interrupted deactivations on a real PostgreSQL."""

import asyncio
from typing import Any

import pytest
from fixtures.users_house import ALICE, House, errcode

from bongsu.errors import LimitExceeded, UnknownToken
from bongsu.http.client.register import RegistrationPolicy
from bongsu.ids import UserId
from bongsu.postgres.database import Database
from bongsu.users.last_seen import LastSeen
from bongsu.users.openid import EXPIRES_SECONDS
from bongsu.users.sessions import new_device_id

ADMIN = UserId("@admin:example.org")


@pytest.fixture
async def house(database: Database) -> House:
    return House(database, RegistrationPolicy("open"))


@pytest.fixture
async def alice(house: House) -> str:
    """Alice's access token."""
    return (await house.register())["access_token"]


@pytest.fixture
async def admin(house: House) -> str:
    await house.accounts.create(ADMIN, "secret", is_admin=True)
    return (await house.login("admin"))["access_token"]


async def test_an_administrator_locks_and_unlocks(house: House, alice: str, admin: str) -> None:
    async def lock(body: Any) -> dict[str, Any]:
        return await house.call(house.admin.set_lock, body, token=admin, user_id=ALICE)

    assert await lock({"locked": True}) == {"locked": True}
    assert (await house.authenticator.requester(alice)).is_locked
    assert await house.call(house.admin.get_lock, token=admin, user_id=ALICE) == {"locked": True}
    assert await lock({"locked": False}) == {"locked": False}
    assert not (await house.authenticator.requester(alice)).is_locked


async def test_an_administrator_suspends(house: House, alice: str, admin: str) -> None:
    body = {"suspended": True}
    await house.call(house.admin.set_suspension, body, token=admin, user_id=ALICE)
    assert (await house.authenticator.requester(alice)).is_suspended


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("@nobody:example.org", (404, "M_NOT_FOUND")),
        ("@alice:elsewhere.org", (400, "M_INVALID_PARAM")),
        ("alice", (400, "M_INVALID_PARAM")),
        (ADMIN, (403, "M_FORBIDDEN")),
    ],
)
async def test_moderation_refuses(
    house: House, alice: str, admin: str, target: str, answer: tuple[int, str]
) -> None:
    body = {"locked": True}
    call = house.call(house.admin.set_lock, body, token=admin, user_id=target)
    assert await errcode(call) == answer
    call = house.call(house.admin.set_lock, body, token=alice, user_id=target)
    assert await errcode(call) == (403, "M_FORBIDDEN")


async def test_whois_tells_what_was_last_seen(house: House, alice: str, admin: str) -> None:
    requester = await house.authenticator.requester(alice)
    last_seen = LastSeen(house.device_store, clock=house.clock)
    last_seen.start()
    last_seen.saw(requester, "192.0.2.1", b"browser")
    await last_seen.stop()
    seen = {"ip": "192.0.2.1", "last_seen": house.now, "user_agent": "browser"}
    for token in (alice, admin):
        assert await house.call(house.admin.whois, token=token, user_id=ALICE) == {
            "user_id": ALICE,
            "devices": {requester.device_id: {"sessions": [{"connections": [seen]}]}},
        }
    call = house.call(house.admin.whois, token=alice, user_id=ADMIN)
    assert await errcode(call) == (403, "M_FORBIDDEN")
    device = (await house.devices.list_devices(ALICE))[0]
    assert (device.last_seen_ip, device.last_seen_ts) == ("192.0.2.1", house.now)


async def test_openid_token_proves_who_somebody_is_for_an_hour(house: House, alice: str) -> None:
    issued = await house.call(house.openid.request_token, {}, token=alice, user_id=ALICE)
    assert issued["matrix_server_name"] == "example.org"
    query = f"access_token={issued['access_token']}"
    assert await house.call(house.openid.userinfo, query=query) == {"sub": ALICE}
    with pytest.raises(UnknownToken):
        await house.authenticator.requester(issued["access_token"])
    house.now += EXPIRES_SECONDS * 1000
    assert await errcode(house.call(house.openid.userinfo, query=query)) == (401, "M_UNKNOWN_TOKEN")
    call = house.call(house.openid.request_token, {}, token=alice, user_id=ADMIN)
    assert await errcode(call) == (403, "M_FORBIDDEN")


async def test_guesses_at_one_account_are_limited(house: House, alice: str) -> None:
    for _ in range(30):
        await errcode(house.login(password="wrong"))
    with pytest.raises(LimitExceeded):
        await house.login()
    house.now += 10_000
    await house.login()


async def test_a_login_that_was_verified_before_a_password_change_is_refused(
    house: House, alice: str
) -> None:
    account = await house.accounts.get(ALICE)
    assert account is not None
    await house.accounts.set_password(ALICE, "better")
    start = house.sessions.start(ALICE, None, None, password_hash=account.password_hash)
    assert await errcode(start) == (403, "M_FORBIDDEN")


async def test_no_token_outlives_its_device(house: House, alice: str, database: Database) -> None:
    """Refreshes and a deletion of one device at once: whatever comes first, no session is left."""
    for _ in range(20):
        device_id = new_device_id()
        started = await house.sessions.start(ALICE, device_id, None, wants_refresh=True)
        assert started.refresh_token is not None
        await asyncio.gather(
            *(house.sessions.refresh(started.refresh_token) for _ in range(3)),
            house.devices.delete(ALICE, [device_id]),
            return_exceptions=True,
        )
        assert not await database.fetch("SELECT 1 FROM session WHERE device_id = $1", device_id)
