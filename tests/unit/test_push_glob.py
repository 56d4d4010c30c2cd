"""Globs: the examples of the spec, and patterns made to hurt."""

import time

import pytest

from bongsu.push.conditions import split_path
from bongsu.push.glob import TEXT_CHARS_MAX, Glob, contains_words


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("lunc?*", "lunch plans", True), ("lunc?*", "LUNCH", True), ("lunc?*", " lunch", False),
        ("lunc?*", "lunc", False), ("", "", True), ("", "a", False), ("*", "", True),
        ("a*a", "a", False), ("a*a", "aa", True), ("a**b", "ab", True), ("?", "\n", True),
        ("a.c", "abc", False), ("*b*", "abc", True), ("a*bc", "abcbc", True),
        ("A?C", "aßc", True), ("*a?", "aab", True),
    ],
)  # fmt: skip
def test_whole(pattern: str, text: str, wanted: bool) -> None:
    assert Glob(pattern).matches(text.lower()) is wanted


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("ex*ple", "An example event.", True), ("ex*ple", "exple", True),
        ("ex*ple", "An exciting triple-whammy", True), ("ex*ple", "examples", False),
        ("cake", "cakes", False), ("cake", "pan_cake", False), ("cake", "pan-CAKE!", True),
        ("cake*lie", "the cake is a lie", True), ("안녕", "안녕하세요", True), ("a", "", False),
        ("@room", "hi@room", True), ("foo*", "xfoo foox", True), ("", "x", True),
    ],
)  # fmt: skip
def test_words(pattern: str, text: str, wanted: bool) -> None:
    assert Glob(pattern, words=True).matches(text.lower()) is wanted


def test_display_names_are_no_patterns() -> None:
    assert contains_words("hello a*b!", "A*B")
    assert not contains_words("hello aab!", "a*b")
    assert not contains_words("alices", "alice")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("content.body", ("content", "body")),
        (r"content.m\.relates_to.rel_type", ("content", "m.relates_to", "rel_type")),
        (r"content.m\\foo", ("content", "m\\foo")),
        (r"content.\x", ("content", r"\x")),
        (r"a\\.b", ("a\\", "b")),
        ("a..b.", ("a", "", "b", "")),
        ("", ("",)),
        ("a\\", ("a\\",)),
    ],
)
def test_property_paths(key: str, path: tuple[str, ...]) -> None:
    assert split_path(key) == path


# Goal: no pattern takes time out of proportion. Method: the patterns that are worst for engines
# which backtrack, on the longest text; each took well under a millisecond when this was written,
# one that backtracks would take centuries.
@pytest.mark.parametrize(
    "pattern", ["*a" * 500 + "b", "a?" * 500 + "b", "?" * 1000 + "b", "a" * 1000, "*?" * 500 + "b"]
)
@pytest.mark.parametrize("words", [True, False])
def test_hostile_patterns_are_quick(pattern: str, words: bool) -> None:
    started = time.process_time()
    Glob(pattern, words=words).matches("a" * TEXT_CHARS_MAX)
    assert time.process_time() - started < 5
