"""The text form of a programme, as a lawyer writes and reads it, and its reading.

programme: day-76
title: {ko: 보상안, en: Compensation}
currency: KRW
rules:
  - rule: users-with-a-loss
    title: {ko: …, en: …}
    when: category == "user" && has_loss
    brackets:
      - loss_up_to: 300_000
        give: {money: 30_000}
      - ask: evidence
grants:
  - grant: stickers
    title: {ko: …, en: …}
    give: {sticker_pack: cheer, valid_days: 90}
    claim_until: 2023-03-31
"""

from datetime import UTC, date, datetime, timedelta

import yaml

from bongsu.desk.compensation.condition import (
    SOURCE_CHARS_MAX,
    Condition,
    ConditionError,
    parse_condition,
)
from bongsu.desk.compensation.programme import (
    AMOUNT_MAX,
    Ask,
    Benefit,
    Bracket,
    Grant,
    Kind,
    Problem,
    Programme,
    ProgrammeRefused,
    Rule,
)
from bongsu.desk.compensation.text_nodes import Node, Nodes, compose
from bongsu.desk.compensation.vocabulary import Words
from bongsu.desk.reports.catalogue import CURRENCIES

RULES_MAX = 100
BRACKETS_MAX = 50
VALID_DAYS_MAX = 3_660
LOSS_MAX = 10**15

_NOWHERE = Words("", "")


def parse_programme(text: str) -> tuple[Programme, list[Problem]]:
    """The programme and its warnings; raises `ProgrammeRefused` with every problem found."""
    root = compose(text.replace("\r\n", "\n"))
    reading = _Reading(root)
    programme = reading.programme(root)
    problems = sorted(reading.nodes.problems)
    if any(not problem.is_warning for problem in problems):
        raise ProgrammeRefused([problem for problem in problems if not problem.is_warning])
    return programme, problems


