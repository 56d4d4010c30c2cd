"""Evidence: files, each a link of its case's chain of hashes.

    hash n = SHA-256(hash n-1 ‖ canonical JSON of [case, number, ts, actor, sha256, size, name,
                                                   description])

A file that is exchanged, taken out or slipped in later breaks the chain, and every published
version carries the chain's head of its day: the public holds the proof of what there was. Whether a
file is public may change; that is no part of the link.
"""

import hashlib
from collections.abc import Sequence

from msgspec import Struct

from bongsu.desk.sentences import Sentence
from bongsu.desk.wording import TITLE_CHARS_MAX, Text, checked
from bongsu.errors import InvalidParam
from bongsu.rooms.canonical_json import canonical_json

ORIGIN = bytes(32)
NAME_CHARS_MAX = 200
FILE_BYTES_MAX = 100 * 1024 * 1024
EVIDENCE_MAX = 2_000


class Evidence(Struct, frozen=True):
    """A file as it stands in the chain. `public_name` and `caption` are what the public may see."""

    number: int
    added_ts: int
    author: str
    sha256: bytes
    size: int
    name: str
    description: str
    hash: bytes
    is_public: bool = False
    public_name: str = ""
    caption: Text = Text()


class NewEvidence(Struct, frozen=True):
    """A file that is on disk, with what is said of it."""

    author: str
    sha256: bytes
    size: int
    name: str
    description: str


def check(new: NewEvidence) -> None:
    if not new.name or len(new.name) > NAME_CHARS_MAX:
        raise InvalidParam(
            Sentence("A file's name has from 1 to {count} characters", count=NAME_CHARS_MAX)
        )
    checked(Text(ko=new.description), Sentence("What the file shows"))


def check_public(name: str, caption: Text) -> None:
    """What a file has to have before the public may see it: names tell more than they should."""
    if not name or len(name) > NAME_CHARS_MAX or "/" in name or "\\" in name:
        raise InvalidParam("A public file needs a name of its own, without a folder")
    checked(caption, Sentence("What the file shows"), TITLE_CHARS_MAX)


def link(case_id: str, previous: Evidence | None, new: NewEvidence, ts: int) -> Evidence:
    """The evidence that follows `previous` in the chain."""
    number = 1 if previous is None else previous.number + 1
    before = ORIGIN if previous is None else previous.hash
    if number > EVIDENCE_MAX:
        raise InvalidParam(Sentence("A case holds {count} files at most", count=EVIDENCE_MAX))
    digest = _digest(case_id, before, number, ts, new)
    return Evidence(number, ts, new.author, new.sha256, new.size, new.name, new.description, digest)


def first_break(case_id: str, chain: Sequence[Evidence]) -> int | None:
    """The number of the first link that does not hold."""
    before = ORIGIN
    for number, one in enumerate(chain, 1):
        new = NewEvidence(one.author, one.sha256, one.size, one.name, one.description)
        if one.number != number or one.hash != _digest(case_id, before, number, one.added_ts, new):
            return number
        before = one.hash
    return None


def _digest(case_id: str, before: bytes, number: int, ts: int, new: NewEvidence) -> bytes:
    said = [case_id, number, ts, new.author, new.sha256.hex(), new.size, new.name, new.description]
    return hashlib.sha256(before + canonical_json(said)).digest()
