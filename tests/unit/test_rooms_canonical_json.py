"""Canonical JSON: the spec's examples, its bounds, and the reference package for a second view."""

import json
from typing import Any

import pytest
from canonicaljson import encode_canonical_json
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import BadJson
from bongsu.rooms.canonical_json import DEPTH_MAX, INTEGER_MAX, canonical_json

# Text without surrogates; keys from all planes, since UTF-16 order differs from code point order.
text = st.text(st.characters(exclude_categories=["Cs"]))
integers = st.integers(-INTEGER_MAX, INTEGER_MAX)
scalars = st.none() | st.booleans() | integers | text
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=30
)


@given(values)
def test_agrees_with_the_reference_package(value: Any) -> None:
    assert canonical_json(value) == encode_canonical_json(value)


@given(st.dictionaries(st.text(st.characters(min_codepoint=0xE000)), integers, min_size=2))
def test_sorts_keys_beyond_the_basic_plane_by_code_point(value: dict[str, int]) -> None:
    assert list(json.loads(canonical_json(value))) == sorted(value)


@pytest.mark.parametrize(
    ("given_json", "canonical"),
    [
        ("{}", "{}"),
        ('{"one": 1, "two": "Two"}', '{"one":1,"two":"Two"}'),
        ('{"b": "2", "a": "1"}', '{"a":"1","b":"2"}'),
        ('{"本": 2, "日": 1}', '{"日":1,"本":2}'),
        ('{"a": "\\u65E5"}', '{"a":"日"}'),
        ('{"a": null}', '{"a":null}'),
        ('{"a": "\\u0000\\u001f\\u007f\\u2028\\/"}', '{"a":"\\u0000\\u001f\x7f\u2028/"}'),
    ],
)
def test_examples_of_the_spec(given_json: str, canonical: str) -> None:
    assert canonical_json(json.loads(given_json)) == canonical.encode()


@pytest.mark.parametrize("value", [INTEGER_MAX, -INTEGER_MAX, 0, True, None, "", [], {}])
def test_bounds_are_inclusive(value: Any) -> None:
    assert json.loads(canonical_json({"a": [value]})) == {"a": [value]}


@pytest.mark.parametrize(
    "value",
    [
        INTEGER_MAX + 1, -INTEGER_MAX - 1, 2**63, 2**64, -(2**64), 10**30,
        1.0, -0.0, 1e10, float("nan"), float("inf"), "\ud800", {"\udfff": 1}, {1: 2},
        b"bytes", object(), {1, 2},
    ],
)  # fmt: skip
def test_refuses_what_has_no_canonical_form(value: Any) -> None:
    for wrapped in (value, {"a": value}, [value], {"a": [{"b": value}]}):
        with pytest.raises(BadJson):
            canonical_json(wrapped)


def test_depth_is_bounded() -> None:
    def nested(depth: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(depth - 1):
            value = [value]
        return value

    assert canonical_json(nested(DEPTH_MAX - 1))
    for depth in (DEPTH_MAX, 100_000):
        with pytest.raises(BadJson):
            canonical_json(nested(depth))
