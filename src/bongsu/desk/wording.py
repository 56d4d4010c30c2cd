"""What operators write for the public: in Korean, in English, or in both."""

from msgspec import Struct

from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam

TEXT_CHARS_MAX = 20_000
TITLE_CHARS_MAX = 300


class Text(Struct, frozen=True):
    """The same said in two languages. Empty: nobody has written it yet."""

    ko: str = ""
    en: str = ""

    def __bool__(self) -> bool:
        return bool(self.ko or self.en)

    def said(self, language: str) -> str:
        """In `language`, else in the other one: a translation that is late hides nothing."""
        return (self.en or self.ko) if language == "en" else (self.ko or self.en)

    def spoken(self, language: str) -> str:
        """The language that `said` then speaks."""
        if language == "en":
            return "en" if self.en or not self.ko else "ko"
        return "ko" if self.ko or not self.en else "en"


def checked(
    text: Text, what: Sentence, chars_max: int = TEXT_CHARS_MAX, *, required: bool = True
) -> Text:
    """`text`, or `InvalidParam` that says what is wrong with it."""
    if required and not text:
        raise InvalidParam(Sentence("{what}: say it in one language at least", what=what))
    if max(len(text.ko), len(text.en)) > chars_max:
        raise InvalidParam(
            Sentence("{what}: longer than {count} characters", what=what, count=chars_max)
        )
    return text
