"""Accounts, sessions and tokens on a real PostgreSQL, through the endpoints' own classes."""

import asyncio
from typing import Any

import pytest
from fixtures.users_house import ALICE, SERVER, House, errcode

from bongsu.errors import Forbidden, Refused, UnknownToken
from bongsu.http.client.register import RegistrationPolicy
from bongsu.postgres.database import Database
from bongsu.users.accounts import Moderation

DUMMY = {"type": "m.login.dummy"}


@pytest.fixture
async def house(database: Database) -> House:
    return House(database, RegistrationPolicy("open"))


async def test_register_in_one_request_and_use_the_token(house: House) -> None:
    answer = await house.register(device_id="PHONE", initial_device_display_name="Phone")
    requester = await house.authenticator.requester(answer["access_token"])
    assert (requester.user_id, requester.device_id) == (ALICE, "PHONE")
    assert house.authenticator.cached(answer["access_token"]) == requester
    assert "refresh_token" not in answer
    assert await errcode(house.register()) == (400, "M_USER_IN_USE")


async def test_register_by_the_dance_with_a_session_of_an_empty_request(house: House) -> None:
    challenge = await house.call(house.register_.register, {})
    assert challenge["status"] == 401
    assert challenge["flows"] == [{"stages": ["m.login.dummy"]}]
    assert challenge["params"] == {}
    assert "errcode" not in challenge
    auth = {**DUMMY, "session": challenge["session"]}
    assert (await house.register(auth=auth, inhibit_login=True)) == {
        "user_id": ALICE,
        "home_server": SERVER,
    }
    assert (await house.login())["user_id"] == ALICE


