"""What is no money reaches the systems that grant it: each line once, and what failed again."""

import asyncio
import csv
import io
import json
import re
from collections import Counter

import pytest
from fixtures.compensation_house import DAY_76, NAME, CompensationHouse, batch_id
from fixtures.desk_house import DeskHouse
from harness.desk import PASSWORD, File
from harness.desk_api import call

from bongsu.desk.audit import Act
from bongsu.desk.compensation.benefit_files import BenefitAnswers, LineAnswer, answers_of
from bongsu.desk.compensation.benefits import Benefits, Line, State, Waiting
from bongsu.desk.compensation.payouts import ResultRefused
from bongsu.desk.compensation.programme import Kind
from bongsu.desk.roles import Role
from bongsu.errors import InvalidParam, Refused
from bongsu.postgres.desk.benefit_store import PostgresBenefits
from bongsu.postgres.desk.report_store import PostgresReports

CREDIT = Kind.CHANNEL_CREDIT
OP = "@op:x"
PAGES = "/operator/compensation/benefits"
API = "/api/compensation/benefit-batches"


class BenefitHouse:
    def __init__(self, compensation: CompensationHouse) -> None:
        self.compensation = compensation
        self.benefits = Benefits(PostgresBenefits(compensation.database), compensation.clock)

    async def shops(self, count: int) -> list[str]:
        """Shops with an account each, given 50,000 of channel credit."""
        await self.compensation.approved()
        ids = await self.compensation.add_reports([1_000] * count, category="shop")
        await self.compensation.database.execute(
            "UPDATE report SET account_id = '@=' || report_id || ':example.org'"
        )
        await self.compensation.deciding.decide_all(OP, NAME)
        return ids

    async def batch(self, seed: str, kind: Kind = CREDIT) -> list[Line]:
        made = await self.benefits.make_batch(OP, batch_id(seed), kind)
        return [*(await self.benefits.open(OP, made.batch_id))[1]]

    async def answer(self, seed: str, **statuses: str) -> int:
        """Statuses by the last digits of the lines."""
        lines = [LineAnswer(f"{batch_id(seed)}-{n[1:]:>05}", status)
                 for n, status in statuses.items()]  # fmt: skip  # pyright: ignore
        answers = answers_of(BenefitAnswers(batch_id(seed), lines))
        return await self.benefits.take(OP, batch_id(seed), answers)


@pytest.fixture
def house(compensation: CompensationHouse) -> BenefitHouse:
    return BenefitHouse(compensation)


async def test_what_is_given_is_handed_over_once_and_what_failed_again(house: BenefitHouse) -> None:
    await house.shops(3)
    lines = await house.batch("one")
    assert [(line.amount, line.unit) for line in lines] == [(50_000, "KRW.CHANNEL_CREDIT")] * 3
    assert all(line.account_id.endswith(":example.org") for line in lines)
    assert all(line.valid_until_ts for line in lines)  # a year
    assert await house.batch("one") == lines  # ordered twice, taken twice: the same lines
    with pytest.raises(Refused, match="Nothing of this kind"):
        await house.batch("two")
    with pytest.raises(Refused, match="another kind"):
        await house.benefits.make_batch(OP, batch_id("one"), Kind.POINTS)
    assert await house.answer("one", n1="granted", n2="failed", n3="pending") == 2
    assert await house.answer("one", n1="granted", n2="failed", n3="pending") == 0
    (again,) = await house.batch("two")  # the third is still under way
    assert again.line_id != lines[1].line_id
    assert again.reference == lines[1].reference
    assert await house.answer("two", n1="granted") == 1
    assert await house.answer("one", n3="granted") == 1
    with pytest.raises(Refused, match="Nothing of this kind"):
        await house.batch("three")
    with pytest.raises(Refused, match="All lines are answered"):
        await house.benefits.open(OP, batch_id("one"))


async def test_an_answer_counts_whole_or_not_at_all(house: BenefitHouse) -> None:
    await house.shops(2)
    await house.batch("one")
    await house.answer("one", n1="granted")
    for statuses in ({"n2": "granted", "n3": "granted"}, {"n2": "granted", "n1": "failed"}):
        with pytest.raises(ResultRefused):
            await house.answer("one", **statuses)
    twice = [LineAnswer(f"{batch_id('one')}-00002", each) for each in ("granted", "failed")]  # pyright: ignore
    for answers in (
        BenefitAnswers(batch_id("one"), twice), BenefitAnswers("OTHER123", twice[:1]),
    ):  # fmt: skip
        with pytest.raises(ResultRefused):
            await house.benefits.take(OP, batch_id("one"), answers_of(answers))
    _, lines = await house.benefits.batch(batch_id("one"))
    assert [line.state for line in lines] == [State.GRANTED, State.SENT]


async def test_more_is_given_later_and_the_difference_is_handed_over(house: BenefitHouse) -> None:
    await house.shops(1)
    await house.batch("one")
    more = DAY_76.replace("channel_credit: 50_000", "channel_credit: 80_000")
    await house.compensation.approved(more, based_on=1)
    await house.compensation.deciding.decide_all(OP, NAME)
    assert (await house.benefits.waiting())[CREDIT] == Waiting(0, 0)  # one at a time is under way
    await house.answer("one", n1="granted")
    (line,) = await house.batch("two")
    assert line.amount == 30_000


