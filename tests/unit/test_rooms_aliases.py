"""The shape of m.room.canonical_alias."""

from typing import Any

import pytest

from bongsu.errors import InvalidParam
from bongsu.rooms.aliases import ALT_ALIASES_MAX, added_aliases, canonical_aliases

A, B, C = "#a:example.org", "#b:example.org", "#c:example.org"


@pytest.mark.parametrize(
    ("content", "aliases"),
    [
        ({}, []), ({"alias": None}, []), ({"alias": ""}, []), ({"alias": A}, [A]),
        ({"alias": A, "alt_aliases": [B, A, B]}, [A, B]), ({"alt_aliases": [B]}, [B]),
    ],
)  # fmt: skip
def test_every_alias_once(content: dict[str, Any], aliases: list[str]) -> None:
    assert canonical_aliases(content) == aliases


@pytest.mark.parametrize(
    "content",
    [
        {"alias": 5}, {"alias": ["#a:b"]}, {"alias": "a:b"}, {"alias": "#a"}, {"alias": {}},
        {"alt_aliases": None}, {"alt_aliases": A}, {"alt_aliases": [None]},
        {"alt_aliases": ["#\x00:b"]}, {"alt_aliases": ["#" + "x" * 300 + ":b"]},
        {"alt_aliases": [A] * (ALT_ALIASES_MAX + 1)},
    ],
)  # fmt: skip
def test_malformed_aliases_are_refused(content: dict[str, Any]) -> None:
    with pytest.raises(InvalidParam):
        canonical_aliases(content)


def test_only_new_aliases_are_looked_up() -> None:
    old = {"alias": A, "alt_aliases": [B]}
    assert added_aliases(old, {"alias": B, "alt_aliases": [A, C]}) == [C]
    assert added_aliases({}, old) == [A, B]
    assert added_aliases({"alt_aliases": 5}, old) == [A, B]
