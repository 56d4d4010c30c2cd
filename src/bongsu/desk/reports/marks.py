"""What shows that reports belong together, without telling what they say.

Each mark is a keyed hash of 63 bits: the same account, the same file, the same payout account, the
same contact, or nearly the same text. Without the key nobody can try out telephone numbers on them.

Near-duplicate texts are found by MinHash with one permutation: the hashes of all groups of
`SHINGLE` characters fall into `BINS` bins, the least of each bin stays, and `ROWS` neighbouring
bins make one mark (Li, Owen, Zhang: One Permutation Hashing, 2012). Two texts that share a portion
s of their groups share a given mark with probability s ** ROWS.
"""

import hashlib
import unicodedata
from array import array
from collections.abc import Iterable
from enum import IntEnum
from zlib import crc32

from bongsu.desk.reports.claim import Personal
from bongsu.search.terms import terms_of

SHINGLE = 4
TEXT_CHARS_MIN = 40  # a shorter text is like many others by chance
TEXT_CHARS_MAX = 2_000  # an essay is known by its beginning
BINS, ROWS = 30, 5
TEXT_MARKS = BINS // ROWS
WORDS_MAX = 400  # terms of one report under which it is found

_MASK = (1 << 63) - 1
_EMPTY = 1 << 64
_SPREAD = 0x9E3779B97F4A7C15  # Knuth's multiplier for 64 bits


class MarkKind(IntEnum):
    """Stored: numbers stay what they are."""

    ACCOUNT = 1
    FILE = 2
    PAYOUT = 3
    CONTACT = 4
    TEXT = 5


class Marker:
    """Makes marks under one key, which is the same at every site and for ever."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._seed = crc32(key)
        self._states: dict[str, hashlib.blake2b] = {}

    def marks(
        self, account_id: str | None, personal: Personal, files: Iterable[bytes]
    ) -> list[tuple[MarkKind, int]]:
        """All marks of one report; `files` are SHA-256 digests."""
        marks = [(MarkKind.FILE, self._hash("file", sha256)) for sha256 in set(files)]
        if account_id is not None:
            marks.append((MarkKind.ACCOUNT, self._hash("account", account_id.encode())))
        if personal.payout is not None:
            account = squeeze(personal.payout.bank), squeeze(personal.payout.account)
            marks.append((MarkKind.PAYOUT, self._hash("payout", "\0".join(account).encode())))
        if squeeze(personal.contact):
            marks.append((MarkKind.CONTACT, self.contact_mark(personal.contact)))
        marks += [(MarkKind.TEXT, mark) for mark in self.text_marks(personal.description)]
        return marks

    def contact_mark(self, contact: str) -> int:
        return self._hash("contact", squeeze(contact).encode())

    def text_marks(self, text: str) -> list[int]:
        """`TEXT_MARKS` marks of a text that is long enough, else none."""
        plain = squeeze(text)[:TEXT_CHARS_MAX]
        if len(plain) < TEXT_CHARS_MIN:
            return []
        symbols, width = plain.encode("utf-32-le"), 4 * SHINGLE
        least = [_EMPTY] * BINS
        for start in range(0, len(symbols) - width + 1, 4):
            # It only has to spread: what is stored is hashed under the key below.
            found = crc32(symbols[start : start + width], self._seed) * _SPREAD & _MASK
            place = found % BINS
            if found < least[place]:
                least[place] = found
        filled = _filled(least)
        return [
            self._hash(f"text {place}", array("Q", filled[place : place + ROWS]).tobytes())
            for place in range(0, BINS, ROWS)
        ]

    def digest(self, parts: Iterable[bytes]) -> bytes:
        """Keyed hash of parts, to know the same version when it is sent again; 16 bytes."""
        hashed = hashlib.blake2b(key=self._key, digest_size=16, person=b"version")
        for part in parts:
            hashed.update(len(part).to_bytes(4) + part)
        return hashed.digest()

    def words(self, *texts: str) -> list[int]:
        """Keyed hashes of the terms under which the texts are found, sorted."""
        terms: set[str] = set()
        for text in texts:
            terms |= {term for term in terms_of(text) if len(term) > 1}
        kept = sorted(terms)[:WORDS_MAX]
        return sorted({self._hash("word", term.encode("utf-8", "replace")) for term in kept})

    def _hash(self, purpose: str, content: bytes) -> int:
        state = self._states.get(purpose)
        if state is None:
            person = purpose.encode()
            state = hashlib.blake2b(key=self._key, digest_size=8, person=person)
            self._states[purpose] = state
        hashed = state.copy()
        hashed.update(content)
        return int.from_bytes(hashed.digest()) & _MASK


def squeeze(text: str) -> str:
    """Letters and digits alone, in one form: how copies differ in blanks and signs is nothing."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(symbol for symbol in plain if symbol.isalnum())


def _filled(least: list[int]) -> list[int]:
    """Empty bins get what the next full one has (Shrivastava, Li, 2014)."""
    if all(value == _EMPTY for value in least):
        return [0] * len(least)
    filled = list(least)
    for place in reversed(range(-len(least), len(least))):
        if filled[place % BINS] == _EMPTY:
            filled[place % BINS] = filled[(place + 1) % BINS]
    return [value & _MASK for value in filled]
