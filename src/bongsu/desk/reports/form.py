"""The fields of the report form, checked: a claim and its personal part, or what is wrong where.

Nothing typed is thrown away: whoever shows the form again shows the very same texts. Texts may
hold anything that people write, markup too; only control characters are taken out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from bongsu.desk.reports.catalogue import CURRENCIES, SERVICES
from bongsu.desk.reports.claim import Claim, PayoutDetails, Personal
from bongsu.desk.reports.money import parse_amount
from bongsu.desk.reports.words import Category, Damage

Word = TypeVar("Word", bound=StrEnum)

TEXT_CHARS_MAX = {
    "name": 200,
    "contact": 320,
    "description": 5_000,
    "reckoning": 3_000,
    "payout_holder": 200,
    "payout_bank": 100,
    "payout_account": 64,
}
PAST_YEARS_MAX = 5
FUTURE_MINUTES_MAX = 10  # clocks differ
UTC_OFFSET_MINUTES = range(-12 * 60, 14 * 60 + 1, 15)
KOREA_OFFSET_MINUTES = 9 * 60

_COUNTRY = re.compile(r"[A-Z]{2}\Z")
# C0 and C1 controls but tab and line feed, lone surrogates, and marks that turn the direction of
# text round, by which a name can look like another one.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Checked:
    """`errors` by field, each a code of the texts; the parts are there if there are none."""

    errors: Mapping[str, str]
    claim: Claim | None = None
    personal: Personal | None = None


@dataclass
class _Fields:
    """Reads fields one by one and gathers what is wrong with them."""

    values: Mapping[str, Sequence[str]]
    errors: dict[str, str] = field(default_factory=dict[str, str])

    def one(self, name: str) -> str:
        values = self.values.get(name, ())
        return values[0].strip() if values else ""

    def text(self, name: str, *, required: bool = False) -> str:
        text = clean(self.one(name))
        if len(text) > TEXT_CHARS_MAX[name]:
            self.errors[name] = "too_long"
        elif required and not text:
            self.errors[name] = "missing"
        return text

    def word(self, name: str, words: type[Word]) -> Word | None:
        try:
            return words(self.one(name))
        except ValueError:
            self.errors[name] = "choose"
            return None


def clean(text: str) -> str:
    """`text` without control characters, its line ends made one kind."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def check_form(values: Mapping[str, Sequence[str]], *, language: str, now: int) -> Checked:
    """`values` as a browser sent them; `now` in ms."""
    fields = _Fields(values)
    category, damage = fields.word("category", Category), fields.word("damage", Damage)
    services = tuple(dict.fromkeys(values.get("services", ())))
    if not services or not set(services) <= set(SERVICES):
        fields.errors["services"] = "choose"
    offset = _offset(fields)
    started, ended = _period(fields, offset, now)
    amount, currency = _loss(fields)
    personal = _personal(fields, loss=amount)
    country = fields.one("country").upper()
    if country and not _COUNTRY.match(country):
        fields.errors["country"] = "choose"
    if fields.errors or category is None or damage is None or started is None:
        return Checked(fields.errors)
    claim = Claim(
        category, services, fields.one("is_paid") == "yes", damage, started, ended, amount,
        currency, country, language, offset,
    )  # fmt: skip
    return Checked({}, claim, personal)


def check_payout(
    values: Mapping[str, Sequence[str]],
) -> tuple[PayoutDetails | None, dict[str, str]]:
    """Where a payment goes, alone, with the errors by field; all of it is needed."""
    fields = _Fields(values)
    payout = _payout(fields, required=True)
    return None if fields.errors else payout, fields.errors


def _payout(fields: _Fields, *, required: bool = False) -> PayoutDetails | None:
    payout = PayoutDetails(
        fields.text("payout_holder"), fields.text("payout_bank"), fields.text("payout_account")
    )
    given = (payout.holder, payout.bank, payout.account)
    if (required or any(given)) and not all(given):
        for name, text in zip(("holder", "bank", "account"), given, strict=True):
            if not text:
                fields.errors.setdefault(f"payout_{name}", "payout_incomplete")
    return payout if all(given) else None


def _personal(fields: _Fields, *, loss: int | None) -> Personal:
    payout = _payout(fields)
    reckoning = fields.text("reckoning")
    if loss and not reckoning:
        fields.errors.setdefault("reckoning", "reckoning_missing")
    return Personal(
        fields.text("name"),
        fields.text("contact"),
        fields.text("description", required=True),
        reckoning,
        payout,
    )


def _offset(fields: _Fields) -> int:
    text = fields.one("utc_offset") or str(KOREA_OFFSET_MINUTES)
    try:
        offset = int(text[:8])
    except ValueError:
        offset = UTC_OFFSET_MINUTES.stop
    if offset not in UTC_OFFSET_MINUTES:
        fields.errors["utc_offset"] = "choose"
        return KOREA_OFFSET_MINUTES
    return offset


def _period(fields: _Fields, offset: int, now: int) -> tuple[int | None, int | None]:
    started, ended = _moment(fields, "started", offset), _moment(fields, "ended", offset)
    if started is None:
        fields.errors.setdefault("started", "missing")
        return None, None
    latest = now + FUTURE_MINUTES_MAX * 60_000
    if started > latest:
        fields.errors["started"] = "future"
    elif started < now - PAST_YEARS_MAX * 366 * 86_400_000:
        fields.errors["started"] = "long_ago"
    if ended is not None and ended > latest:
        fields.errors["ended"] = "future"
    elif ended is not None and ended < started:
        fields.errors["ended"] = "before_start"
    return started, ended


def _moment(fields: _Fields, name: str, offset: int) -> int | None:
    """What a `datetime-local` field sends, at `offset` minutes from UTC, in ms."""
    text = fields.one(name)
    if not text:
        return None
    try:
        local = datetime.strptime(text[:16].replace(" ", "T"), "%Y-%m-%dT%H:%M")
        moment = local.replace(tzinfo=UTC) - timedelta(minutes=offset)
        return int(moment.timestamp()) * 1000
    except (ValueError, OverflowError):
        fields.errors[name] = "no_time"
        return None


def _loss(fields: _Fields) -> tuple[int | None, str | None]:
    text, currency = fields.one("loss_amount"), fields.one("loss_currency") or "KRW"
    if currency not in CURRENCIES:
        fields.errors["loss_currency"] = "choose"
        return None, None
    if not text:
        return None, None
    amount = parse_amount(text, currency)
    if amount is None:
        fields.errors["loss_amount"] = "no_amount"
    return amount or None, currency if amount else None
