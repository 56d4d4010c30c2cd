"""Tokens that stand for one position: of messages to a device, of changed thread subscriptions."""

from bongsu.errors import InvalidParam
from bongsu.sync.token import POSITION_MAX

DIGITS_MAX = 19


def encode_cursor(position: int, incarnation: bytes) -> str:
    return f"{incarnation.hex()}_{position}"


def parse_cursor(text: str, incarnation: bytes, name: str) -> int | None:
    """The position; None for a token of another incarnation, which says nothing here.

    `InvalidParam` if the parameter of that name is no token.
    """
    mark, _, digits = text.partition("_")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX):
        raise InvalidParam(f"{name} is not a token")
    position = int(digits)
    if position > POSITION_MAX:
        raise InvalidParam(f"{name} is not a token")
    return position if mark == incarnation.hex() else None
