"""Third-party invites: redeemed only by a signature of a key that the room knows."""

from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from fixtures.room_builder import ALICE, BOB, CAROL, Room
from nacl.signing import SigningKey

from bongsu.errors import Forbidden
from bongsu.rooms.canonical_json import canonical_json

KEY = SigningKey(bytes(range(32)))
OTHER_KEY = SigningKey(bytes(32))


def unpadded(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def signed(key: SigningKey = KEY, **change: Any) -> dict[str, Any]:
    claim = {"mxid": CAROL, "token": "token", **change}
    signature = unpadded(key.sign(canonical_json(claim)).signature)
    return {**claim, "signatures": {"id.example.org": {"ed25519:0": signature}}}


@pytest.fixture(params=["10", "11", "12"])
def room(request: pytest.FixtureRequest) -> Room:
    room = Room(request.param).with_members(BOB)
    content = {
        "display_name": "c...@example.org",
        "key_validity_url": "https://id.example.org/valid",
        "public_key": unpadded(bytes(OTHER_KEY.verify_key)),
        "public_keys": [
            "nonsense", {"public_key": "!"}, {"public_key": "AAAA"},
            {"public_key": urlsafe_b64encode(bytes(KEY.verify_key)).decode()},
        ],
    }  # fmt: skip
    room.send(BOB, "m.room.third_party_invite", content, "token")
    return room


def redeem(room: Room, claim: Any, by: Any = BOB) -> None:
    room.member(CAROL, "invite", by=by, third_party_invite={"signed": claim})


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_any_known_key_will_do(room: Room, key: SigningKey) -> None:
    redeem(room, signed(key))
    assert room.auth.membership(CAROL) == "invite"


def test_the_inviter_needs_not_be_in_the_room_any_more(room: Room) -> None:
    room.member(BOB, "leave")
    redeem(room, signed())


@pytest.mark.parametrize(
    "claim",
    [
        None, [], "text", {},
        {"mxid": CAROL},
        {"token": "token"},
        signed(mxid=ALICE),
        signed(token="another"),
        signed(token=["token"]),
        signed(SigningKey(bytes([1]) * 32)),
        {**signed(), "added": "later"},
        {**signed(), "signatures": {}},
        {**signed(), "signatures": []},
        {**signed(), "signatures": {"a": {"b": 5, "c": "é", "d": "AAAA", "e": None}, "f": 1}},
    ],
)  # fmt: skip
def test_other_claims_are_refused(room: Room, claim: Any) -> None:
    with pytest.raises(Forbidden):
        redeem(room, claim)


def test_only_its_sender_redeems_it(room: Room) -> None:
    with pytest.raises(Forbidden):
        redeem(room, signed(), by=ALICE)


def test_not_for_the_banned(room: Room) -> None:
    room.member(CAROL, "ban", by=ALICE)
    with pytest.raises(Forbidden):
        redeem(room, signed())


def test_the_number_of_tries_is_bounded(room: Room) -> None:
    good = signed()
    bad = {f"ed25519:{n}": unpadded(bytes(64)) for n in range(200)}
    claim = {**good, "signatures": {"a": bad, **good["signatures"]}}
    with pytest.raises(Forbidden):
        redeem(room, claim)
