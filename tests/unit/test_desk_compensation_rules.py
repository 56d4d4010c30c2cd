"""Programmes: read from their text, said in words, evaluated over one report."""

from importlib.resources import files

import msgspec
import pytest

from bongsu.desk.compensation.condition import ConditionError, Conditions, parse_condition
from bongsu.desk.compensation.evaluating import Evaluator, loss_in
from bongsu.desk.compensation.explaining import explain_condition, explain_grant, explain_rules
from bongsu.desk.compensation.programme import Ask, Programme, ProgrammeRefused
from bongsu.desk.compensation.text_form import parse_programme
from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.words import Category, Damage, Status

DAY_76 = (files("bongsu.desk.compensation") / "examples" / "day-76.yaml").read_text("utf-8")
REPORT = ReportFacts(
    "r1", "0000-0000-0000", 1_000_000_000, 1, 1, Status.ACCEPTED, Category.USER, Category.USER,
    ("messages",), True, False, Damage.LOST_SALES, 0, 3_600_000, 200_000, 200_000, "KRW", 0, 0,
    "KR", None,
)  # fmt: skip


def day_76() -> Programme:
    return parse_programme(DAY_76)[0]


def outcome(**changes: object):
    return Evaluator(day_76()).outcome(msgspec.structs.replace(REPORT, **changes))


# --- conditions


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("loss >", "mismatched input"),
        ('loss == "a"', "no matching overload"),
        ("losses > 3", "undeclared reference"),
        ("loss", "true or false"),
        ('category == "shops"', "no category"),
        ('"taxis" in services', "no services"),
        ('country == "Korea"', "no country code"),
        ("loss + 1 > 3", "said in words"),
        ("size(services) > 1", "said in words"),
        ('services.exists(s, s == "taxi")', "said in words"),
        ("[1, 2].map(x, x).size() > 1", "said in words"),
        ("true", "said in words"),
        ("__import__('os').system('id') == 0", "undeclared reference"),
        ("(" * 500 + "paid" + ")" * 500, "longer than"),
        ("(" * 100 + "paid" + ")" * 100, "recursion"),
    ],
)
def test_a_condition_that_is_none_is_refused(source: str, said: str) -> None:
    with pytest.raises(ConditionError, match=said):
        parse_condition(source)


def test_a_refused_condition_names_the_place() -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition('paid &&\n  category = "x"')
    assert (caught.value.line, caught.value.column) == (2, 12)


@pytest.mark.parametrize(
    ("source", "ko", "en"),
    [
        ('category in ["shop", "firm"] && !paid',
         "분류: 소상공인 또는 기업 그리고 유료 이용 아님",
         "category: small business or larger firm and not: a paid service"),
        ('"taxi" in services || (loss > 500000 && evidence_accepted >= 1)',
         "서비스: 택시 또는 (금전 손해액: 500,000 초과 그리고 인정된 증빙 수: 1 이상)",
         "services: taxi or (loss in money: more than 500,000 and accepted files of evidence: "
         "at least 1)"),
        ('country != "KR" && paid == false && loss < 1 && evidence <= 2 && evidence == 0',
         "국가: KR 아님 그리고 유료 이용 아님 그리고 금전 손해액: 1 미만 그리고 증빙 수: 2 이하 "
         "그리고 증빙 수: 0",
         "country: not KR and not: a paid service and loss in money: less than 1 and files of "
         "evidence: at most 2 and files of evidence: 0"),
    ],
)  # fmt: skip
def test_a_condition_is_said_in_words(source: str, ko: str, en: str) -> None:
    tree = parse_condition(source).tree
    assert (explain_condition(tree, "ko"), explain_condition(tree, "en")) == (ko, en)


def test_lists_of_services_are_seen_as_lists() -> None:
    conditions = Conditions([parse_condition('"taxi" in services')])
    assert conditions.holding({"services": ("messages", "taxi")}) == [0]
    assert conditions.holding({"services": ("messages",)}) == []


def test_an_evaluation_that_fails_is_never_taken_for_no() -> None:
    conditions = Conditions([parse_condition("loss > 3")])
    with pytest.raises((AssertionError, RuntimeError)):
        conditions.holding({"loss": "many"})


# --- the text


def test_the_example_is_read_and_said_in_words() -> None:
    programme = day_76()
    assert [rule.name for rule in programme.rules] == [
        "loss-in-money", "loss-of-businesses", "channel-credit", "taxi-drivers",
    ]  # fmt: skip
    words = explain_rules(programme, "ko")
    assert words[0].outcomes == (
        "손해 300,000 KRW 이하: 30,000 KRW 지급",
        "손해 300,000 KRW 초과 500,000 KRW 이하: 50,000 KRW 지급",
        "손해 500,000 KRW 초과: 증빙을 받아 담당자가 심사해 정함",
    )
    assert explain_rules(programme, "en")[3].outcomes == ("7,548 points (for ever)",)
    said = [explain_grant(grant, "en") for grant in programme.grants]
    assert said[0] == "the sticker pack “cheer-for-ever” (for ever)"
    assert said[1].endswith("(for 90 days; ends by itself, nothing is charged)")