async def test_who_has_no_account_is_counted_and_who_was_erased_gets_nothing(
    house: BenefitHouse,
) -> None:
    ids = await house.shops(4)
    database = house.compensation.database
    await database.execute("UPDATE report SET account_id = NULL WHERE report_id = $1", ids[0])
    await database.execute("UPDATE report SET status = 'refused' WHERE report_id = $1", ids[1])
    assert (await house.benefits.waiting())[CREDIT] == Waiting(2, 1)
    await house.benefits.make_batch(OP, batch_id("one"), CREDIT)
    await PostgresReports(database).erase(ids[2], None, 1, Act("reporter", "reports.erase", ids[2]))
    _, lines = await house.benefits.open(OP, batch_id("one"))
    assert len(lines) == 1
    _, lines = await house.benefits.batch(batch_id("one"))
    assert Counter((line.state, line.reason) for line in lines) == {
        (State.SENT, ""): 1, (State.FAILED, "erased"): 1,
    }  # fmt: skip
    assert not [line for line in lines if line.state is State.FAILED and line.account_id]


async def test_grants_are_handed_over_once_however_many_make_batches(house: BenefitHouse) -> None:
    """Of 60 claims each is in one batch, though five are made at the same moment."""
    compensation = house.compensation
    await compensation.approved()
    for number in range(30):
        for name in ("stickers-one", "stickers-for-ever"):
            await compensation.grants.claim(f"@u{number}:example.org", NAME, name)
    pack = Kind.STICKER_PACK
    made = await asyncio.gather(
        *(house.benefits.make_batch(OP, batch_id(f"{n}"), pack) for n in range(5)),
        return_exceptions=True,
    )
    batches = [each for each in made if not isinstance(each, BaseException)]
    assert {type(each) for each in made if isinstance(each, BaseException)} <= {Refused}
    lines = [line for each in batches for line in (await house.benefits.batch(each.batch_id))[1]]
    assert len(lines) == len({(line.account_id, line.unit) for line in lines}) == 60
    assert {line.unit for line in lines} == {
        "STICKER_PACK.thanks-90",
        "STICKER_PACK.cheer-for-ever",
    }
    assert {line.valid_until_ts is None for line in lines if "ever" in line.unit} == {True}
    with pytest.raises(InvalidParam):
        await house.benefits.make_batch(OP, batch_id("money"), Kind.MONEY)


async def test_pages_and_programs_hand_over_the_same(desk_house: DeskHouse) -> None:
    house = BenefitHouse(CompensationHouse(desk_house.database, desk_house.parts.sealer))
    await house.shops(3)
    one = await desk_house.operator("one", Role.APPROVER)
    page = await one.get(PAGES)
    (name,) = re.findall(r'name="batch" value="([A-Z0-9]+)"', page.text)
    page = await one.post(PAGES, {"batch": name, "kind": "channel_credit"}, form_at=PAGES)
    here = f"{PAGES}/{name}"
    assert page.path == here
    file = await one.post(f"{here}/export", {"form": "csv"}, form_at=here)
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert len(rows) == 3
    assert all(row["account"].startswith("matrix:u/%3D") for row in rows)  # never a formula
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@"[:4] and cell]
    token = await desk_house.parts.people.sign_in("one", PASSWORD)
    status, told = await call(desk_house, "POST", f"{API}/{name}/export", token=token)
    assert status == 200
    assert [line["line"] for line in told["lines"]] == [row["line"] for row in rows]
    assert all(line["account"].startswith("@=") for line in told["lines"])

    bad = f"batch,line,status\n{name},{rows[0]['line']},done\n".encode()
    page = await one.post(f"{here}/result", files=[File("result", "a.csv", bad)], form_at=here)
    assert page.status == 400
    assert "no status" in page.text
    page = await one.post(
        f"{here}/result?lang=ko", files=[File("result", "a.csv", bad)], form_at=here
    )
    assert "2번째 줄: &#39;done&#39;은(는) 상태가 아닙니다" in page.text
    good = f"batch,line,status,reason\n{name},{rows[0]['line']},failed,'=no such\n".encode()
    page = await one.post(f"{here}/result", files=[File("result", "a.csv", good)], form_at=here)
    assert "=no such" in page.text
    answers = {"batch": name, "lines": [
        {"line": row["line"], "status": "granted"} for row in rows[1:]
    ]}  # fmt: skip
    for changed in (2, 0):
        body = json.dumps(answers).encode()
        told = await call(desk_house, "POST", f"{API}/{name}/answers", token=token, body=body)
        assert told == (200, {"changed": changed})
    _, told = await call(desk_house, "GET", API, token=token)
    assert told["batches"][0]["states"] == {"granted": 2, "failed": 1}
    (waiting,) = [each for each in told["waiting"] if each["kind"] == "channel_credit"]
    assert waiting["ready"] == 1
    acts = await desk_house.parts.audit.list_latest(100)
    assert Counter(each.action for each in acts if "benefits" in each.action
                   or "granted" in each.action) == {
        "compensation.make_benefits": 1, "compensation.open_benefits": 2,
        "compensation.take_granted": 2,
    }  # fmt: skip