async def test_concurrent_registrations_of_one_name_make_one_account(house: House) -> None:
    answers = await asyncio.gather(*(house.register() for _ in range(8)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert {each.code for each in refused} == {"M_USER_IN_USE"}
    assert len(answers) - len(refused) == 1


async def test_login_with_a_known_device_replaces_its_tokens(house: House) -> None:
    first = await house.register(device_id="PHONE", initial_device_display_name="Phone")
    await house.authenticator.requester(first["access_token"])
    second = await house.login("@alice:example.org", device_id="PHONE")
    with pytest.raises(UnknownToken):
        await house.authenticator.requester(first["access_token"])
    device = await house.devices.get(ALICE, "PHONE")
    assert device.display_name == "Phone"
    assert (await house.authenticator.requester(second["access_token"])).device_id == "PHONE"


async def test_login_refuses(house: House) -> None:
    await house.register()
    assert await errcode(house.login(password="wrong")) == (403, "M_FORBIDDEN")
    assert await errcode(house.login("bob")) == (403, "M_FORBIDDEN")
    assert await errcode(house.login("@alice:elsewhere.org")) == (403, "M_FORBIDDEN")
    assert await errcode(house.login("al\x00ice")) == (403, "M_FORBIDDEN")
    assert await errcode(house.login(type="m.login.magic")) == (400, "M_UNKNOWN")
    await house.accounts.moderate(ALICE, Moderation.LOCKED, True)
    assert await errcode(house.login()) == (401, "M_USER_LOCKED")


async def test_refresh_rotates_when_the_new_token_is_used(house: House) -> None:
    first = await house.register(refresh_token=True)
    assert first["expires_in_ms"] == 60_000
    await house.authenticator.requester(first["access_token"])
    lost = await house.sessions.refresh(first["refresh_token"])
    second = await house.sessions.refresh(first["refresh_token"])  # the answer was lost
    with pytest.raises(UnknownToken) as abandoned:
        await house.authenticator.requester(lost.access_token)
    assert not abandoned.value.extra["soft_logout"]
    await house.authenticator.requester(second.access_token)
    with pytest.raises(UnknownToken) as used_up:
        await house.sessions.refresh(first["refresh_token"])
    assert used_up.value.extra["soft_logout"]
    third = await house.sessions.refresh(second.refresh_token)
    with pytest.raises(UnknownToken):
        await house.sessions.refresh(lost.refresh_token)
    await house.authenticator.requester(third.access_token)


async def test_using_the_new_refresh_token_revokes_the_old_one(house: House) -> None:
    first = await house.register(refresh_token=True)
    second = await house.sessions.refresh(first["refresh_token"])
    await house.sessions.refresh(second.refresh_token)
    with pytest.raises(UnknownToken):
        await house.sessions.refresh(first["refresh_token"])


async def test_an_expired_token_is_a_soft_logout(house: House) -> None:
    first = await house.register(refresh_token=True)
    house.now += 60_000
    with pytest.raises(UnknownToken) as expired:
        await house.authenticator.requester(first["access_token"])
    assert expired.value.extra["soft_logout"]
    second = await house.sessions.refresh(first["refresh_token"])
    await house.authenticator.requester(second.access_token)


async def test_logout_ends_the_device(house: House) -> None:
    token = (await house.register())["access_token"]
    other = (await house.login())["access_token"]
    await house.call(house.login_.logout, token=token)
    with pytest.raises(UnknownToken) as gone:
        await house.authenticator.requester(token)
    assert not gone.value.extra["soft_logout"]
    assert len(await house.devices.list_devices(ALICE)) == 1
    assert house.announced == [ALICE]
    await house.call(house.login_.logout_all, token=other)
    assert not await house.devices.list_devices(ALICE)


async def test_login_token_logs_in_once(house: House) -> None:
    token = (await house.register())["access_token"]
    assert (await house.call(house.login_.get_token, {}, token=token))["status"] == 401
    auth = {"type": "m.login.password", "password": "secret", "user": "alice"}
    made = await house.call(house.login_.get_token, {"auth": auth}, token=token)
    body = {"type": "m.login.token", "token": made["login_token"]}
    assert (await house.call(house.login_.login, body))["user_id"] == ALICE
    assert await errcode(house.call(house.login_.login, body)) == (403, "M_FORBIDDEN")


async def test_registration_token(database: Database) -> None:
    house = House(database, RegistrationPolicy("token"))
    await house.registration_tokens.add("once", 1, None)
    answer = await house.register("alice")
    assert (answer["status"], answer["errcode"]) == (401, "M_FORBIDDEN")
    auth = {"type": "m.login.registration_token", "token": "once"}
    valid = house.register_.token_validity
    assert (await house.call(valid, query="token=once")) == {"valid": True}
    assert (await house.register("alice", auth=auth))["user_id"] == ALICE
    assert (await house.call(valid, query="token=once")) == {"valid": False}
    lasting = {**auth, "token": "lasting"}
    for name in ("carol", "dave"):
        assert (await house.register(name, auth=lasting))["user_id"] == f"@{name}:example.org"
    answer = await house.register("bob", auth={**auth, "session": answer["session"]})
    assert (answer["status"], answer["errcode"]) == (401, "M_FORBIDDEN")


async def test_registration_modes(database: Database) -> None:
    house = House(database, RegistrationPolicy("closed"))
    assert await errcode(house.register()) == (403, "M_FORBIDDEN")
    guest = house.call(house.register_.register, {}, query="kind=guest")
    assert await errcode(guest) == (403, "M_GUEST_ACCESS_FORBIDDEN")
    house = House(database, RegistrationPolicy("closed", guests=True))
    guest = await house.call(house.register_.register, {"password": 3}, query="kind=guest")
    assert (await house.authenticator.requester(guest["access_token"])).is_guest


@pytest.mark.parametrize("username", ["", "Alice", "@alice:example.org", "a\x00", "ä", "a" * 250])
async def test_usernames_outside_the_grammar(house: House, username: str) -> None:
    assert await errcode(house.register(username)) == (400, "M_INVALID_USERNAME")


async def test_password_change_ends_the_other_devices(house: House) -> None:
    token = (await house.register())["access_token"]
    other = (await house.login())["access_token"]
    change = {"new_password": "better"}
    challenge = await house.call(house.account.password, change, token=token)
    identifier = {"type": "m.id.user", "user": ALICE}
    auth = {"type": "m.login.password", "identifier": identifier, "session": challenge["session"]}

    def body(password: str, **more: Any) -> dict[str, Any]:
        return {**change, **more, "auth": {**auth, "password": password}}

    wrong = await house.call(house.account.password, body("wrong"), token=token)
    assert (wrong["status"], wrong["errcode"]) == (401, "M_FORBIDDEN")
    assert wrong["session"] == challenge["session"]
    other_body = body("secret", logout_devices=False)
    with pytest.raises(Forbidden):  # another body than the one consented to
        await house.call(house.account.password, other_body, token=token)
    assert await house.call(house.account.password, body("secret"), token=token) == {}
    assert house.announced == [ALICE]
    await house.authenticator.requester(token)
    with pytest.raises(UnknownToken):
        await house.authenticator.requester(other)
    assert await errcode(house.login()) == (403, "M_FORBIDDEN")
    await house.login(password="better")


async def test_a_session_of_one_operation_is_no_good_for_another(house: House) -> None:
    token = (await house.register())["access_token"]
    challenge = await house.call(house.account.deactivate, {}, token=token)
    auth = {"type": "m.login.password", "session": challenge["session"], "password": "secret"}
    with pytest.raises(Forbidden):
        await house.call(house.login_.get_token, {"auth": auth}, token=token)


async def test_deactivated_for_good(house: House) -> None:
    token = (await house.register())["access_token"]
    auth = {"type": "m.login.password", "user": "alice", "password": "secret"}
    answer = await house.call(house.account.deactivate, {"auth": auth, "erase": True}, token=token)
    assert answer == {"id_server_unbind_result": "success"}
    [departure] = await house.intents.claim(["departure"], 60, 10)
    assert (departure.key, departure.body) == (ALICE, b'{"erase":true}')
    with pytest.raises(UnknownToken):
        await house.authenticator.requester(token)
    assert await errcode(house.login()) == (403, "M_USER_DEACTIVATED")
    assert await errcode(house.register()) == (400, "M_USER_IN_USE")


async def test_devices(house: House) -> None:
    token = (await house.register(device_id="A"))["access_token"]
    await house.login(device_id="B")
    await house.call(house.device.rename, {"display_name": "new"}, token=token, device_id="B")
    listed = await house.call(house.device.list_devices, token=token)
    assert listed == {"devices": [{"device_id": "A"}, {"device_id": "B", "display_name": "new"}]}
    missing = house.call(house.device.get_device, token=token, device_id="C")
    assert await errcode(missing) == (404, "M_NOT_FOUND")
    auth = {"type": "m.login.password", "user": "alice", "password": "secret"}
    body = {"devices": ["B", "C"], "auth": auth}
    assert await house.call(house.device.delete_devices, body, token=token) == {}
    assert [each.device_id for each in await house.devices.list_devices(ALICE)] == ["A"]


async def test_lock_and_suspension_show_in_the_requester(house: House) -> None:
    token = (await house.register())["access_token"]
    for what in Moderation:
        await house.accounts.moderate(ALICE, what, True)
    requester = await house.authenticator.requester(token)
    assert requester.is_locked
    assert requester.is_suspended


async def test_all_accounts_are_streamed(house: House) -> None:
    for name in ("carol", "alice", "bob"):
        await house.register(name)
    assert [account.user_id async for account in house.accounts.stream_all()] == [
        f"@{name}:example.org" for name in ("alice", "bob", "carol")
    ]
