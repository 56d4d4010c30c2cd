"""The filter of the queue as a condition. All that operators typed travels as arguments."""

from collections.abc import Callable
from typing import Any

from bongsu.desk.assessment.queue import Filter
from bongsu.desk.reports.marks import MarkKind

_MARKED = """EXISTS (SELECT FROM report_mark AS marked
                      WHERE marked.report_id = report.report_id
                        AND marked.kind = {kind} AND marked.mark = {mark})"""

# Field: condition, with {} for its argument.
_LISTS = {
    "statuses": "status = ANY({}::text[])",
    "categories": "category = ANY({}::text[])",
    "claimed_categories": "claimed_category = ANY({}::text[])",
    "services": "services && {}::text[]",
    "damages": "damage = ANY({}::text[])",
    "report_ids": "report_id = ANY({}::text[])",
}
_VALUES = {
    "is_own": "is_own = {}",
    "is_paid": "is_paid = {}",
    "has_loss": "(coalesce(loss_amount, 0) > 0) = {}",
    "loss_min": "loss_amount >= {}",
    "loss_max": "loss_amount <= {}",
    "has_evidence": "(evidence_count > 0) = {}",
    "is_assessed": "(assessment > 0) = {}",
    "is_amended": "(assessment > 0 AND version > assessed_version) = {}",
    "received_from": "received_ts >= {}",
    "received_to": "received_ts < {}",
    "country": "country = {}",
    "account_id": "account_id = {}",
    "receipt": "receipt = {}",
}


def conditions(wanted: Filter, arguments: list[Any]) -> str:
    """A condition on `report`; its arguments are added to `arguments`."""

    def bind(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    found = ["true"]
    for name, condition in _LISTS.items():
        if values := getattr(wanted, name):
            found.append(condition.format(bind(list(values))))
    for name, condition in _VALUES.items():
        if (value := getattr(wanted, name)) is not None:
            found.append(condition.format(bind(value)))
    if wanted.mark is not None:
        kind, mark = wanted.mark
        found.append(_MARKED.format(kind=f"{bind(kind)}::smallint", mark=bind(mark)))
    if wanted.words or wanted.contact_mark is not None:
        found.append(_searched(wanted, bind))
    return " AND ".join(found)


def _searched(wanted: Filter, bind: Callable[[Any], str]) -> str:
    """Words in the texts, or a contact that is just this."""
    either: list[str] = []
    if wanted.words:
        either.append(f"words @> {bind(list(wanted.words))}::bigint[]")
    if wanted.contact_mark is not None:
        mark = bind(wanted.contact_mark)
        either.append(
            "report_id IN (SELECT report_id FROM report_mark"
            f" WHERE kind = {int(MarkKind.CONTACT)} AND mark = {mark})"
        )
    return f"({' OR '.join(either)})"
