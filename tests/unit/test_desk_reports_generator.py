"""The invented reports have the published proportions, and are the same for the same seed."""

from collections import Counter

from bongsu.desk.reports.catalogue import is_own
from bongsu.desk.reports.generator import (
    ABOUT_OPERATOR,
    DAY_MS,
    FIRST_DAYS_REPORTS,
    OPENED_TS,
    REPORTS,
    _draw,
    generate,
    generate_facts,
)
from bongsu.desk.reports.words import Category


def test_the_lots_are_the_published_numbers() -> None:
    from random import Random

    lots = _draw(Random(1), REPORTS)
    own = [lot for lot in lots if lot.is_own]
    assert (len(lots), len(own)) == (REPORTS, ABOUT_OPERATOR)
    assert sum(lot.is_paid for lot in own) == 14_918
    assert sum(lot.has_loss and not lot.is_paid for lot in own) == 13_195
    for field, shop_share in (("claimed", 10.2), ("category", 20.0)):
        found = Counter(getattr(lot, field) for lot in own)
        assert round(100 * found[Category.SHOP] / len(own), 1) == shop_share
        assert round(100 * found[Category.FIRM] / len(own), 1) == 0.2


def test_fewer_keep_the_proportions_and_the_seed_decides() -> None:
    made = list(generate(seed=7, count=2_000))
    assert made == list(generate(seed=7, count=2_000))
    assert made != list(generate(seed=8, count=2_000))
    assert len({each.submission.report_id for each in made}) == 2_000
    own = sum(is_own(each.submission.claim.services) for each in made)
    assert abs(own / 2_000 - ABOUT_OPERATOR / REPORTS) < 0.001
    early = sum(each.submission.received_ts < OPENED_TS + 5 * DAY_MS for each in made)
    assert early == round(2_000 * FIRST_DAYS_REPORTS / REPORTS)
    assert all(each.submission.received_ts < OPENED_TS + 19 * DAY_MS for each in made)


def test_facts_are_those_of_the_reports() -> None:
    facts = list(generate_facts(seed=7, count=50))
    assert [each.report_id for each in facts] == [
        each.submission.report_id for each in generate(seed=7, count=50)
    ]
    assert any(each.has_evidence and each.has_loss for each in facts)
