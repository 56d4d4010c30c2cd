"""A text is said in the language asked for, else in the other one, and says which it is."""

import pytest

from bongsu.desk.sentences import Sentence
from bongsu.desk.wording import Text, checked
from bongsu.errors import InvalidParam


@pytest.mark.parametrize(
    ("text", "language", "said", "spoken"),
    [
        (Text("가", "a"), "ko", "가", "ko"),
        (Text("가", "a"), "en", "a", "en"),
        (Text("가"), "en", "가", "ko"),
        (Text(en="a"), "ko", "a", "en"),
        (Text(), "en", "", "en"),
        (Text(), "ko", "", "ko"),
    ],
)
def test_a_text_is_said_and_says_in_which_language(
    text: Text, language: str, said: str, spoken: str
) -> None:
    assert (text.said(language), text.spoken(language)) == (said, spoken)


def test_nothing_and_too_much_are_refused() -> None:
    for text in (Text(), Text("x" * 11)):
        with pytest.raises(InvalidParam):
            checked(text, Sentence("Title"), 10)
    assert checked(Text(), Sentence("Title"), 10, required=False) == Text()
