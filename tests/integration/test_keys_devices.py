"""Device keys on the real log and PostgreSQL: uploaded, queried, claimed once."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import pytest
from fixtures.keys_house import (
    KeysHouse,
    device_keys,
    one_time_keys,
    open_keys_house,
    public,
    signed,
    signing_key,
)
from fixtures.sync_house import ALICE, BOB, CAROL
from nacl.signing import SigningKey

from bongsu.errors import InvalidParam, MissingParam, NotFound, Refused, TooLarge
from bongsu.postgres.database import Database

COUNT = "device_one_time_keys_count"
UNUSED = "device_unused_fallback_key_types"
FALLBACK = {"signed_curve25519:F": {"key": "f", "fallback": True, "signatures": {}}}


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[KeysHouse]:
    async with open_keys_house(database_dsn, database) as house:
        yield house


async def test_each_key_is_handed_out_once_however_many_ask(house: KeysHouse) -> None:
    bob = await house.device(BOB)
    assert await house.upload(bob, one_time_keys(40), FALLBACK) == {"signed_curve25519": 40}
    claimed = await asyncio.gather(*(house.claim(BOB) for _ in range(60)))
    names = [name for keys in claimed for name in keys]
    assert sorted(set(names) - {"signed_curve25519:F"}) == sorted(one_time_keys(40))
    assert len(names) == 60
    assert names.count("signed_curve25519:F") == 20


async def test_keys_are_claimed_in_the_order_of_their_uploads(house: KeysHouse) -> None:
    bob = await house.device(BOB)
    await house.upload(bob, one_time_keys(1, first=9))
    await house.upload(bob, one_time_keys(2, first=3))
    names = [name for _ in range(3) for name in await house.claim(BOB)]
    assert names[0] == "signed_curve25519:K0009"
    assert set(names[1:]) == set(one_time_keys(2, first=3))
    assert await house.claim(BOB) == {}


async def test_a_repeated_upload_brings_no_claimed_key_back(house: KeysHouse) -> None:
    """The answer to an upload was lost, somebody claims, the client uploads the same again."""
    bob = await house.device(BOB)
    await house.upload(bob, one_time_keys(1))
    assert await house.claim(BOB)
    assert await house.upload(bob, one_time_keys(1)) == {}
    assert await house.claim(BOB) == {}


async def test_other_content_under_a_known_id_is_refused_whole(house: KeysHouse) -> None:
    bob = await house.device(BOB)
    await house.upload(bob, one_time_keys(1))
    changed = {**one_time_keys(3), "signed_curve25519:K0000": {"key": "x", "signatures": {}}}
    with pytest.raises(InvalidParam):
        await house.upload(bob, changed)
    assert await house.upload(bob) == {"signed_curve25519": 1}


@pytest.mark.parametrize(
    "keys",
    [{"nameless": "k"}, {":x": "k"}, {"a:\x00": "k"}, {"a:b": 7}, {"a:b": {}}, {"a:b": {"key": []}},
     {"a:b": {"key": "x", "pi": 3.5}}, {"a:b": "\ud800"}, {"a:b": "x" * 20_000}],
)  # fmt: skip
async def test_bad_one_time_keys(house: KeysHouse, keys: dict[str, Any]) -> None:
    bob = await house.device(BOB)
    with pytest.raises(Refused):
        await house.upload(bob, keys)


async def test_so_many_keys_and_no_more(house: KeysHouse) -> None:
    bob = await house.device(BOB)
    with pytest.raises(TooLarge):
        await house.upload(bob, one_time_keys(1_001))
    await house.upload(bob, one_time_keys(1_000))
    await house.upload(bob, one_time_keys(1_000, first=1_000))
    with pytest.raises(TooLarge):
        await house.upload(bob, one_time_keys(1, first=5_000))
    assert await house.upload(bob) == {"signed_curve25519": 2_000}


async def test_counts_come_with_every_answer_and_wake_on_claims(house: KeysHouse) -> None:
    bob = await house.device(BOB)
    await house.upload(bob, one_time_keys(2), FALLBACK, device_keys(bob, SigningKey.generate()))
    first = await house.get(BOB)
    assert first[COUNT] == {"signed_curve25519": 2}
    assert first[UNUSED] == ["signed_curve25519"]
    empty = await house.get(BOB, first["next_batch"])
    assert empty == {**empty, COUNT: {"signed_curve25519": 2}, UNUSED: ["signed_curve25519"]}
    waiting = asyncio.ensure_future(house.get(BOB, first["next_batch"], wait=30))
    await asyncio.sleep(0.05)
    await house.claim(BOB)
    assert (await waiting)[COUNT] == {"signed_curve25519": 1}
    for _ in range(2):
        await house.claim(BOB)
    then = await house.get(BOB, (await waiting)["next_batch"], wait=30)
    for _ in range(20):
        if then[UNUSED] == []:
            break
        then = await house.get(BOB, then["next_batch"], wait=1)
    assert then[COUNT] == {"signed_curve25519": 0}
    assert then[UNUSED] == []


async def test_a_device_sees_its_own_upload_at_once(house: KeysHouse) -> None:
    bob = await house.device(BOB)
    since = (await house.get(BOB))["next_batch"]
    for number in range(5):
        counts = await house.upload(bob, one_time_keys(3, first=3 * number))
        if number == 0:
            await house.upload(bob, device_keys=device_keys(bob, SigningKey.generate()))
        answer = await house.get(BOB, since)
        assert answer[COUNT] == counts
        since = answer["next_batch"]


async def test_query_shows_what_the_reader_may_see(house: KeysHouse) -> None:
    laptop, phone = await house.device(BOB, "L", "Bob's laptop"), await house.device(BOB, "P")
    keys = SigningKey.generate()
    own = device_keys(laptop, keys)
    await house.upload(laptop, device_keys={**own, "unsigned": {"mine": 1}})
    await house.upload(phone, device_keys=device_keys(phone, SigningKey.generate()))
    answer = await house.query(ALICE, {BOB: [], CAROL: [], "@x:elsewhere": [], "junk": []})
    assert set(answer["device_keys"]) == {BOB, CAROL}
    assert set(answer["device_keys"][BOB]) == {"L", "P"}
    named = {"device_display_name": "Bob's laptop"}
    assert answer["device_keys"][BOB]["L"] == {**own, "unsigned": named}
    assert answer["device_keys"][CAROL] == {}
    assert set(answer["failures"]) == {"elsewhere"}
    one = await house.query(ALICE, {BOB: ["P", "?"]})
    assert set(one["device_keys"][BOB]) == {"P"}


@pytest.mark.parametrize("change", ["user_id", "device_id", "keys", "signatures", "algorithms"])
async def test_device_keys_of_others_or_of_no_shape(house: KeysHouse, change: str) -> None:
    bob = await house.device(BOB)
    keys = device_keys(bob, SigningKey.generate())
    for value in (None, "other", 7, {"ed25519:OTHER": "x"}, [[]]):
        with pytest.raises(Refused):
            await house.upload(bob, device_keys={**keys, change: value})
    assert (await house.query(BOB, {BOB: []}))["device_keys"][BOB] == {}


async def test_keys_end_with_their_device(house: KeysHouse) -> None:
    bob = await house.device(BOB)
    keys = device_keys(bob, SigningKey.generate())
    await house.upload(bob, one_time_keys(5), FALLBACK, keys)
    await house.send_to(await house.device(ALICE), "1", {BOB: {"D": {}}})
    assert (await house.get(BOB))[COUNT]
    await house.delete(bob)
    assert await house.claim(BOB) == {}
    assert (await house.query(ALICE, {BOB: []}))["device_keys"][BOB] == {}
    with pytest.raises(NotFound):
        await house.upload(bob, one_time_keys(1))
    await house.device(BOB)  # another one under the same name begins with nothing
    answer = await house.get(BOB)
    assert COUNT not in answer
    assert "to_device" not in answer


async def test_a_query_for_a_thousand_members(house: KeysHouse) -> None:
    people = [f"@p{number}:test" for number in range(1_000)]
    key = SigningKey.generate()
    for person in people:
        device = await house.device(person)
        encoded = device_keys(device, key)
        await house.database.execute(
            "INSERT INTO device_key VALUES ($1, 'D', $2)",
            person,
            repr(encoded).replace("'", '"').encode(),
        )
    started = perf_counter()
    answer = await house.query(ALICE, {person: [] for person in people})
    seconds = perf_counter() - started
    print(f"1,000 members in {seconds * 1000:.0f} ms")
    assert all(len(devices) == 1 for devices in answer["device_keys"].values())
    assert seconds < 2  # a tenth of it is the goal: this only catches a query for each


# -- cross-signing ---------------------------------------------------------------------------------


class Signer:
    """A person's three signing keys."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.master, self.own, self.others = (SigningKey.generate() for _ in range(3))

    def upload(self) -> dict[str, Any]:
        me, name = self.user_id, public(self.master)
        return {
            "master": signing_key(me, "master", self.master),
            "self_signing": signed(
                signing_key(me, "self_signing", self.own), me, name, self.master
            ),
            "user_signing": signed(
                signing_key(me, "user_signing", self.others), me, name, self.master
            ),
        }


