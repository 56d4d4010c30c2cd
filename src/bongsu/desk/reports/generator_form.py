"""An invented report as the form that its reporter sends. Times are UTC there (`utc_offset` 0)."""

import time

from bongsu.desk.reports.generator import Generated

_LOCAL_TIME = "%Y-%m-%dT%H:%M"


def form_fields(report: Generated) -> list[tuple[str, str]]:
    """All fields but the form's token. `report.files` go along as files named `evidence`."""
    claim, personal = report.submission.claim, report.submission.personal
    fields = [
        ("form_key", report.form_key),
        ("category", claim.category.value),
        ("damage", claim.damage.value),
        ("started", _local(claim.started_ts)),
        ("ended", _local(claim.ended_ts)),
        ("utc_offset", "0"),
        ("country", claim.country),
        ("loss_amount", str(claim.loss_amount or "")),
        ("loss_currency", "KRW"),
        ("description", personal.description),
        ("reckoning", personal.reckoning),
        ("name", personal.name),
        ("contact", personal.contact),
        *(("services", service) for service in claim.services),
    ]
    if claim.is_paid:
        fields.append(("is_paid", "yes"))
    if personal.payout is not None:
        fields += [
            ("payout_holder", personal.payout.holder),
            ("payout_bank", personal.payout.bank),
            ("payout_account", personal.payout.account),
        ]
    return fields


def _local(ts: int | None) -> str:
    return "" if ts is None else time.strftime(_LOCAL_TIME, time.gmtime(ts / 1000))
