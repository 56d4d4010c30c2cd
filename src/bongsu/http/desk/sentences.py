"""What the core says, in the reader's language: `sentences.toml` has the Korean of each sentence.

The English stands where it is said, so that programs and logs need no texts; a test compares both.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from bongsu.desk.sentences import Sentence


class Sentences:
    """`korean`: by the English form."""

    def __init__(self, korean: Mapping[str, str]) -> None:
        self.korean = korean

    def say(self, language: str, sentence: str) -> str:
        """`sentence` in `language`; as it is, if nobody has said it in another one."""
        form = sentence.form if isinstance(sentence, Sentence) else sentence
        if language == "en" or form not in self.korean:
            return sentence
        if not isinstance(sentence, Sentence):
            return self.korean[form]
        values = {
            name: self.say(language, value) if isinstance(value, Sentence) else value
            for name, value in sentence.values.items()
        }
        return self.korean[form].format(**values)


def load_sentences() -> Sentences:
    """All areas of `sentences.toml`."""
    document = tomllib.loads((files("bongsu.http.desk") / "sentences.toml").read_text("utf-8"))
    return Sentences({form: text for area in document.values() for form, text in area.items()})