async def put(house: KeysHouse, signer: Signer) -> None:
    upload = await house.cross_signing.check(signer.user_id, signer.upload())
    assert not upload.needs_auth
    await house.cross_signing.put(signer.user_id, upload)


async def test_signing_keys_are_kept_and_shown_to_whom_they_concern(house: KeysHouse) -> None:
    alice, bob = Signer(ALICE), Signer(BOB)
    await put(house, alice)
    await put(house, alice)  # the same again is the same
    await put(house, bob)
    answer = await house.query(ALICE, {ALICE: [], BOB: []})
    assert set(answer["master_keys"]) == set(answer["self_signing_keys"]) == {ALICE, BOB}
    assert set(answer["user_signing_keys"]) == {ALICE}


async def test_what_needs_authentication(house: KeysHouse) -> None:
    alice, other = Signer(ALICE), Signer(ALICE)
    with pytest.raises(MissingParam):
        await house.cross_signing.check(ALICE, {"self_signing": alice.upload()["self_signing"]})
    await put(house, alice)
    check = house.cross_signing.check
    assert not (await check(ALICE, alice.upload())).needs_auth
    replacement = await check(ALICE, other.upload())
    assert replacement.needs_auth
    other.master = alice.master
    assert (await check(ALICE, {"self_signing": other.upload()["self_signing"]})).needs_auth
    # Found while others had none, put when there are: refused, for nobody was authenticated.
    with pytest.raises(Refused):
        await house.cross_signing.put(ALICE, replacement._replace(needs_auth=False))
    await house.cross_signing.put(ALICE, replacement)


