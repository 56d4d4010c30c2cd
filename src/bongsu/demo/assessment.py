"""Chapters four and five: who these people are, counted once more."""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bongsu.demo.intake import Intake, categories
from bongsu.demo.stage import People, Stage
from bongsu.demo.visitor import Visitor, hold

QUEUE = "/operator/reports"
AT_ONCE = 500
USERS = frozenset({"user", "paying_user", "driver"})
_OWN = "SELECT category, count(*) AS count FROM report WHERE is_own GROUP BY category"
_ALL = "SELECT category, count(*) AS count FROM report GROUP BY category"
_ACCEPTED = "SELECT count(*) AS count FROM report WHERE status = 'accepted'"


async def recount(stage: Stage, people: People, intake: Intake) -> str:
    """What called itself a user and is a small business is put right, with a reason."""
    before = await _shares(stage)
    wrong: dict[str, list[str]] = {}
    for one in intake.made:
        if one.submission.claim.category is not one.true_category:
            wrong.setdefault(one.true_category.value, []).append(one.submission.report_id)
    hold(bool(wrong), "the reports hold nothing to be recounted")
    for category, ids in sorted(wrong.items()):
        reason = "a business registration is attached"
        await _decide(people.assessor, ids, {"category": category, "reason": reason})
    rows = await stage.rows(_ALL)
    found = Counter({row["category"]: row["count"] for row in rows})
    hold(found == categories(intake.made), f"the recount gives {found}")
    count = sum(map(len, wrong.values()))
    return f"{count:,} reclassified; about us: {before} before, {await _shares(stage)} after"


async def accept(stage: Stage, people: People, intake: Intake) -> str:
    """All are accepted: what they get is for the rules to say."""
    ids = [one.submission.report_id for one in intake.made]
    await _decide(people.assessor, ids, {"status": "accepted", "reason": "plausible"})
    (row,) = await stage.rows(_ACCEPTED)
    hold(row["count"] == len(ids), f"{row['count']} of {len(ids)} are accepted")
    return f"{len(ids):,} reports accepted"


async def _decide(assessor: Visitor, ids: Sequence[str], change: dict[str, str]) -> None:
    for part in _parts(ids):
        fields = {**change, "address": "", "expected": str(len(part)), "id": part,
                  "bulk_id": secrets.token_urlsafe(12)}  # fmt: skip
        await assessor.post(f"{QUEUE}/bulk", fields, at=f"{QUEUE}/bulk?id={part[0]}")


async def _shares(stage: Stage) -> str:
    """Users, small businesses and larger firms among the reports about the operator itself."""
    counts = {row["category"]: row["count"] for row in await stage.rows(_OWN)}
    total = sum(counts.values())
    shares = (
        _share((counts.get(one, 0) for one in USERS), total),
        _share([counts.get("shop", 0)], total),
        _share([counts.get("firm", 0)], total),
    )
    return " / ".join(shares)


def _share(counts: Iterable[int], total: int) -> str:
    return f"{100 * sum(counts) / total:.1f} %"


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield list(ids[start : start + AT_ONCE])
