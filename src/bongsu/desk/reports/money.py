"""Amounts as people type and read them. Inside they are whole numbers of the smallest unit."""

import re
from decimal import Decimal

from bongsu.desk.reports.catalogue import CURRENCIES

AMOUNT_MAX = 10**15  # smallest units: more than any damage, less than a bigint

_AMOUNT = re.compile(r"\d{1,16}(?:\.\d{1,2})?\Z", re.ASCII)
_SPACES = re.compile(r"[\s,'_]")


def parse_amount(text: str, currency: str) -> int | None:
    """`300,000` as smallest units of `currency`; None if it is no amount that there can be."""
    plain = _SPACES.sub("", text[:64])
    decimals = CURRENCIES.get(currency)
    if decimals is None or not _AMOUNT.match(plain):
        return None
    units = Decimal(plain).scaleb(decimals)
    if units != units.to_integral_value() or units > AMOUNT_MAX:
        return None
    return int(units)


def format_amount(amount: int, currency: str) -> str:
    """`300,000 KRW`, `12.50 USD`."""
    decimals = CURRENCIES.get(currency, 0)
    return f"{Decimal(amount).scaleb(-decimals):,.{decimals}f} {currency}"
