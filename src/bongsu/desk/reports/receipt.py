"""Receipt numbers: short enough to read out on the telephone, with a digit that catches slips.

    7K3M-92QF-0XC4      Crockford's base 32 (no I, L, O, U): 11 symbols and a check symbol

The check is the Luhn algorithm modulo 32: it finds every wrong symbol and nearly every swap of
neighbours. A receipt number is no secret: it opens nothing without the private link.
"""

import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SYMBOLS = 11
GROUP = 4
BITS = SYMBOLS * 5

_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
_MISREAD = str.maketrans("OIL", "011")
_SEPARATORS = re.compile(r"[\s\-‐-―]+")


def receipt_of(number: int) -> str:
    """The receipt number for `BITS` bits."""
    symbols = "".join(ALPHABET[number >> 5 * place & 31] for place in range(SYMBOLS))
    return _grouped(symbols + ALPHABET[_check(symbols)])


def parse_receipt(text: str) -> str | None:
    """The number that somebody typed, in its usual form; None if it cannot be one."""
    plain = _SEPARATORS.sub("", text[:64]).upper().translate(_MISREAD)
    if len(plain) != SYMBOLS + 1 or any(symbol not in _VALUES for symbol in plain):
        return None
    if ALPHABET[_check(plain[:-1])] != plain[-1]:
        return None
    return _grouped(plain)


def _check(symbols: str) -> int:
    """The value that makes the weighted sum a multiple of 32."""
    total = 0
    for place, symbol in enumerate(reversed(symbols)):
        addend = _VALUES[symbol] * (2 - place % 2)
        total += addend // 32 + addend % 32
    return -total % 32


def _grouped(symbols: str) -> str:
    return "-".join(symbols[start : start + GROUP] for start in range(0, len(symbols), GROUP))
