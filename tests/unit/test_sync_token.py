"""Tokens: what goes out comes in the same, and nothing else comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import InvalidParam
from bongsu.log.position import PARTITIONS, partition_of
from bongsu.sync.token import (
    MARK_BYTES,
    POSITION_MAX,
    TOKEN_CHARS_MAX,
    TYPING_ROOMS_MAX,
    SyncToken,
    TokenCodec,
    parse_room_token,
    room_token,
)

positions = st.one_of(
    st.integers(0, 300), st.integers(0, 2**17), st.integers(0, 2**33), st.integers(0, POSITION_MAX)
)
marks = st.binary(min_size=MARK_BYTES, max_size=MARK_BYTES)
cursors = st.integers(0, 2**63 - 1)
tokens = st.builds(
    SyncToken,
    marks,
    st.lists(positions, min_size=PARTITIONS, max_size=PARTITIONS).map(tuple),
    to_device=cursors,
    source=marks,
    typing=cursors,
    presence=cursors,
    typing_rooms=st.frozensets(marks, max_size=TYPING_ROOMS_MAX),
)


@given(tokens)
def test_a_token_survives_the_client(token: SyncToken) -> None:
    text = TokenCodec("here").encode(token)
    assert len(text) <= TOKEN_CHARS_MAX
    assert text.isascii()
    assert TokenCodec("elsewhere").decode(text) == token


@given(st.lists(tokens, max_size=5))
def test_a_codec_keeps_tokens_apart(several: list[SyncToken]) -> None:
    codec = TokenCodec("here")
    texts = [codec.encode(token) for token in several]
    assert [codec.decode(text) for text in texts] == several


@given(st.one_of(st.text(max_size=400), st.text("bAQ0_-", max_size=400).map("b".__add__)))
def test_what_is_no_token_is_refused(text: str) -> None:
    codec = TokenCodec("here")
    try:
        token = codec.decode(text)
    except InvalidParam:
        return
    assert codec.encode(token) == text


@pytest.mark.parametrize("character", "&=+/%#;?. \n\x00é")
def test_nothing_hides_in_a_token(character: str) -> None:
    """What a query string gives a meaning is no part of a token."""
    codec = TokenCodec("here")
    text = codec.encode(SyncToken(codec.incarnation, (1,) * PARTITIONS))
    for damaged in (text[:9] + 4 * character + text[9:], text + character, text + 4 * character):
        with pytest.raises(InvalidParam):
            codec.decode(damaged)
        assert codec.known(damaged) is None


@given(tokens, st.data())
def test_a_damaged_token_is_refused_or_another_token(token: SyncToken, data: st.DataObject) -> None:
    text = TokenCodec("here").encode(token)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(InvalidParam):
        TokenCodec("here").decode(text[:cut])


def test_a_token_of_another_incarnation_is_foreign() -> None:
    here, there = TokenCodec("here"), TokenCodec("there")
    token = SyncToken(here.incarnation, (1,) * PARTITIONS)
    text = here.encode(token)
    assert not here.is_foreign(here.decode(text))
    assert there.is_foreign(there.decode(text))
    assert there.room_position(text, "!room:x") is None


def test_a_position_in_a_room_comes_from_either_token() -> None:
    codec = TokenCodec("here")
    text = codec.encode(SyncToken(codec.incarnation, tuple(range(PARTITIONS))))
    assert codec.room_position(text, "!room:x") == partition_of("!room:x")
    assert codec.room_position(room_token(17), "!room:x") == 17


@pytest.mark.parametrize("text", ["", "t", "t-1", "t1.5", "t\u0661", "x1", "t" + "9" * 19, "t 1"])
def test_room_tokens_are_whole_numbers(text: str) -> None:
    with pytest.raises(InvalidParam):
        parse_room_token(text)
