"""Names, ids and passwords that people choose; last-seen notes."""

import pytest
from argon2 import PasswordHasher

from bongsu.errors import InvalidParam, Refused, Unavailable
from bongsu.ids import DeviceId, UserId
from bongsu.users import text
from bongsu.users.interactive_auth import hash_request
from bongsu.users.last_seen import NOTED_EVERY_SECONDS, LastSeen, Sighting
from bongsu.users.passwords import Passwords
from bongsu.users.requester import Requester
from bongsu.users.tokens import ACCESS, is_access_token, new_token


@pytest.mark.parametrize("value", ["\x00", "\ud800", "a" * 256, "가" * 86, ""])
def test_device_ids_are_bounded(value: str) -> None:
    with pytest.raises(InvalidParam):
        text.device_id(value)


@pytest.mark.parametrize(
    ("user", "found"),
    [
        ("alice", "@alice:example.org"),
        ("Alice", "@alice:example.org"),
        ("@alice:example.org", "@alice:example.org"),
        ("@alice:elsewhere.org", None),
        ("alice:example.org", None),
        ("@alice", None),
        ("a\x00", None),
        ("\ud800", None),
        ("a" * 300, None),
    ],
)
def test_whom_a_login_means(user: str, found: str | None) -> None:
    assert text.local_user_id(user, "example.org") == found


def test_passwords_are_bounded_not_cut() -> None:
    assert text.password("x" * 512)
    for bad in ("", "x" * 513, "\x00", "\ud800"):
        with pytest.raises(Refused):
            text.password(bad)


async def test_password_hashes() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    hashed = await passwords.hash("secret")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "secret")
    for wrong in ("Secret", "secret ", "", "\ud800", "x" * 10_000):
        assert not await passwords.verify(hashed, wrong)
    assert not await passwords.verify(None, "nobody")
    assert not await passwords.verify("no hash", "secret")
    passwords.close()


def test_tokens_are_recognised() -> None:
    token = new_token(ACCESS)
    assert is_access_token(token)
    assert not is_access_token(token + "x")
    assert not is_access_token(token + "\n")


def test_a_request_is_bound_without_its_auth_whatever_the_order() -> None:
    bound = hash_request({"a": 1, "b": {"x": 1, "y": 2}})
    assert bound == hash_request({"b": {"y": 2, "x": 1}, "a": 1, "auth": {"session": "s"}})
    assert bound != hash_request({"a": 2, "b": {"x": 1, "y": 2}})


class Written:
    def __init__(self) -> None:
        self.batches: list[list[Sighting]] = []
        self.is_down = False

    async def record_seen(self, sightings: list[Sighting]) -> None:
        if self.is_down:
            raise Unavailable
        self.batches.append(sightings)


async def test_devices_are_noted_now_and_then() -> None:
    written, seconds = Written(), [0.0]
    last_seen = LastSeen(written, clock=lambda: 7, monotonic=lambda: seconds[0])
    requester = Requester(UserId("@alice:example.org"), DeviceId("D"), b"")
    for _ in range(3):
        last_seen.saw(requester, "::1", b"agent\x00\xff")
    await last_seen.write()
    await last_seen.write()
    assert written.batches == [
        [Sighting(UserId("@alice:example.org"), DeviceId("D"), 7, "::1", "agentÿ")]
    ]
    seconds[0] += NOTED_EVERY_SECONDS
    last_seen.saw(requester, "::1", None)
    written.is_down = True
    await last_seen.write()
    written.is_down = False
    await last_seen.write()
    assert len(written.batches) == 1