async def test_forged_and_foreign_signing_keys(house: KeysHouse) -> None:
    alice, mallory = Signer(ALICE), Signer(ALICE)
    forged = {**alice.upload(), "self_signing": mallory.upload()["self_signing"]}
    with pytest.raises(Refused) as refused:
        await house.cross_signing.check(ALICE, forged)
    assert refused.value.code == "M_INVALID_SIGNATURE"
    with pytest.raises(Refused):
        await house.cross_signing.check(BOB, alice.upload())
    with pytest.raises(Refused):
        await house.cross_signing.check(ALICE, {"master": alice.upload()["self_signing"]})
    await house.device(ALICE, public(alice.master))
    with pytest.raises(Refused) as refused:
        await house.cross_signing.check(ALICE, alice.upload())
    assert refused.value.code == "M_FORBIDDEN"


async def test_signatures_are_kept_if_they_are_true(house: KeysHouse) -> None:
    alice, bob = Signer(ALICE), Signer(BOB)
    await put(house, alice)
    await put(house, bob)
    laptop, laptop_key = await house.device(ALICE, "L"), SigningKey.generate()
    keys = device_keys(laptop, laptop_key)
    await house.upload(laptop, device_keys=keys)
    since = (await house.get(ALICE))["next_batch"]
    bobs = (await house.get(BOB))["next_batch"]
    bare = {name: value for name, value in keys.items() if name != "signatures"}
    master, bob_master = signing_key(ALICE, "master", alice.master), bob.upload()["master"]
    failures = await house.cross_signing.add_signatures(
        laptop.user_id,
        {
            ALICE: {
                "L": signed(bare, ALICE, public(alice.own), alice.own),
                public(alice.master): signed(master, ALICE, "L", laptop_key),
                "NOBODY": bare,
            },
            BOB: {
                public(bob.master): signed(bob_master, ALICE, public(alice.others), alice.others)
            },
        },
    )
    assert failures == {ALICE: {"NOBODY": {"errcode": "M_NOT_FOUND", "error": "No such key"}}}
    mine = await house.query(ALICE, {ALICE: [], BOB: []})
    assert f"ed25519:{public(alice.own)}" in mine["device_keys"][ALICE]["L"]["signatures"][ALICE]
    assert "ed25519:L" in mine["master_keys"][ALICE]["signatures"][ALICE]
    assert ALICE in mine["master_keys"][BOB]["signatures"]
    # Whom Alice trusts is hers to know: others neither see it nor hear of it.
    theirs = await house.query(CAROL, {BOB: []})
    assert theirs["master_keys"][BOB].get("signatures", {}) == {}
    for sync in (house.sync, house.new_sync()):
        answer = await house.get(ALICE, since, sync=sync)
        assert set(answer["device_lists"]["changed"]) == {ALICE, BOB}
    assert "device_lists" not in await house.get(BOB, bobs)


async def test_forged_signatures_fail_one_by_one(house: KeysHouse) -> None:
    alice, bob = Signer(ALICE), Signer(BOB)
    await put(house, alice)
    await put(house, bob)
    laptop = await house.device(ALICE, "L")
    keys = device_keys(laptop, SigningKey.generate())
    await house.upload(laptop, device_keys=keys)
    wrong = signed(keys, ALICE, public(alice.own), alice.others)  # signed by the wrong key
    changed = signed({**keys, "algorithms": []}, ALICE, public(alice.own), alice.own)
    master = bob.upload()["master"]
    foreign = signed(master, ALICE, public(alice.own), alice.own)  # by a key for other things
    failures = await house.cross_signing.add_signatures(
        laptop.user_id, {ALICE: {"L": wrong}, BOB: {public(bob.master): foreign, "x": {}}}
    )
    assert failures[ALICE]["L"]["errcode"] == "M_INVALID_SIGNATURE"
    assert failures[BOB][public(bob.master)]["errcode"] == "M_INVALID_SIGNATURE"
    assert failures[BOB]["x"]["errcode"] == "M_NOT_FOUND"
    failures = await house.cross_signing.add_signatures(laptop.user_id, {ALICE: {"L": changed}})
    assert failures[ALICE]["L"]["errcode"] == "M_INVALID_PARAM"
