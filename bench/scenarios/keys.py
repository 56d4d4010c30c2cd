"""Keys of a large room: asking for all devices, and sharing a room key with each of them."""

import time
from typing import Any

from canonicaljson import encode_canonical_json
from harness.matrix import User, register
from nacl.encoding import Base64Encoder
from nacl.signing import SigningKey

from bench.load import World, gather_bounded, percentile

DEVICES_EACH = 2
ATTEMPTS = 10
ONE_TIME_KEYS_EACH = 5
KEY_SHARE_CHARACTERS = 900  # of an Olm message that carries a Megolm session


async def large_room(world: World) -> dict[str, float]:
    """A key query for every member of a room, and one key share to all of their devices."""
    members = world.scale.key_members
    world.say(f"registering {members} accounts with {DEVICES_EACH} devices each")
    devices = await gather_bounded([_account(world, number) for number in range(members)])
    sender = devices[0][0]
    room_id = await sender.create_room(preset="public_chat")
    await gather_bounded([owner.join(room_id) for owner, *_ in devices[1:]])
    query = {"device_keys": {owner.user_id: [] for owner, *_ in devices}}
    share = {
        owner.user_id: {device.device_id: _key_share() for device in (owner, *others)}
        for owner, *others in devices
    }
    queried: list[float] = []
    shared: list[float] = []
    for attempt in range(ATTEMPTS):
        begun = time.monotonic()
        answer = await sender.call("POST", "/keys/query", query)
        queried.append(time.monotonic() - begun)
        assert len(answer["device_keys"]) == members, "a key query lacks members"
        begun = time.monotonic()
        path = f"/sendToDevice/m.room.encrypted/share{attempt}"
        await sender.call("PUT", path, {"messages": share})
        shared.append(time.monotonic() - begun)
    return {
        "key_query_p50_ms": percentile(queried, 50) * 1000,
        "key_share_p50_ms": percentile(shared, 50) * 1000,
    }


async def _account(world: World, number: int) -> list[User]:
    first = await register(world.client, f"bench-keys-{world.run}-{number}")
    devices = [first, *[await first.login_again() for _ in range(1, DEVICES_EACH)]]
    for device in devices:
        await device.call("POST", "/keys/upload", _keys(device))
    return devices


def _keys(device: User) -> dict[str, Any]:
    key = SigningKey.generate()
    name = f"ed25519:{device.device_id}"
    public = key.verify_key.encode(Base64Encoder).decode().rstrip("=")
    keys: dict[str, Any] = {
        "user_id": device.user_id,
        "device_id": device.device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {name: public, f"curve25519:{device.device_id}": public},
    }
    signed = key.sign(encode_canonical_json(keys), Base64Encoder).signature.decode().rstrip("=")
    keys["signatures"] = {device.user_id: {name: signed}}
    one_time = {
        f"signed_curve25519:{number}": {"key": public, "signatures": keys["signatures"]}
        for number in range(ONE_TIME_KEYS_EACH)
    }
    return {"device_keys": keys, "one_time_keys": one_time}


def _key_share() -> dict[str, Any]:
    body = {"type": 0, "body": "A" * KEY_SHARE_CHARACTERS}
    return {
        "algorithm": "m.olm.v1.curve25519-aes-sha2",
        "sender_key": "S" * 43,
        "ciphertext": {"R" * 43: body},
    }
