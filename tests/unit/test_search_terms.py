"""How texts are cut into terms, and what counts as found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.search.terms import (
    TEXT_CHARACTERS_MAX,
    Wording,
    hash_of,
    hash_of_sender,
    singular,
    terms_of,
)

SCRIPTS = st.text(st.sampled_from("가나다라 불이카톡ㅋㅎabcsBee한國語ｶﾅ🔥é-_.\n"), max_size=30)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("카카오톡 Messages", {"카", "오", "톡", "카카", "카오", "오톡", "message"}),
        ("KakaoTalk이", {"kakaotalk", "이"}),
        ("2022년", {"2022", "년"}),
        ("ＦＵＬＬ width", {"full", "width"}),
        ("snake_case don't", {"snake", "case", "don", "t"}),
        ("Straße", {"strasse"}),
        ("हिन्दी", {"हिन्दी"}),
        ("🔥🔥", {"🔥", "🔥🔥"}),
        ("?! () %_ \0 \u200b", set[str]()),
        ("", set[str]()),
    ],
)
def test_terms(text: str, terms: set[str]) -> None:
    assert terms_of(text) == terms


@pytest.mark.parametrize(
    ("word", "other"),
    [("beacons", "beacon"), ("cities", "city"), ("glass", "glass"), ("bus", "bus"), ("is", "is")],
)
def test_plurals_are_found_by_their_singular(word: str, other: str) -> None:
    assert singular(word) == other


def test_long_texts_are_found_by_their_beginning() -> None:
    text = "가" * TEXT_CHARACTERS_MAX + "나"
    assert terms_of(text) == {"가", "가가"}
    assert len(terms_of("\ufdfa" * TEXT_CHARACTERS_MAX)) < TEXT_CHARACTERS_MAX


def test_unspaced_runs_must_stand_in_a_row() -> None:
    wording = Wording("데이터센터")
    assert wording.found_in("판교데이터센터에서") == {"데이터센터"}
    assert wording.found_in("데이 이터센 터센터") == frozenset()


def test_found_words_are_those_of_the_text() -> None:
    assert Wording("beacon CITY").found_in("Beacons of the cities") == {"beacons", "cities"}
    assert Wording("beacon hill").found_in("beacons") == frozenset()
    assert Wording("").found_in("anything") == Wording("!").found_in("!") == frozenset()


def test_hashes_are_stored_and_never_change() -> None:
    assert (hash_of("화재"), hash_of("beacon")) == (1702296574, 608709095)
    assert hash_of_sender("@a:b") != hash_of("@a:b")


@given(SCRIPTS, SCRIPTS)
def test_the_index_proposes_all_that_is_found(text: str, search_term: str) -> None:
    """Whatever the text has, its hashes are among those of the text."""
    wording = Wording(search_term)
    if wording.found_in(text):
        assert set(wording.hashes) <= set(map(hash_of, terms_of(text)))


@given(SCRIPTS)
def test_a_text_is_found_by_itself(text: str) -> None:
    wording = Wording(text)
    assert bool(wording.found_in(text)) == bool(wording.hashes)
