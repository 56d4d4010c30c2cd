"""Glob patterns of push rules, matched without backtracking.

A pattern is cut at its stars into parts of fixed length, and each part is looked for to the right
of the one before it. The leftmost place is always as good as any later one, so nothing is tried
twice: one walk over the text a part, whatever the pattern. Case is ignored by lowering both sides.

Matrix spec, appendices, "Glob-style matching".
"""

import re

# Of a longer text only the beginning is looked at.
TEXT_CHARS_MAX = 8192

# A word boundary is where no two of `[A-Za-z0-9_]` meet; no other character belongs to a word.
_WORD = "[a-z0-9_]"
_WORD_START = f"(?:(?<!{_WORD})|(?!{_WORD}))"
_WORD_END = f"(?:(?!{_WORD})|(?<!{_WORD}))"


class Glob:
    """One pattern: `*` stands for any run of characters, `?` for exactly one.

    It has to cover the whole of a text, or, with `words`, a stretch between two word boundaries.
    """

    __slots__ = ("_parts",)

    def __init__(self, pattern: str, *, words: bool = False) -> None:
        head, *rest = pattern.lower().split("*")
        # Stars in a row are one star; a star at either end leaves an empty part there.
        texts = [head, *filter(None, rest[:-1]), *rest[-1:]]
        expressions = list(map(_without_repetition, texts))
        expressions[0] = (_WORD_START if words else r"\A") + expressions[0]
        expressions[-1] += _WORD_END if words else r"\Z"
        self._parts = [
            ("" if "?" in text else text, re.compile(expression, re.DOTALL))
            for text, expression in zip(texts, expressions, strict=True)
        ]

    def matches(self, lowered: str) -> bool:
        """Whether it matches a text, which is already in lower case."""
        at = 0
        for literal, expression in self._parts:
            at = lowered.find(literal, at)  # quick, and mostly the end of it
            found = expression.search(lowered, at) if at >= 0 else None
            if found is None:
                return False
            at = found.end()
        return True


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def contains_words(lowered: str, words: str) -> bool:
    """Whether `words` stand in the text as they are, between two word boundaries."""
    words = words.lower()
    if words not in lowered:
        return False
    return re.search(_WORD_START + re.escape(words) + _WORD_END, lowered) is not None


def _without_repetition(text: str) -> str:
    """Literal characters and dots: an expression with nothing in it that could backtrack."""
    return "".join("." if char == "?" else re.escape(char) for char in text)
