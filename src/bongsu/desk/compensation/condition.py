"""Conditions of rules, in the Common Expression Language (CEL).

Only the library evaluates them. What it has checked is then held to a small form: facts compared
with constants, joined by `&&`, `||` and `!`. Nothing else is needed, all of it can be said in
words, and nothing of it can loop or fail on a report.
"""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from bongsu.desk.compensation.syntax_tree import Call, Const, Ident, Items, Tree, read_tree
from bongsu.desk.compensation.vocabulary import FACTS, Words

SOURCE_CHARS_MAX = 1_000
DEPTH_MAX = 30

Value = bool | int | str | tuple[str, ...]

COMPARISONS = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
_JOINS = frozenset({"_&&_", "_||_"})
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_POSITION = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")

# The library's stubs lean on protobuf, which it does not need: its types end here.
_cel: Any = import_module("cel_expr_python.cel")
_TYPES: dict[str, Any] = {
    "string": _cel.Type.STRING,
    "bool": _cel.Type.BOOL,
    "int": _cel.Type.INT,
    "list": _cel.Type.List(_cel.Type.STRING),
}
_environment: Any = _cel.NewEnv(variables={n: _TYPES[fact.type] for n, fact in FACTS.items()})


class ConditionError(Exception):
    """`line` and `column` are within the condition, from 1."""

    def __init__(self, words: Words, line: int = 1, column: int = 1) -> None:
        super().__init__(words.en)
        self.words = words
        self.line = line
        self.column = column


class Condition(NamedTuple):
    """A condition that was checked. `facts` are the names it asks for."""

    source: str
    tree: Tree
    facts: frozenset[str]


class Conditions:
    """Several conditions, evaluated over one report after another."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.facts = frozenset[str]().union(*(condition.facts for condition in conditions))
        self._compiled = [_environment.compile(condition.source) for condition in conditions]

    def holding(self, values: Mapping[str, Value]) -> list[int]:
        """The indices of those that hold. `values` has at least `facts`."""
        activation = _environment.Activation(
            {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}
        )
        results = [expression.eval(activation).value() for expression in self._compiled]
        # An error is a value too. What was checked has none, and nobody may go without for one.
        assert all(isinstance(result, bool) for result in results), results
        return [index for index, result in enumerate(results) if result]


def parse_condition(source: str) -> Condition:
    """Check `source`; raises `ConditionError` with the place."""
    if len(source) > SOURCE_CHARS_MAX:
        raise ConditionError(
            Words(
                f"조건이 {SOURCE_CHARS_MAX}자를 넘습니다",
                f"longer than {SOURCE_CHARS_MAX} characters",
            )
        )
    try:
        expression = _environment.compile(source)
    except RuntimeError as error:
        raise _as_condition_error(str(error)) from None
    if expression.return_type() != _cel.Type.BOOL:
        raise ConditionError(
            Words("참이나 거짓이 되는 조건이 아닙니다", "not a condition that is true or false")
        )
    tree = read_tree(expression.serialize())
    names = set[str]()
    _hold_to_form(tree, names, 0)
    return Condition(source, tree, frozenset(names))


def _as_condition_error(message: str) -> ConditionError:
    match = _POSITION.search(message)
    if match is None:
        return ConditionError(Words(f"읽을 수 없는 조건: {message[:200]}", message[:200]))
    text = match[3].removesuffix(" (in container '')")[:200]
    return ConditionError(Words(f"읽을 수 없는 조건: {text}", text), int(match[1]), int(match[2]))


def _hold_to_form(tree: Tree, names: set[str], depth: int) -> None:
    """Gather the names of the facts; `ConditionError` for what is not of the form."""
    if depth > DEPTH_MAX:
        raise ConditionError(Words("괄호가 너무 깊습니다", "nested too deeply"))
    match tree:
        case Call("_&&_" | "_||_" | "!_", arguments):
            for argument in arguments:
                _hold_to_form(argument, names, depth + 1)
        case Ident(name):
            names.add(name)
        case Call(function, (Ident(name), Const(value))) if function in COMPARISONS:
            names.add(name)
            _check_code(name, value)
        case Call("@in", (Ident(name), Items(elements))):
            names.add(name)
            for element in elements:
                _check_element(name, element)
        case Call("@in", (Const(value), Ident(name))):
            names.add(name)
            _check_code(name, value)
        case _:
            raise _wrong_form()


def _check_element(name: str, element: Tree) -> None:
    if not isinstance(element, Const):
        raise _wrong_form()
    _check_code(name, element.value)


def _check_code(name: str, value: bool | int | str) -> None:
    codes = FACTS[name].codes
    if name == "country" and not _COUNTRY.match(str(value)):
        raise ConditionError(
            Words(
                f"{value!r}: 국가는 두 글자 코드(ISO 3166-1)로 씁니다",
                f"{value!r} is no country code",
            )
        )
    if codes and value not in codes:
        known = ", ".join(codes)
        raise ConditionError(
            Words(
                f"{name}에 {value!r}은(는) 없습니다. 쓸 수 있는 값: {known}",
                f"{value!r} is no {name}; one of {known}",
            )
        )


def _wrong_form() -> ConditionError:
    return ConditionError(
        Words(
            "말로 풀 수 없는 조건입니다. 사실을 값과 비교하고 &&, ||, !로 이어 주십시오",
            "cannot be said in words: compare facts with values, joined by &&, || and !",
        )
    )
