"""What clients upload, checked and bounded before it is kept. Spec: "End-to-End Encryption"."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bongsu.errors import BadJson, Forbidden, InvalidParam, TooLarge
from bongsu.keys.signing import KEY_BYTES, decode_base64
from bongsu.rooms.canonical_json import canonical_json

KEY_JSON_BYTES_MAX = 16 * 1024
KEY_ID_CHARS_MAX = 255
KEYS_PER_UPLOAD_MAX = 1_000
ALGORITHMS_MAX = 50

SIGNED_CURVE25519 = "signed_curve25519"

JsonObject = dict[str, Any]
Signatures = Mapping[str, Mapping[str, str]]


class DeviceKeys(msgspec.Struct, frozen=True):
    """The members of device keys that the spec demands."""

    user_id: str
    device_id: str
    algorithms: Sequence[str]
    keys: Mapping[str, str]
    signatures: Signatures


class CrossSigningKey(msgspec.Struct, frozen=True):
    """A master, self-signing or user-signing key."""

    user_id: str
    usage: Sequence[str]
    keys: Mapping[str, str]
    signatures: Signatures = {}


class UploadedKey(NamedTuple):
    """A one-time or fallback key. `key_json` is canonical, so equal keys are equal bytes."""

    algorithm: str
    key_id: str
    key_json: bytes


class PublicKey(NamedTuple):
    """A cross-signing key: the public key, as it stands in its id, and its JSON."""

    public_key: str
    key_json: bytes

    @property
    def key_id(self) -> str:
        return f"ed25519:{self.public_key}"


def device_keys(uploaded: JsonObject, user_id: str, device_id: str) -> bytes:
    """The JSON of device keys that belong to this very device."""
    keys = _convert(uploaded, DeviceKeys)
    if (keys.user_id, keys.device_id) != (user_id, device_id):
        raise InvalidParam("These keys belong to another user or device")
    if len(keys.algorithms) > ALGORITHMS_MAX or len(keys.keys) > ALGORITHMS_MAX:
        raise InvalidParam("Too many algorithms")
    for name in keys.keys:
        if name.partition(":")[2] != device_id:
            raise InvalidParam("A key is named for another device")
    return key_json({name: each for name, each in uploaded.items() if name != "unsigned"})


def uploaded_keys(keys: Mapping[str, Any] | None) -> list[UploadedKey]:
    """One-time keys by `algorithm:key_id`, each a text or an object."""
    keys = keys or {}
    if len(keys) > KEYS_PER_UPLOAD_MAX:
        raise TooLarge(f"More than {KEYS_PER_UPLOAD_MAX} keys at once")
    return [UploadedKey(*_key_name(name), _one_time_key(key)) for name, key in keys.items()]


def fallback_keys(keys: Mapping[str, Any] | None) -> list[UploadedKey]:
    """At most one of each algorithm."""
    found = uploaded_keys(keys)
    if len({key.algorithm for key in found}) != len(found) or len(found) > ALGORITHMS_MAX:
        raise InvalidParam("One fallback key for each algorithm")
    return found


def cross_signing_key(uploaded: JsonObject, user_id: str, usage: str) -> PublicKey:
    """The one public key of a cross-signing key for `usage` that belongs to `user_id`."""
    key = _convert(uploaded, CrossSigningKey)
    if key.user_id != user_id:
        raise Forbidden("This key belongs to another user")
    if usage not in key.usage:
        raise InvalidParam(f"This key is not for {usage}")
    if len(key.keys) != 1:
        raise InvalidParam("A cross-signing key has one public key")
    ((name, public_key),) = key.keys.items()
    if name != f"ed25519:{public_key}" or decode_base64(public_key, KEY_BYTES) is None:
        raise InvalidParam("Not an ed25519 key under its own name")
    return PublicKey(public_key, key_json(uploaded))


def key_json(value: Any) -> bytes:
    """Canonical JSON of what a client signed, within bounds."""
    encoded = canonical_json(value)
    if len(encoded) > KEY_JSON_BYTES_MAX:
        raise TooLarge("A key is too large")
    return encoded


def _one_time_key(key: Any) -> bytes:
    if isinstance(key, dict):
        if not isinstance(key.get("key"), str):  # pyright: ignore[reportUnknownMemberType] - JSON
            raise BadJson("A key has no `key`")
    elif not isinstance(key, str):
        raise BadJson("A key is a text or an object")
    return key_json(key)


def _key_name(name: str) -> tuple[str, str]:
    algorithm, _, key_id = name.partition(":")
    if not algorithm or not key_id or len(name) > KEY_ID_CHARS_MAX or "\x00" in name:
        raise InvalidParam("A key is named algorithm:key_id")
    return algorithm, key_id


def _convert(value: JsonObject, shape: type[Any]) -> Any:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise BadJson(str(error)) from None
