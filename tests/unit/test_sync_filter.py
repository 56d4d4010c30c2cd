"""Filters: what passes, what is refused."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import BadJson, Refused
from bongsu.sync.filter import (
    TIMELINE_LIMIT_MAX,
    EventFilter,
    Filter,
    FilterDefinition,
    Selection,
    parse_filter,
    parse_path,
)

pieces = st.text("ab*.", max_size=8)


@given(pieces, st.text("ab.", max_size=8))
def test_a_star_stands_for_anything(glob: str, text: str) -> None:
    expected = re.fullmatch(fnmatch.translate(glob), text) is not None
    assert Selection(EventFilter(types=[glob])).allows(text) is expected
    assert Selection(EventFilter(not_types=[glob])).allows(text) is not expected


def test_exclusion_wins() -> None:
    selection = Selection(EventFilter(senders=["@a:x", "@b:x"], not_senders=["@b:x"]))
    assert selection.allows("t", "@a:x")
    assert not selection.allows("t", "@b:x")
    assert not selection.allows("t", "@c:x")
    rooms = Selection(EventFilter(rooms=["!a", "!b"], not_rooms=["!b"]))
    assert [rooms.allows_room(room) for room in ("!a", "!b", "!c")] == [True, False, False]


def test_empty_lists_choose_nothing_and_exclude_nothing() -> None:
    assert not Selection(EventFilter(types=[])).allows("t")
    assert Selection(EventFilter(not_types=[])).allows("t")
    assert Selection(EventFilter(not_types=[])).is_trivial


def test_limits_are_bounded() -> None:
    assert Selection(EventFilter(limit=10**9)).limit == TIMELINE_LIMIT_MAX
    assert Selection(EventFilter(limit=0)).limit == 0


def test_the_whole_filter() -> None:
    text = b"""{"event_fields": ["type", "content.body"], "event_format": "federation",
      "room": {"not_rooms": ["!no"], "include_leave": true,
               "state": {"lazy_load_members": true}, "timeline": {"limit": 7,
               "unread_thread_notifications": true, "unknown": 1}}, "unknown": {}}"""
    whole = Filter(parse_filter(text))
    assert whole.federation
    assert whole.include_leave
    assert whole.lazy_load_members
    assert whole.thread_notifications
    assert whole.timeline.limit == 7
    assert whole.event_fields == [["type"], ["content", "body"]]
    assert not whole.allows_room("!no")
    assert not whole.has_plain_timeline
    assert Filter(FilterDefinition()).has_plain_timeline


@pytest.mark.parametrize(
    "text",
    [b'{"room": []}', b'{"room": {"timeline": {"limit": "x"}}}', b'{"event_format": "x"}',
     b'{"room": {"timeline": {"limit": -1}}}', b'{"presence": {"types": [1]}}', b"[]"],
)  # fmt: skip
def test_other_shapes_are_bad_json(text: bytes) -> None:
    with pytest.raises(BadJson):
        parse_filter(text)


@pytest.mark.parametrize("text", [b"{", b'{"a": \xff}', b"[" * 50_000])
def test_what_is_no_json_is_not_json(text: bytes) -> None:
    with pytest.raises(Refused):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("content.body", ["content", "body"]),
        (r"content.m\.relates_to", ["content", "m.relates_to"]),
        (r"a\\.b", ["a\\", "b"]),
        ("a", ["a"]),
    ],
)
def test_paths(text: str, path: list[str]) -> None:
    assert parse_path(text) == path