class _Reading:
    def __init__(self, root: Node) -> None:
        self.nodes = Nodes()
        self._root = root
        self._currency = "KRW"

    def programme(self, root: Node) -> Programme:
        fields = self.nodes.mapping(
            root, ("programme", "title", "currency", "rules"), ("exchange", "grants")
        )
        if "currency" in fields:
            self._currency = self._read_currency(fields["currency"])
        return Programme(
            self.nodes.name(fields["programme"]) if "programme" in fields else "",
            self.nodes.words(fields["title"]) if "title" in fields else _NOWHERE,
            self._currency,
            self._exchange(fields["exchange"]) if "exchange" in fields else {},
            self._rules(fields["rules"]) if "rules" in fields else (),
            self._grants(fields["grants"]) if "grants" in fields else (),
        )

    def _read_currency(self, node: Node) -> str:
        code = self.nodes.text(node)
        if code not in CURRENCIES:
            known = ", ".join(CURRENCIES)
            self.nodes.complain(
                node, f"모르는 통화. {known} 가운데 하나", f"no currency; one of {known}"
            )
        return code

    def _exchange(self, node: Node) -> dict[str, int]:
        fields = self.nodes.mapping(node, (), tuple(CURRENCIES))
        return {code: self.nodes.integer(rate, most=10**9) for code, rate in fields.items()}

    def _rules(self, node: Node) -> tuple[Rule, ...]:
        items = self.nodes.items(node)
        if len(items) > RULES_MAX:
            self.nodes.complain(
                node, f"규칙이 {RULES_MAX}개를 넘습니다", f"more than {RULES_MAX} rules"
            )
        names = set[str]()
        return tuple(self._rule(item, names) for item in items[:RULES_MAX])

    def _rule(self, node: Node, names: set[str]) -> Rule:
        fields = self.nodes.mapping(
            node, ("rule", "title"), ("when", "group", "brackets", "give", "ask")
        )
        given = [name for name in ("brackets", "give", "ask") if name in fields]
        if len(given) != 1:
            self.nodes.complain(
                node,
                "brackets, give, ask 가운데 하나만 씁니다",
                "write one of brackets, give and ask",
            )
        brackets = tuple[Bracket, ...]()
        if given == ["brackets"]:
            brackets = self._brackets(fields["brackets"])
        elif given:
            brackets = (self._outcome(None, fields),)
        return Rule(
            self._unique(fields["rule"], names) if "rule" in fields else "",
            self.nodes.words(fields["title"]) if "title" in fields else _NOWHERE,
            self._condition(fields["when"]) if "when" in fields else None,
            self.nodes.name(fields["group"]) if "group" in fields else "",
            brackets,
        )

    def _unique(self, node: Node, names: set[str]) -> str:
        name = self.nodes.name(node)
        if name in names:
            self.nodes.complain(node, f"{name}이(가) 두 번 있습니다", f"{name} stands here twice")
        names.add(name)
        return name

    def _condition(self, node: Node) -> Condition | None:
        source = self.nodes.text(node, chars_max=SOURCE_CHARS_MAX)
        try:
            condition = parse_condition(source)
        except ConditionError as error:
            self._complain_of_condition(node, error)
            return None
        if "country" in condition.facts:
            self.nodes.warn(
                node,
                "국가로 가리는 규칙입니다. 해외 이용자가 빠지지 않는지 보십시오",
                "this rule asks for the country: see that nobody abroad is left out",
            )
        return condition

    def _complain_of_condition(self, node: Node, error: ConditionError) -> None:
        block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        line = error.line - 1 + (1 if block else 0)
        quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
        column = error.column - 1 + (1 if quoted else 0)
        self.nodes.complain(node, error.words.ko, error.words.en, line=line, column=column)

    def _brackets(self, node: Node) -> tuple[Bracket, ...]:
        brackets: list[Bracket] = []
        for item in self.nodes.items(node)[:BRACKETS_MAX]:
            fields = self.nodes.mapping(item, (), ("loss_up_to", "give", "ask"))
            if brackets and brackets[-1].up_to is None:
                self.nodes.complain(
                    item,
                    "앞 구간이 나머지를 모두 가져갑니다",
                    "the bracket before takes all the rest",
                )
            up_to = (
                self.nodes.integer(fields["loss_up_to"], most=LOSS_MAX)
                if "loss_up_to" in fields
                else None
            )
            before = brackets[-1].up_to if brackets else None
            if up_to is not None and before is not None and up_to <= before:
                self.nodes.complain(
                    item, "구간은 작은 것부터 씁니다", "brackets go from small to large"
                )
            if ("give" in fields) == ("ask" in fields):
                self.nodes.complain(item, "give와 ask 가운데 하나만", "write one of give and ask")
            brackets.append(self._outcome(up_to, fields))
        if brackets and brackets[-1].up_to is not None:
            self.nodes.warn(
                node,
                "마지막 구간보다 큰 손해에는 아무것도 주지 않습니다",
                "nothing is given for a loss above the last bracket",
            )
        return tuple(brackets)

    def _outcome(self, up_to: int | None, fields: dict[str, Node]) -> Bracket:
        gives = self._benefits(fields["give"]) if "give" in fields else ()
        return Bracket(up_to, gives, self._ask(fields["ask"]) if "ask" in fields else None)

    def _ask(self, node: Node) -> Ask:
        text = self.nodes.text(node)
        if text in set(Ask):
            return Ask(text)
        self.nodes.complain(node, "review 또는 evidence를 씁니다", "write review or evidence")
        return Ask.REVIEW

    def _benefits(self, node: Node) -> tuple[Benefit, ...]:
        return tuple(self._benefit(item) for item in self.nodes.items(node))

    def _benefit(self, node: Node) -> Benefit:
        kinds = tuple(kind.value for kind in Kind)
        fields = self.nodes.mapping(node, (), (*kinds, "valid_days"))
        named = [name for name in kinds if name in fields]
        if len(named) != 1:
            known = ", ".join(kinds)
            self.nodes.complain(node, f"{known} 가운데 하나를 씁니다", f"name one of {known}")
            return Benefit(Kind.MONEY, self._currency, 1)
        kind, value = Kind(named[0]), fields[named[0]]
        valid_days = (
            self.nodes.integer(fields["valid_days"], most=VALID_DAYS_MAX)
            if "valid_days" in fields
            else None
        )
        if kind is Kind.MONEY and valid_days is not None:
            self.nodes.complain(node, "돈에는 기한이 없습니다", "money does not expire")
        if kind in (Kind.COUPON, Kind.STICKER_PACK):
            item = self.nodes.name(value)
            return Benefit(kind, f"{kind.value.upper()}.{item}", 1, item, valid_days)
        return Benefit(kind, self._unit(kind), self._amount(value), "", valid_days)

    def _unit(self, kind: Kind) -> str:
        """Credits are counted in money, and yet are none: they have units of their own."""
        if kind is Kind.MONEY:
            return self._currency
        credit = kind in (Kind.PLAN_CREDIT, Kind.CHANNEL_CREDIT)
        return f"{self._currency}.{kind.value.upper()}" if credit else kind.value.upper()

    def _amount(self, node: Node) -> int:
        """A whole number, or days times a daily amount: `{days: 6, per_day: 1_300}`."""
        if not isinstance(node, yaml.MappingNode):
            return self.nodes.integer(node, most=AMOUNT_MAX)
        fields = self.nodes.mapping(node, ("days", "per_day"))
        days = self.nodes.integer(fields["days"], most=3_660) if "days" in fields else 1
        per_day = self.nodes.integer(fields["per_day"], most=10**8) if "per_day" in fields else 1
        return days * per_day

    def _grants(self, node: Node) -> tuple[Grant, ...]:
        names = set[str]()
        return tuple(self._grant(item, names) for item in self.nodes.items(node)[:RULES_MAX])

    def _grant(self, node: Node, names: set[str]) -> Grant:
        fields = self.nodes.mapping(node, ("grant", "title", "give", "claim_until"))
        benefit = self._benefit(fields["give"]) if "give" in fields else Benefit(Kind.POINTS, "", 1)
        if benefit.kind is Kind.MONEY:
            self.nodes.complain(
                fields.get("give", node),
                "모두에게 주는 것은 돈일 수 없습니다",
                "money needs a report: a grant cannot be money",
            )
        return Grant(
            self._unique(fields["grant"], names) if "grant" in fields else "",
            self.nodes.words(fields["title"]) if "title" in fields else _NOWHERE,
            benefit,
            self._end_of_day(fields["claim_until"]) if "claim_until" in fields else 0,
        )

    def _end_of_day(self, node: Node) -> int:
        """The end of that day in Korea (UTC+9), in ms; whoever is abroad loses no hour by it."""
        try:
            day = date.fromisoformat(self.nodes.text(node))
        except ValueError:
            self.nodes.complain(
                node, "날짜는 2023-03-31처럼 씁니다", "write the date like 2023-03-31"
            )
            return 0
        end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=24 - 9)
        return int(end.timestamp()) * 1000
