"""Signatures of JSON objects. Spec: appendices, "Signing JSON"."""

from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from typing import Any, cast

from nacl.exceptions import BadSignatureError
from nacl.exceptions import ValueError as NaclValueError
from nacl.signing import VerifyKey

from bongsu.rooms.canonical_json import canonical_json

KEY_BYTES = 32
SIGNATURE_BYTES = 64

JsonObject = Mapping[str, Any]


def unsigned_json(signed: JsonObject) -> bytes:
    """What a signature is of: the object without `signatures` and `unsigned`. `BadJson` if it
    has no canonical form."""
    rest = {name: each for name, each in signed.items() if name not in ("signatures", "unsigned")}
    return canonical_json(rest)


def is_signed(signed: JsonObject, signer: str, key_id: str, public_key: str) -> bool:
    """Whether `signer` signed the object with the ed25519 key `public_key` under that key id."""
    signature = signatures_of(signed, signer).get(key_id)
    key = decode_base64(public_key, KEY_BYTES)
    if not isinstance(signature, str) or key is None:
        return False
    raw = decode_base64(signature, SIGNATURE_BYTES)
    if raw is None:
        return False
    try:
        VerifyKey(key).verify(unsigned_json(signed), raw)
    except (BadSignatureError, NaclValueError):
        return False
    return True


def signatures_of(signed: JsonObject, signer: str) -> dict[str, Any]:
    """Signatures by `signer`, by key id; {} whatever else stands in their place."""
    by_user = signed.get("signatures")
    if not isinstance(by_user, dict):
        return {}
    found = cast(dict[str, Any], by_user).get(signer)
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def decode_base64(text: str, length: int) -> bytes | None:
    """`length` bytes from unpadded base64 of either alphabet; None if it is nothing of the kind."""
    if len(text) > 2 * length:
        return None
    try:
        data = text.replace("-", "+").replace("_", "/").rstrip("=").encode("ascii")
        raw = b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except (ValueError, Error):
        return None
    return raw if len(raw) == length else None