def problems(text: str) -> dict[int, str]:
    with pytest.raises(ProgrammeRefused) as caught:
        parse_programme(text)
    return {problem.line: problem.words.en for problem in caught.value.problems}


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("loss_up_to: 500_000", "loss_up_to: 200_000", "small to large"),
        ("give: {money: 30_000}", "give: {money: 30,000}", "unknown '000'"),
        ("give: {money: 30_000}", "give: {money: 30.5}", "whole number"),
        ("give: {money: 30_000}", "give: {money: -5}", "whole number"),
        ("give: {money: 30_000}", "give: {gold: 5}", "unknown 'gold'"),
        ("give: {money: 30_000}", "give: {money: 5, points: 5}", "name one of"),
        ("give: {money: 30_000}", "give: {money: 5, valid_days: 9}", "does not expire"),
        ("currency: KRW", "currency: WON", "no currency"),
        ("valid_days: 365", "auto_renew: true", "nothing renews itself"),
        ("ask: evidence", "ask: nicely", "review or evidence"),
        ("claim_until: 2027-12-31", "claim_until: 2027-13-31", "write the date"),
        ("give: {sticker_pack: cheer-for-ever}", "give: {money: 1_000}", "cannot be money"),
        ("rule: taxi-drivers", "rule: channel-credit", "stands here twice"),
        ("rule: taxi-drivers", "rule: Taxi Drivers", "names are of"),
        ("programme: day-76", "programme: &a day-76", "anchors"),
        ("group: money", "group: money\n    group: money", "stands here twice"),
        ("  - ask: evidence", "  - loss_up_to: 9_999_999", "give and ask"),
    ],
)
def test_a_slip_is_told_with_its_line(old: str, new: str, said: str) -> None:
    text = DAY_76.replace(old, new, 1)
    found = problems(text)
    at = line_of(DAY_76, old) + new.count("\n")
    assert any(said in text for text in found.values()), found
    assert any(abs(line - at) <= 1 for line in found), (found, at)


def test_a_slip_in_a_condition_over_several_lines_is_told_with_its_line() -> None:
    old = 'when: category in ["shop", "firm"]'
    text = DAY_76.replace(old, 'when: |\n      category in ["shop"] &&\n      losses > 3', 1)
    assert problems(text)[line_of(text, "losses > 3")].startswith("undeclared reference")


def test_all_slips_are_told_at_once() -> None:
    text = DAY_76.replace("currency: KRW", "currency: WON").replace("ask: evidence", "ask: x")
    assert len(problems(text)) >= 3


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b", "just words", "a: [", "\x00", "a: b\n\ta: b", "{" * 5000, "x" * 70_000,
     "!!python/object/apply:os.system [id]", "programme: *x"],
)  # fmt: skip
def test_what_is_no_programme_is_refused(text: str) -> None:
    assert problems(text)


def test_rules_that_ask_for_the_country_are_pointed_out() -> None:
    text = DAY_76.replace("when: own_service && has_loss", 'when: country == "KR" && has_loss', 1)
    _, warnings = parse_programme(text)
    assert [warning.line for warning in warnings] == [line_of(text, "country ==")]


# --- evaluation


@pytest.mark.parametrize(
    ("loss", "money"), [(1, 30_000), (300_000, 30_000), (300_001, 50_000), (500_000, 50_000)]
)
def test_brackets_include_their_upper_end(loss: int, money: int) -> None:
    assert outcome(loss_amount=loss).money() == money


def test_above_the_brackets_a_person_decides() -> None:
    result = outcome(loss_amount=500_001)
    assert (result.money(), [asked.ask for asked in result.asked]) == (0, [Ask.EVIDENCE])


def test_benefits_of_several_rules_add_up() -> None:
    units = [(a.benefit.unit, a.benefit.amount) for a in outcome(category=Category.SHOP).awards]
    assert units == [("KRW", 30_000), ("KRW.CHANNEL_CREDIT", 50_000)]


def test_no_loss_gives_no_money() -> None:
    assert outcome(loss_amount=None) == ((), ())


def test_drivers_on_a_plan_get_points() -> None:
    driver = outcome(
        category=Category.DRIVER, is_paid=True, services=("taxi",), is_own=False, loss_amount=None
    )
    assert [(award.benefit.unit, award.benefit.amount) for award in driver.awards] == [
        ("POINTS", 7_548)
    ]


def test_of_a_group_only_the_first_rule_counts() -> None:
    text = DAY_76.replace("group: money", "group: a").replace("rule: loss-in-money", "rule: first")
    rule = 'own_service && has_loss && category in ["user", "paying_user", "driver", "other"]'
    text = text.replace(f"when: {rule}", "when: has_loss", 1)
    found = Evaluator(parse_programme(text)[0]).outcome(
        msgspec.structs.replace(REPORT, category=Category.SHOP)
    )
    assert [award.rule for award in found.awards] == ["first", "channel-credit"]


def test_losses_abroad_are_reckoned_in_whole_numbers() -> None:
    programme = day_76()
    abroad = msgspec.structs.replace(
        REPORT, country="US", loss_amount=20_979, loss_currency="USD"
    )  # 209.79 dollars at 1,430
    assert loss_in(programme, abroad) == 299_999
    assert Evaluator(programme).outcome(abroad).money() == 30_000


def test_a_loss_without_a_rate_goes_to_a_person() -> None:
    result = outcome(loss_amount=5_000, loss_currency="THB", country="TH")
    assert (result.money(), [asked.ask for asked in result.asked]) == (0, [None])
