"""Whatever the core refuses has its Korean: no refusal reaches a page in English alone.

Method: the source is read, not run. Each refusal that is raised anywhere in the desk must be a
sentence of `sentences.toml`, a text of the pages, or have a code that one text stands for.
"""

import ast
import inspect
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bongsu import errors
from bongsu.desk.sentences import Sentence
from bongsu.http.desk.sentences import Sentences, load_sentences
from bongsu.http.desk.texts import load_texts

SRC = Path(__file__).parents[2] / "src" / "bongsu"
HTTP = SRC / "http" / "desk"
DESK = [SRC / "desk", SRC / "postgres" / "desk", HTTP]
REFUSALS = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.Refused)
}
# Only programs read what these say.
PROGRAMS_CODES = {
    "M_BAD_JSON", "M_UNKNOWN_TOKEN", "DESK_EVENT_CONFLICT", "DESK_TOKEN", "DESK_AUDIENCE",
}  # fmt: skip
PROGRAMS_FUNCTIONS = {("machine_events.py", "_check")}
SAID_OTHERWISE = (
    "visit.t(",
    "self.t(",
    "wrong[0]",  # of `document.complaints`: sentences, by their type
)

TEXTS, KOREAN = load_texts(), load_sentences().korean


class Call(NamedTuple):
    """A call of a refusal or of `Sentence`, and where it stands."""

    node: ast.Call
    name: str
    file: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.node.lineno}: {ast.unparse(self.node)}"


def _calls_in(node: ast.AST, file: str, function: str) -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(child, ast.Call):
            name = ast.unparse(child.func)
            if name in REFUSALS or name == "Sentence":
                yield Call(child, name, file, function)
        yield from _calls_in(child, file, child.name if is_function else function)


MODULES = {
    path: ast.parse(path.read_text("utf-8")) for folder in DESK for path in folder.rglob("*.py")
}
CALLS = [call for path, module in MODULES.items() for call in _calls_in(module, path.name, "")]


def _form(call: Call) -> str | None:
    """The English of a call that gives it as it stands, to be filled in or not."""
    message = call.node.args[0] if call.node.args else None
    return str(message.value) if isinstance(message, ast.Constant) else None


def _is_said(call: Call) -> bool:
    message = ast.unparse(call.node.args[0]) if call.node.args else ""
    return _form(call) in KOREAN or message.startswith(("Sentence(", *SAID_OTHERWISE))


def _code(call: Call) -> str:
    given = [each.value for each in call.node.keywords if each.arg == "code"]
    return ast.literal_eval(given[0]) if given else REFUSALS[call.name].code


def _is_for_programs(call: Call) -> bool:
    return (call.file, call.function) in PROGRAMS_FUNCTIONS or _code(call) in PROGRAMS_CODES


def _placeholders(form: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(form) if name is not None}


def test_every_refusal_is_said_in_korean_too() -> None:
    refusals = [call for call in CALLS if call.name in REFUSALS]
    assert len(refusals) > 150
    unsaid = [
        str(call)
        for call in refusals
        if not _is_said(call)
        and not _is_for_programs(call)
        and f"base.error_{_code(call)}" not in TEXTS
    ]
    assert not unsaid


def test_what_refuses_otherwise_takes_nothing_but_sentences() -> None:
    """`ResultRefused` does, by its type; any other class would have to be looked at here."""
    own = {
        each.name
        for module in MODULES.values()
        for each in ast.walk(module)
        if isinstance(each, ast.ClassDef)
        and any(ast.unparse(base) in REFUSALS for base in each.bases)
    }
    assert own == {"ResultRefused"}


def test_every_sentence_has_its_korean_and_its_values() -> None:
    for call in CALLS:
        if call.name == "Sentence":
            form = _form(call)
            assert form is not None, call
            assert form in KOREAN, call
            assert _placeholders(form) == {each.arg for each in call.node.keywords}, call


def test_the_korean_asks_for_no_value_that_is_not_there() -> None:
    for form, korean in KOREAN.items():
        assert korean.strip()
        assert _placeholders(korean) <= _placeholders(form), form


def test_no_korean_is_left_of_what_nobody_says_any_more() -> None:
    assert not set(KOREAN) - {_form(call) for call in CALLS}


def test_no_english_stands_there_twice() -> None:
    document = tomllib.loads((HTTP / "sentences.toml").read_text("utf-8"))
    assert sum(map(len, document.values())) == len(KOREAN)


def test_a_sentence_is_filled_in_the_language_it_is_said_in() -> None:
    sentences = Sentences({"{what}: longer than {count}": "{what}: {count} 초과", "Title": "제목"})
    sentence = Sentence("{what}: longer than {count}", what=Sentence("Title"), count=3)
    assert sentence == "Title: longer than 3"
    assert sentences.say("en", sentence) == "Title: longer than 3"
    assert sentences.say("ko", sentence) == "제목: 3 초과"


def test_what_was_filled_in_is_never_read_again() -> None:
    sentences = Sentences({"{name} is unknown": "{name}: 없음", "Title": "제목"})
    for name in ("{name}", "{0}", "Title"):
        assert sentences.say("ko", Sentence("{name} is unknown", name=name)) == f"{name}: 없음"
    assert sentences.say("ko", "nobody {said} this") == "nobody {said} this"
