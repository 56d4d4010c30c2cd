"""The report form's choices, and what a form holds before anything is typed or from a version."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from starlette.datastructures import FormData

from bongsu.desk.reports.catalogue import CURRENCIES, SERVICES
from bongsu.desk.reports.form import KOREA_OFFSET_MINUTES, UTC_OFFSET_MINUTES
from bongsu.desk.reports.money import format_amount
from bongsu.desk.reports.view import Version
from bongsu.desk.reports.words import Category, Damage

Values = Mapping[str, Sequence[str]]

VALUES_MAX = 200
# Where people live: whole hours, and the halves and quarters that are in use.
_FRACTIONS = {-570, -210, 210, 270, 330, 345, 390, 525, 570, 630, 765}


class Choices(NamedTuple):
    categories: tuple[str, ...]
    services: tuple[str, ...]
    damages: tuple[str, ...]
    currencies: tuple[str, ...]
    offsets: tuple[tuple[int, str], ...]


def _offset_name(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


CHOICES = Choices(
    tuple(Category),
    SERVICES,
    tuple(Damage),
    tuple(CURRENCIES),
    tuple(
        (minutes, _offset_name(minutes))
        for minutes in UTC_OFFSET_MINUTES
        if minutes % 60 == 0 or minutes in _FRACTIONS
    ),
)


def values_of_form(form: FormData) -> dict[str, list[str]]:
    """What was typed, by field, as it was sent."""
    values: dict[str, list[str]] = {}
    for name, value in form.multi_items()[:VALUES_MAX]:
        if isinstance(value, str):
            values.setdefault(name, []).append(value)
    return values


def values_of_version(version: Version) -> dict[str, list[str]]:
    """The fields with which a version can be amended."""
    claim, personal = version.claim, version.personal
    offset = claim.utc_offset_minutes
    values = {
        "category": claim.category.value,
        "damage": claim.damage.value,
        "is_paid": "yes" if claim.is_paid else "",
        "started": _local(claim.started_ts, offset),
        "ended": _local(claim.ended_ts, offset),
        "utc_offset": str(offset),
        "loss_currency": claim.loss_currency or "KRW",
        "country": claim.country,
        "name": personal.name,
        "contact": personal.contact,
        "description": personal.description,
        "reckoning": personal.reckoning,
    }
    if claim.loss_amount and claim.loss_currency:
        values["loss_amount"] = format_amount(claim.loss_amount, claim.loss_currency).split()[0]
    if personal.payout is not None:
        values["payout_holder"] = personal.payout.holder
        values["payout_bank"] = personal.payout.bank
        values["payout_account"] = personal.payout.account
    return {"services": list(claim.services)} | {name: [text] for name, text in values.items()}


def empty_values() -> dict[str, list[str]]:
    """Without `utc_offset`: a script may know better than Korea's."""
    return {"loss_currency": ["KRW"], "country": [], "utc_offset": [str(KOREA_OFFSET_MINUTES)]}


def _local(ts: int | None, offset_minutes: int) -> str:
    if ts is None:
        return ""
    moment = datetime.fromtimestamp(ts / 1000, UTC) + timedelta(minutes=offset_minutes)
    return moment.strftime("%Y-%m-%dT%H:%M")
