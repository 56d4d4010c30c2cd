"""The tree of causes: every one leads to a root, and each stands on something to be looked at."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bongsu.desk.investigation.items import Cause

DEPTH_MAX = 20


class Node(NamedTuple):
    cause_id: str
    cause: Cause
    children: "tuple[Node, ...]"


def tree(causes: Mapping[str, Cause]) -> tuple[Node, ...]:
    """The roots, each with what brought it about. Causes without a root are left out: `loops`."""
    below: dict[str, list[str]] = {}
    for cause_id, cause in causes.items():
        below.setdefault(cause.parent, []).append(cause_id)

    def node(cause_id: str, depth: int) -> Node:
        names = below.get(cause_id, ()) if depth < DEPTH_MAX else ()
        return Node(cause_id, causes[cause_id], tuple(node(name, depth + 1) for name in names))

    return tuple(node(cause_id, 1) for cause_id in below.get("", ()))


def loops(causes: Mapping[str, Cause]) -> list[str]:
    """Causes that lead to no root: their own cause, under an unknown one, or too deep."""
    return [cause_id for cause_id in causes if not _leads_to_root(causes, cause_id)]


def untied(
    causes: Mapping[str, Cause], evidence: Sequence[int], events: Sequence[str]
) -> list[str]:
    """Causes that neither one of `evidence` nor one of `events` supports."""
    return [
        cause_id
        for cause_id, cause in causes.items()
        if not (set(cause.evidence) & set(evidence) or set(cause.events) & set(events))
    ]


def _leads_to_root(causes: Mapping[str, Cause], cause_id: str) -> bool:
    for _ in range(DEPTH_MAX):
        cause = causes.get(cause_id)
        if cause is None:
            return False
        if not cause.parent:
            return True
        cause_id = cause.parent
    return False
