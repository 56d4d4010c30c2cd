"""An invite that redeems a third-party invite, proved by a signature. Spec: auth rules, 5.4.1."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from itertools import islice, product
from typing import Any, cast

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from bongsu.errors import Forbidden
from bongsu.ids import UserId
from bongsu.rooms.canonical_json import canonical_json
from bongsu.rooms.event import Event, EventDraft
from bongsu.rooms.room_auth import RoomAuth

VERIFICATIONS_MAX = 64
"""Pairs of signature and key tried for one event; each costs some 60 us."""


def authorise_third_party_invite(event: Event | EventDraft, target: UserId, auth: RoomAuth) -> None:
    """Return if `content.third_party_invite` proves the invite, else raise `Forbidden`."""
    if auth.membership(target) == "ban":
        raise Forbidden(f"{target} is banned from the room")
    signed = _object(_object(event.content.get("third_party_invite")).get("signed"))
    token = signed.get("token")
    if signed.get("mxid") != target or not isinstance(token, str):
        raise Forbidden(f"The third-party invite is not signed over to {target}")
    invite = auth.third_party_invite(token)
    if invite is None:
        raise Forbidden("The room has no such third-party invite")
    inviter, content = invite
    if event.sender != inviter:
        raise Forbidden("The third-party invite is another user's")
    if not _is_signed(signed, _public_keys(content)):
        raise Forbidden("The third-party invite is not signed by a key that the room knows")


def _is_signed(signed: Mapping[str, Any], keys: list[bytes]) -> bool:
    bare = {key: value for key, value in signed.items() if key not in ("signatures", "unsigned")}
    message = canonical_json(bare)
    tries = product(_signatures(signed), keys)
    return any(_verifies(key, message, sig) for sig, key in islice(tries, VERIFICATIONS_MAX))


def _verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(key).verify(message, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def _signatures(signed: Mapping[str, Any]) -> list[bytes]:
    of_servers = _object(signed.get("signatures")).values()
    texts = [text for of_server in of_servers for text in _object(of_server).values()]
    return [decoded for text in texts if (decoded := _decode(text)) is not None]


def _public_keys(content: Mapping[str, Any]) -> list[bytes]:
    several = content.get("public_keys")
    holders = [content, *(cast("list[Any]", several) if isinstance(several, list) else [])]
    texts = [_object(holder).get("public_key") for holder in holders]
    return [decoded for text in texts if (decoded := _decode(text)) is not None]


def _decode(text: Any) -> bytes | None:
    """Base64 in the standard or URL-safe alphabet, padded or not; None if it is neither."""
    if not isinstance(text, str):
        return None
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (Base64Error, ValueError):
        return None


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
