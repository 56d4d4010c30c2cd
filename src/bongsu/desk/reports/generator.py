"""Reports as they came in October 2022, made up from a seed: for tests, figures and the demo.

The numbers are those that were published: 105,116 reports in 19 days, 45,000 of them in the first
five; 87,195 about the operator itself, by 79.8 % users, 20 % small businesses and 0.2 % larger
firms after a recount (89.6, 10.2 and 0.2 % as they had named themselves); 14,918 who paid, 13,195
who did not and lost money, and 59,082 who did not and lost none. People, texts and amounts are
invented.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import msgspec

from bongsu.desk.reports.catalogue import OWN, PARTNERS, is_own
from bongsu.desk.reports.claim import Claim, PayoutDetails, StagedFile, Submission
from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.generator_texts import Writer
from bongsu.desk.reports.keys import derive
from bongsu.desk.reports.words import Category, Damage, Status

REPORTS = 105_116
ABOUT_OPERATOR = 87_195
FIRST_DAYS, FIRST_DAYS_REPORTS = 5, 45_000
DAYS = 19
FIRE_TS = 1_665_815_400_000  # 15 October 2022, 15:30 in Korea
OUTAGE_MS = (127 * 60 + 30) * 60_000
OPENED_TS = FIRE_TS + 4 * 86_400_000 + 3 * 3_600_000  # day five
DAY_MS = 86_400_000
SUSPICIOUS_SHARE = 0.01  # of reports that are another one's look-alike


class _Lot(NamedTuple):
    """What is drawn for one report: `claimed` by the reporter, and the category that is true."""

    claimed: Category
    category: Category
    is_own: bool
    is_paid: bool
    has_loss: bool


# How many of each; they add up to the published numbers.
_LOTS: dict[_Lot, int] = {
    _Lot(Category.FIRM, Category.FIRM, True, False, True): 174,
    _Lot(Category.SHOP, Category.SHOP, True, True, True): 1_500,
    _Lot(Category.SHOP, Category.SHOP, True, False, True): 4_700,
    _Lot(Category.SHOP, Category.SHOP, True, False, False): 2_694,
    # Small businesses that had called themselves users: what the recount found.
    _Lot(Category.USER, Category.SHOP, True, False, True): 4_000,
    _Lot(Category.USER, Category.SHOP, True, False, False): 4_045,
    _Lot(Category.PAYING_USER, Category.SHOP, True, True, True): 500,
    _Lot(Category.DRIVER, Category.DRIVER, True, True, True): 1_200,
    _Lot(Category.PAYING_USER, Category.PAYING_USER, True, True, False): 8_718,
    _Lot(Category.PAYING_USER, Category.PAYING_USER, True, True, True): 3_000,
    _Lot(Category.USER, Category.USER, True, False, True): 4_321,
    _Lot(Category.USER, Category.USER, True, False, False): 52_343,
    # About partners and affiliates.
    _Lot(Category.USER, Category.USER, False, False, False): 9_500,
    _Lot(Category.PAYING_USER, Category.PAYING_USER, False, True, True): 2_600,
    _Lot(Category.DRIVER, Category.DRIVER, False, True, True): 3_400,
    _Lot(Category.PARTNER, Category.PARTNER, False, False, True): 1_121,
    _Lot(Category.OTHER, Category.OTHER, False, False, False): 1_300,
}


class Generated(msgspec.Struct, frozen=True):
    """A report to send, what an assessor would find, and the content of its files by name."""

    submission: Submission
    form_key: str
    true_category: Category
    files: dict[str, bytes]


def generate(*, seed: int = 2022, count: int = REPORTS) -> Iterator[Generated]:
    """`count` reports in the order in which they come; with fewer than all, in proportion."""
    random = Random(seed)
    writer = Writer(random)
    lots = _draw(random, count)
    before: list[Generated] = []
    for number, (lot, received_ts) in enumerate(zip(lots, _arrivals(random, count), strict=True)):
        made = _generate(random, writer, lot, number, received_ts)
        if before and random.random() < SUSPICIOUS_SHARE:
            made = _look_alike(random, made, random.choice(before))
        elif len(before) < 500:
            before.append(made)
        else:
            before[random.randrange(500)] = made
        yield made


def generate_facts(*, seed: int = 2022, count: int = REPORTS) -> Iterator[ReportFacts]:
    """The same reports as rules see them before anybody has assessed them."""
    for made in generate(seed=seed, count=count):
        sent, claim = made.submission, made.submission.claim
        yield ReportFacts(
            sent.report_id, sent.receipt, sent.received_ts, 1, 0, Status.RECEIVED, claim.category,
            claim.category, claim.services, is_own(claim.services), claim.is_paid, claim.damage,
            claim.started_ts, claim.ended_ts, claim.loss_amount, claim.loss_amount,
            claim.loss_currency, len(sent.files), 0, claim.country, sent.account_id,
        )  # fmt: skip


def _draw(random: Random, count: int) -> list[_Lot]:
    """`count` lots in random order, in the published proportions (largest remainders)."""
    shares = {lot: number * count / REPORTS for lot, number in _LOTS.items()}
    numbers = {lot: int(share) for lot, share in shares.items()}
    by_remainder = sorted(shares, key=lambda lot: numbers[lot] - shares[lot])
    for lot in by_remainder[: count - sum(numbers.values())]:
        numbers[lot] += 1
    lots = [lot for lot, number in numbers.items() for _ in range(number)]
    random.shuffle(lots)
    return lots


def _arrivals(random: Random, count: int) -> list[int]:
    """When they come: many at first, then ever fewer, more by day than by night."""
    first = round(count * FIRST_DAYS_REPORTS / REPORTS)
    weights = [0.86**day for day in range(DAYS - FIRST_DAYS)]
    days = random.choices(range(FIRST_DAYS), [5, 4, 3.4, 3, 2.8], k=first)
    days += random.choices(range(FIRST_DAYS, DAYS), weights, k=count - first)
    return sorted(
        OPENED_TS + day * DAY_MS + int(random.betavariate(2, 2) * (DAY_MS - 1)) for day in days
    )


def _generate(
    random: Random, writer: Writer, lot: _Lot, number: int, received_ts: int
) -> Generated:
    form_key = f"{random.getrandbits(256):064x}"[:43]
    keys = derive(form_key)
    claim = _claim(random, lot, received_ts)
    personal = writer.personal(claim, lot.category)
    files = {}
    if claim.loss_amount and random.random() < 0.55:
        files = {
            writer.file_name(): b"%PDF-1.4 " + random.randbytes(random.randint(60, 400))
            for _ in range(random.choice((1, 1, 2)))
        }
    account = f"@user{number}:localhost" if random.random() < 0.82 else None
    staged = tuple(StagedFile(name, "", b"", len(content)) for name, content in files.items())
    submission = Submission(
        keys.report_id, keys.receipt, keys.link_hash, received_ts, "", account, claim, personal,
        staged,
    )  # fmt: skip
    return Generated(submission, form_key, lot.category, files)


def _claim(random: Random, lot: _Lot, received_ts: int) -> Claim:
    services = ["messages"] if lot.is_own else []
    services += random.sample(OWN[1:] if lot.is_own else PARTNERS[:-1], random.choice((0, 1, 1, 2)))
    if not services:
        services = [random.choice(PARTNERS[:-1])]
    if lot.category in (Category.SHOP, Category.FIRM) and "channel" not in services:
        services.append("channel")
    abroad = random.random() < 0.02
    started_ts = FIRE_TS + random.choice((0, 0, 0, 5, 12, 20)) * 60_000
    ended_ts = started_ts + int(OUTAGE_MS * random.choice((0.08, 0.1, 0.25, 0.5, 0.8, 1.0)))
    amount = _loss(random, lot.category) if lot.has_loss else None
    return Claim(
        lot.claimed, tuple(dict.fromkeys(services)), lot.is_paid, _damage(random, lot), started_ts,
        None if random.random() < 0.1 or ended_ts > received_ts else ended_ts, amount,
        "KRW" if amount else None,
        random.choice(("US", "JP", "CN", "AU", "CA", "DE")) if abroad else "KR",
        "en" if abroad else "ko", random.choice((-300, 60, 480)) if abroad else 540,
    )  # fmt: skip


def _damage(random: Random, lot: _Lot) -> Damage:
    if not lot.has_loss:
        return Damage.PAID_TIME if lot.is_paid else Damage.NO_ACCESS
    if lot.category in (Category.SHOP, Category.FIRM, Category.PARTNER):
        return Damage.LOST_SALES
    if lot.category is Category.DRIVER:
        return Damage.LOST_INCOME
    return random.choice((Damage.EXTRA_COST, Damage.EXTRA_COST, Damage.LOST_DATA, Damage.OTHER))


def _loss(random: Random, category: Category) -> int:
    """Won, as people round them: most of it small, with a long tail."""
    middle = {Category.FIRM: 15.5, Category.SHOP: 12.3, Category.DRIVER: 12.1}.get(category, 10.6)
    return max(1, round(random.lognormvariate(middle, 0.9) / 1_000)) * 1_000


def _look_alike(random: Random, made: Generated, other: Generated) -> Generated:
    """`made` with something of `other`: its account, payout account, files or text."""
    sent, theirs = made.submission, other.submission
    way = random.choice(("account", "payout", "text", "files"))
    if way == "account" and theirs.account_id is not None:
        sent = msgspec.structs.replace(sent, account_id=theirs.account_id)
    elif way == "files" and other.files:
        sent = msgspec.structs.replace(sent, files=theirs.files)
        return msgspec.structs.replace(made, submission=sent, files=other.files)
    elif way == "payout":
        payout = theirs.personal.payout or PayoutDetails("박모아", "모아은행", "999-01")
        personal = msgspec.structs.replace(sent.personal, payout=payout)
        sent = msgspec.structs.replace(sent, personal=personal)
    else:
        text = theirs.personal.description + random.choice(
            (" 부탁드립니다.", "!!", " 확인 바랍니다.")
        )
        personal = msgspec.structs.replace(sent.personal, description=text)
        sent = msgspec.structs.replace(sent, personal=personal)
    return msgspec.structs.replace(made, submission=sent)
