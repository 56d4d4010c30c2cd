"""Glob patterns of push rules, matched without backtracking.

A pattern is cut at its stars into parts of fixed length, and each part is looked for to the right
of the one before it. The leftmost place is always as good as any later one, so nothing is tried
twice: one walk over the text a part, whatever the pattern. Case is ignored by lowering both sides.

Matrix spec, appendices, "Glob-style matching".
"""

import re
from collections.abc import Iterator

# Of a longer text only the beginning is looked at.
TEXT_CHARS_MAX = 8192

_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


class Glob:
    """One pattern: `*` stands for any run of characters, `?` for exactly one."""

    __slots__ = ("_parts",)

    def __init__(self, pattern: str) -> None:
        head, *rest = pattern.lower().split("*")
        # Stars in a row are one star; those at either end leave an empty part there.
        self._parts = [_Part(text) for text in (head, *filter(None, rest[:-1]), *rest[-1:])]

    def matches(self, lowered: str) -> bool:
        """Whether the pattern covers the whole of a text, already in lower case."""
        head, *rest = self._parts
        if not rest:
            return len(lowered) == head.length and head.stands_at(lowered, 0)
        *inner, tail = rest
        end = len(lowered) - tail.length
        if end < head.length or not head.stands_at(lowered, 0):
            return False
        reached = _after_all(inner, lowered, head.length)
        return 0 <= reached <= end and tail.stands_at(lowered, end)

    def matches_words(self, lowered: str) -> bool:
        """Whether the pattern covers some stretch of the text between two word boundaries."""
        head, *rest = self._parts
        starts = (at for at in head.stream_places(lowered, 0) if is_word_boundary(lowered, at))
        if not rest:
            return any(is_word_boundary(lowered, at + head.length) for at in starts)
        first = next(starts, None)
        if first is None:
            return False
        *inner, tail = rest
        reached = _after_all(inner, lowered, first + head.length)
        return reached >= 0 and tail.ends_a_word(lowered, reached)


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def is_word_boundary(lowered: str, at: int) -> bool:
    """Whether no two word characters meet at this place. Words are `[A-Za-z0-9_]` by the spec."""
    if at <= 0 or at >= len(lowered):
        return True
    return lowered[at - 1] not in _WORD or lowered[at] not in _WORD


def contains_words(lowered: str, words: str) -> bool:
    """Whether `words` stand in the text as they are, between two word boundaries."""
    part = _Part(words.lower(), literal=True)
    return any(
        is_word_boundary(lowered, at) and is_word_boundary(lowered, at + part.length)
        for at in part.stream_places(lowered, 0)
    )


def _after_all(parts: "list[_Part]", text: str, start: int) -> int:
    """Where the last of the parts ends if each is put as far left as it goes, -1 if one fails."""
    for part in parts:
        found = part.find(text, start)
        if found < 0:
            return -1
        start = found + part.length
    return start


class _Part:
    """A stretch of a pattern without stars: every match of it has the same length."""

    __slots__ = ("_expression", "_text", "length")

    def __init__(self, text: str, *, literal: bool = False) -> None:
        self.length = len(text)
        self._text = text
        self._expression: re.Pattern[str] | None = None
        if "?" in text and not literal:
            # Literal characters and dots only: no repetition that could backtrack.
            dotted = "".join("." if char == "?" else re.escape(char) for char in text)
            self._expression = re.compile(dotted, re.DOTALL)

    def stands_at(self, text: str, at: int) -> bool:
        if self._expression is None:
            return text.startswith(self._text, at)
        return self._expression.match(text, at) is not None

    def find(self, text: str, start: int) -> int:
        """The leftmost place at or after `start`, -1 if there is none."""
        if self._expression is None:
            return text.find(self._text, start)
        found = self._expression.search(text, start)
        return -1 if found is None else found.start()

    def stream_places(self, text: str, start: int) -> Iterator[int]:
        """All places at or after `start`, overlapping ones too."""
        at = self.find(text, start)
        while at >= 0:
            yield at
            at = self.find(text, at + 1)

    def ends_a_word(self, text: str, start: int) -> bool:
        """Whether some place at or after `start` ends at a word boundary."""
        places = self.stream_places(text, start)
        return any(is_word_boundary(text, at + self.length) for at in places)
