"""Tokens that stand for positions: of messages to a device, of changed thread subscriptions."""

from bongsu.errors import InvalidParam
from bongsu.sync.token import POSITION_MAX

DIGITS_MAX = 19


def encode_cursor(incarnation: bytes, *positions: int) -> str:
    return "_".join((incarnation.hex(), *map(str, positions)))


def parse_cursor(text: str, incarnation: bytes, count: int, name: str) -> list[int] | None:
    """So many positions; None for a token of another incarnation, which says nothing here.

    `InvalidParam` if the parameter of that name is no token.
    """
    mark, *numbers = text.split("_", count)
    if len(numbers) != count or not all(map(_is_number, numbers)):
        raise InvalidParam(f"{name} is not a token")
    positions = list(map(int, numbers))
    if max(positions) > POSITION_MAX:
        raise InvalidParam(f"{name} is not a token")
    return positions if mark == incarnation.hex() else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
