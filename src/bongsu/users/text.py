"""Texts that people choose, bounded before they reach a table."""

from bongsu import ids
from bongsu.errors import InvalidParam, Refused
from bongsu.ids import DeviceId, UserId

DEVICE_ID_BYTES_MAX = 255
DISPLAY_NAME_BYTES_MAX = 1024
PASSWORD_BYTES_MAX = 512


def bounded(name: str, text: str, bytes_max: int) -> str:
    """`text` if it fits; `InvalidParam` if it is too long, holds a NUL or is not UTF-8."""
    try:
        fits = len(text) <= bytes_max and len(text.encode()) <= bytes_max
    except UnicodeEncodeError:
        fits = False
    if not fits or "\x00" in text:
        raise InvalidParam(
            f"{name} is longer than {bytes_max} bytes or holds characters it may not"
        )
    return text


def device_id(text: str) -> DeviceId:
    if not text:
        raise InvalidParam("device_id is empty")
    return DeviceId(bounded("device_id", text, DEVICE_ID_BYTES_MAX))


def display_name(text: str | None) -> str | None:
    return None if text is None else bounded("display name", text, DISPLAY_NAME_BYTES_MAX)


def password(text: str) -> str:
    """A password to be set. It is bounded, never cut: argon2 hashes all of it."""
    if not text:
        raise Refused("The password is empty", code="M_WEAK_PASSWORD")
    return bounded("password", text, PASSWORD_BYTES_MAX)


def new_user_id(localpart: str, server_name: str) -> UserId:
    """The id of a user about to be made; M_INVALID_USERNAME outside the grammar of localparts."""
    user_id = f"@{localpart}:{server_name}"
    if not ids.is_localpart(localpart) or len(user_id) > ids.ID_BYTES_MAX:
        raise Refused(
            "A username is made of a-z, 0-9, '.', '_', '=', '-', '/' and '+'",
            code="M_INVALID_USERNAME",
        )
    return UserId(user_id)


def local_user_id(user: str, server_name: str) -> UserId | None:
    """Whom somebody means who logs in as `user`, a user id or a localpart; None if nobody here."""
    localpart, _, domain = user.removeprefix("@").partition(":")
    if (user.startswith("@") and domain != server_name) or (not user.startswith("@") and domain):
        return None
    found = f"@{localpart.lower()}:{server_name}"
    return UserId(found) if ids.is_user_id(found) else None
