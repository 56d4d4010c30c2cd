"""The way of a report to the public: draft, a second person's review, publication.

A draft is a document as it was when it was made, stored as bytes with their hash; it never changes.
Whoever reviews or publishes names the hash of what was read, and author and reviewer are two
people. So what is published is what somebody else has read.
"""

from msgspec import Struct, structs

from bongsu.desk.people import Operator
from bongsu.desk.roles import Role
from bongsu.desk.sentences import Sentence
from bongsu.errors import Forbidden, InvalidParam, Refused

NOTE_CHARS_MAX = 2_000
REVIEWERS = frozenset({Role.INVESTIGATOR, Role.APPROVER})


class Draft(Struct, frozen=True):
    """`body` is the encoded document, `hash` its SHA-256 in hexadecimal. `is_approved` None: nobody
    has reviewed it. `version`: under which it was published."""

    case_id: str
    number: int
    body: bytes
    hash: str
    summary: str  # what this version changes, for the public
    author: str
    made_ts: int
    reviewer: str | None = None
    review_note: str = ""
    reviewed_ts: int | None = None
    is_approved: bool | None = None
    version: int | None = None


class Publication(Struct, frozen=True):
    """A published version: this and nothing else of a draft is for the public."""

    case_id: str
    version: int
    body: bytes
    hash: str
    summary: str
    published_ts: int


def reviewed(
    draft: Draft, reviewer: Operator, hash: str, is_approved: bool, note: str, now: int
) -> Draft:
    """The draft with a verdict, or a refusal."""
    if not reviewer.may(*REVIEWERS):
        raise Forbidden("Only an investigator or an approver reviews a draft")
    _check_hash(draft, hash)
    if reviewer.user_id == draft.author:
        raise Forbidden("Another person has to review it", code="DESK_SAME_PERSON")
    if draft.is_approved is not None:
        raise Refused("This draft is reviewed already", code="DESK_DRAFT_REVIEWED", status=409)
    if len(note) > NOTE_CHARS_MAX:
        raise InvalidParam(
            Sentence("The note is longer than {count} characters", count=NOTE_CHARS_MAX)
        )
    if not (note or is_approved):
        raise InvalidParam("Say why it is sent back")
    return structs.replace(
        draft,
        reviewer=reviewer.user_id,
        review_note=note,
        reviewed_ts=now,
        is_approved=is_approved,
    )


def check_publishable(draft: Draft, publisher: Operator, hash: str) -> None:
    """A refusal unless this draft may be published by this operator."""
    if not publisher.may(Role.PUBLISHER):
        raise Forbidden("Only a publisher publishes")
    _check_hash(draft, hash)
    if not draft.is_approved:
        raise Refused("Nobody has approved this draft", code="DESK_DRAFT_NOT_APPROVED", status=409)
    if draft.version is not None:
        raise Refused("This draft is published already", code="DESK_DRAFT_PUBLISHED", status=409)


def _check_hash(draft: Draft, hash: str) -> None:
    if draft.hash != hash:
        raise Refused(
            "This is not the draft that you read: load it anew",
            code="DESK_DRAFT_CHANGED",
            status=409,
        )
