"""A programme in plain words, made from what it means to the machine and not from its comments."""

from typing import NamedTuple

from bongsu.desk.compensation.programme import Ask, Benefit, Bracket, Grant, Kind, Programme, Rule
from bongsu.desk.compensation.syntax_tree import Call, Const, Ident, Items, Tree
from bongsu.desk.compensation.vocabulary import FACTS, Words
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.desk.reports.money import format_amount

_AND, _OR = Words(" 그리고 ", " and "), Words(" 또는 ", " or ")
_EVERY_REPORT = Words("모든 신고", "every report")
_COMPARISONS = {
    "_<_": Words("{value} 미만", "less than {value}"),
    "_<=_": Words("{value} 이하", "at most {value}"),
    "_>_": Words("{value} 초과", "more than {value}"),
    "_>=_": Words("{value} 이상", "at least {value}"),
}
_KINDS = {
    Kind.MONEY: Words("{amount} 지급", "{amount} in money"),
    Kind.POINTS: Words("{amount}포인트", "{amount} points"),
    Kind.COUPON: Words("쿠폰 '{item}'", "the coupon “{item}”"),
    Kind.PLAN_CREDIT: Words("요금제 크레딧 {amount}", "{amount} of credit on the plan"),
    Kind.CHANNEL_CREDIT: Words("채널 크레딧 {amount}", "{amount} of channel credit"),
    Kind.STICKER_PACK: Words("이모티콘 '{item}'", "the sticker pack “{item}”"),
}
_ASKS = {
    Ask.REVIEW: Words("담당자가 심사해 정함", "a person reviews and decides"),
    Ask.EVIDENCE: Words(
        "증빙을 받아 담당자가 심사해 정함",
        "evidence is asked for, then a person reviews and decides",
    ),
}


class RuleInWords(NamedTuple):
    """`outcomes`: one line a bracket."""

    name: str
    title: str
    condition: str
    outcomes: tuple[str, ...]
    note: str


def explain_rules(programme: Programme, language: str) -> list[RuleInWords]:
    return [
        RuleInWords(
            rule.name,
            rule.title.in_language(language),
            explain_condition(rule.condition.tree if rule.condition else None, language),
            tuple(
                explain_bracket(rule, index, programme.currency, language)
                for index in range(len(rule.brackets))
            ),
            _group_note(rule, language),
        )
        for rule in programme.rules
    ]


def explain_condition(tree: Tree | None, language: str) -> str:
    return _EVERY_REPORT.in_language(language) if tree is None else _say(tree, language)


def explain_bracket(rule: Rule, index: int, currency: str, language: str) -> str:
    """Which losses the bracket takes and what it does for them."""
    bracket = rule.brackets[index]
    outcome = explain_outcome(bracket, currency, language)
    span = _span(rule.brackets, index, currency, language)
    return f"{span}: {outcome}" if span else outcome


def explain_outcome(bracket: Bracket, currency: str, language: str) -> str:
    if bracket.ask is not None:
        return _ASKS[bracket.ask].in_language(language)
    joiner = ", " if language != "en" else " and "
    return joiner.join(explain_benefit(benefit, currency, language) for benefit in bracket.gives)


def explain_benefit(benefit: Benefit, currency: str, language: str) -> str:
    in_money = benefit.unit.partition(".")[0] == currency and currency in CURRENCIES
    amount = format_amount(benefit.amount, currency) if in_money else f"{benefit.amount:,}"
    text = _KINDS[benefit.kind].in_language(language).format(amount=amount, item=benefit.item)
    return text + _validity(benefit, language)


def explain_grant(grant: Grant, language: str) -> str:
    return explain_benefit(grant.benefit, grant.benefit.unit.partition(".")[0], language)


def _validity(benefit: Benefit, language: str) -> str:
    if benefit.kind is Kind.MONEY:
        return ""
    if benefit.valid_days is None:
        return " (for ever)" if language == "en" else " (영구)"
    days = benefit.valid_days
    if language == "en":
        return f" (for {days} days; ends by itself, nothing is charged)"
    return f" ({days}일, 자동 갱신 없이 끝남)"


def _span(brackets: tuple[Bracket, ...], index: int, currency: str, language: str) -> str:
    before = brackets[index - 1].up_to if index else None
    up_to = brackets[index].up_to
    if before is None and up_to is None:
        return ""
    low = "" if before is None else format_amount(before, currency)
    high = "" if up_to is None else format_amount(up_to, currency)
    if language == "en":
        parts = (f"above {low}" if low else "", f"up to {high}" if high else "")
        return "Loss " + " and ".join(part for part in parts if part)
    parts = (f"{low} 초과" if low else "", f"{high} 이하" if high else "")
    return "손해 " + " ".join(part for part in parts if part)


def _group_note(rule: Rule, language: str) -> str:
    if not rule.group:
        return ""
    if language == "en":
        return f"Of the rules of group “{rule.group}” only the first that fits counts."
    return f"'{rule.group}' 묶음에서는 맞는 첫 규칙만 적용됩니다."


def _say(tree: Tree, language: str, *, inside: bool = False) -> str:
    match tree:
        case Call("_&&_" | "_||_" as function, arguments):
            joiner = (_AND if function == "_&&_" else _OR).in_language(language)
            text = joiner.join(
                _say(part, language, inside=not _is_same(part, function)) for part in arguments
            )
            return f"({text})" if inside else text
        case Call("!_", (part,)):
            said = _say(part, language, inside=True)
            return f"not: {said}" if language == "en" else f"{said} 아님"
        case Ident(name):
            return FACTS[name].words.in_language(language)
        case Call("@in", (Ident(name), Items(elements))):
            return _is_one_of(name, elements, language)
        case Call("@in", (Const() as value, Ident(name))):
            return _is_one_of(name, (value,), language)
        case Call(function, (Ident(name), Const(value))):
            return _compare(function, name, value, language)
        case _:
            raise AssertionError("conditions are held to their form")


def _is_same(tree: Tree, function: str) -> bool:
    return isinstance(tree, Call) and tree.function == function


def _is_one_of(name: str, elements: tuple[Tree, ...], language: str) -> str:
    codes = [
        _code(name, element.value, language) for element in elements if isinstance(element, Const)
    ]
    joiner = " or " if language == "en" else " 또는 "
    return f"{FACTS[name].words.in_language(language)}: {joiner.join(codes)}"


def _compare(function: str, name: str, value: bool | int | str, language: str) -> str:
    subject = FACTS[name].words.in_language(language)
    if isinstance(value, bool):
        is_so = value == (function == "_==_")
        if is_so:
            return subject
        return f"not: {subject}" if language == "en" else f"{subject} 아님"
    said = f"{value:,}" if isinstance(value, int) else _code(name, value, language)
    if function == "_==_":
        return f"{subject}: {said}"
    if function == "_!=_":
        return f"{subject}: not {said}" if language == "en" else f"{subject}: {said} 아님"
    return f"{subject}: {_COMPARISONS[function].in_language(language).format(value=said)}"


def _code(name: str, value: bool | int | str, language: str) -> str:
    words = FACTS[name].codes.get(str(value))
    return str(value) if words is None else words.in_language(language)
