"""How texts are cut into terms, the same way for messages and for what is searched in them.

Scripts that set no spaces between words, or glue endings to them, are cut into single characters
and pairs of neighbours; whatever is looked for there may begin and end anywhere. All others are cut
into words:

    카카오톡 message   카 오 톡 카카 카오 오톡  message

NFKC and case folding make one of half-width and full-width, upper and lower; an English plural is
found by its singular. A term is kept as 32 bits of hash: who relies on a match looks at the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from zlib import crc32

TEXT_CHARACTERS_MAX = 4_096  # of one text are indexed; an essay is found by its beginning
TERM_BITS = 32

# Hangul, Han, Kana and Yi; Thai, Lao, Burmese and Khmer; pictures.
_UNSPACED = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u2600-\u27bf\U0001f300-\U0001faff"
)
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff"  # parts of words, yet no letters
_RUNS = re.compile(rf"([{_UNSPACED}]+)|((?:[^\W_{_UNSPACED}]|[{_MARKS}])+)")
_PLURAL_CHARACTERS_MIN = 4


def normalise(text: str) -> str:
    """The form in which texts are compared; at most `TEXT_CHARACTERS_MAX` long."""
    plain = unicodedata.normalize("NFKC", text[:TEXT_CHARACTERS_MAX]).casefold()
    return plain[:TEXT_CHARACTERS_MAX]


def hash_of(term: str) -> int:
    """0 <= hash < 2**32, the same on every node for ever: it is stored."""
    return crc32(term.encode("utf-8", "surrogatepass"))


def hash_of_sender(user_id: str) -> int:
    """The term under which all that somebody said is found; no text has it."""
    return hash_of(f"\0{user_id}")


def terms_of(text: str) -> set[str]:
    """Every term under which a text is found."""
    terms: set[str] = set()
    for unspaced, word in _runs(normalise(text)):
        if unspaced:
            terms.update(unspaced)
            terms.update(pairs_of(unspaced))
        else:
            terms.add(singular(word))
    return terms


def pairs_of(run: str) -> Iterator[str]:
    return map(str.__add__, run, run[1:])


def singular(word: str) -> str:
    """`word` without the ending of an English plural."""
    if len(word) < _PLURAL_CHARACTERS_MIN or not word.endswith("s") or not word.isascii():
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word if word.endswith(("ss", "us")) else word[:-1]


class Wording:
    """What somebody looks for: a text has it if it has every word and every unspaced run."""

    def __init__(self, search_term: str) -> None:
        plain = normalise(search_term)
        self._runs = sorted({unspaced for unspaced, _ in _runs(plain) if unspaced})
        self._words = {singular(word) for _, word in _runs(plain) if word}
        pairs = {pair for run in self._runs for pair in pairs_of(run)}
        singles = {run for run in self._runs if len(run) == 1}
        # A word is rarer than a pair, and a pair than a single character.
        self.hashes = sorted({hash_of(term) for term in self._words | pairs | singles})

    def found_in(self, text: str) -> frozenset[str]:
        """The parts of `text`, in lower case, that are what is looked for; none if it lacks any."""
        plain = normalise(text)
        if not all(run in plain for run in self._runs):
            return frozenset()
        words = {word for _, word in _runs(plain) if word and singular(word) in self._words}
        if {singular(word) for word in words} != self._words:
            return frozenset()
        return frozenset(words | set(self._runs))


def _runs(plain: str) -> Iterator[tuple[str, str]]:
    """(unspaced run, "") or ("", word), in order."""
    for match in _RUNS.finditer(plain):
        yield match[1] or "", match[2] or ""
