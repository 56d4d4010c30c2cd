"""Differences word by word, as readers see them: what was taken out, what was put in."""

import re
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

TOKENS_MAX = 20_000  # of both texts; longer ones are shown as replaced, not searched for likeness

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")


class Change(StrEnum):
    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


class Piece(NamedTuple):
    change: Change
    text: str


def differences(old: str, new: str) -> list[Piece]:
    """`old` is the kept and removed pieces joined, `new` the kept and added ones."""
    if old == new:
        return [Piece(Change.KEPT, old)] if old else []
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if len(before) + len(after) > TOKENS_MAX:
        return _replaced(old, new)
    pieces: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece(Change.KEPT, "".join(before[a:b])))
        else:
            pieces += _replaced("".join(before[a:b]), "".join(after[c:d]))
    return pieces


def _replaced(old: str, new: str) -> list[Piece]:
    pair = Piece(Change.REMOVED, old), Piece(Change.ADDED, new)
    return [piece for piece in pair if piece.text]
