"""Statements: drafts that may change, versions that may not.

    hash n = SHA-256(hash n-1 ‖ canonical JSON of [statement, n, published_ts, texts])

The hash is shown with the version, and the JSON with it: whoever kept either can tell.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct

from bongsu.desk.audit import Act
from bongsu.desk.people import Operator
from bongsu.desk.roles import Role
from bongsu.desk.sentences import Sentence
from bongsu.errors import Forbidden, InvalidParam, NotFound, Refused
from bongsu.rooms.canonical_json import canonical_json
from bongsu.users.tokens import Clock, now_ms

ID_BYTES = 9
TITLE_CHARS_MAX = 300
BODY_CHARS_MAX = 100_000
LANGUAGES_MAX = 20
ORIGIN = bytes(32)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?\Z")


class StatementKind(StrEnum):
    APOLOGY = "apology"
    HEARING = "hearing"
    ANSWER = "answer"


class Said(Struct, frozen=True):
    """A statement in one language."""

    title: str
    body: str


Texts = Mapping[str, Said]  # by language tag


class Statement(NamedTuple):
    """`draft`: what the next version would say; `revision` counts its changes. `version`: the
    latest published one, 0 before the first."""

    statement_id: str
    kind: StatementKind
    draft: Texts
    revision: int
    version: int
    made_ts: int


class StatementVersion(NamedTuple):
    """What was published, for good."""

    statement_id: str
    version: int
    published_ts: int
    texts: Texts
    hash: bytes


class StatementStore(Protocol):
    """Each write is one transaction with its audit entry."""

    async def add(self, statement: Statement, act: Act) -> None: ...
    async def get(self, statement_id: str) -> Statement | None: ...
    async def list_all(self) -> Sequence[Statement]: ...

    async def save_draft(self, statement_id: str, revision: int, texts: Texts, act: Act) -> bool:
        """Replace the draft of `revision`; False if it is another one by now."""
        ...

    async def publish(
        self, statement: Statement, previous: StatementVersion | None, now: int, act: Act
    ) -> StatementVersion | None:
        """The draft of this revision as the version after `previous`; None if either is another
        one by now."""
        ...

    async def list_versions(self, statement_id: str) -> Sequence[StatementVersion]: ...
    async def list_latest(self) -> Sequence[tuple[StatementKind, StatementVersion]]: ...


class Statements:
    """Callers have made sure that `operator` is a publisher."""

    def __init__(self, store: StatementStore, clock: Clock = now_ms) -> None:
        self._store = store
        self._clock = clock

    async def add(self, operator: Operator, kind: StatementKind, texts: Texts) -> str:
        statement_id, now = secrets.token_urlsafe(ID_BYTES), self._clock()
        statement = Statement(statement_id, kind, _checked(texts), 1, 0, now)
        await self._store.add(statement, Act(operator.user_id, "statements.add", statement_id))
        return statement_id

    async def get(self, statement_id: str) -> Statement:
        statement = await self._store.get(statement_id)
        if statement is None:
            raise NotFound("There is no such statement")
        return statement

    async def list_all(self) -> Sequence[Statement]:
        return await self._store.list_all()

    async def save_draft(
        self, operator: Operator, statement_id: str, revision: int, texts: Texts
    ) -> None:
        act = Act(operator.user_id, "statements.save_draft", statement_id)
        if not await self._store.save_draft(statement_id, revision, _checked(texts), act):
            raise _changed()

    async def publish(self, operator: Operator, statement_id: str, revision: int) -> int:
        """The draft of `revision` becomes the next version; gives its number."""
        if not operator.may(Role.PUBLISHER):
            raise Forbidden("Only a publisher publishes")
        statement = await self.get(statement_id)
        versions = await self._store.list_versions(statement_id)
        previous = versions[-1] if versions else None
        if statement.revision != revision:
            raise _changed()
        if previous is not None and previous.texts == statement.draft:
            raise Refused("It says what the last version says", code="DESK_STATEMENT_SAME")
        act = Act(operator.user_id, "statements.publish", statement_id, {"revision": revision})
        made = await self._store.publish(statement, previous, self._clock(), act)
        if made is None:
            raise _changed()
        return made.version

    async def list_versions(self, statement_id: str) -> Sequence[StatementVersion]:
        """All published versions, the first one first."""
        return await self._store.list_versions(statement_id)

    async def list_latest(self) -> Sequence[tuple[StatementKind, StatementVersion]]:
        """The latest version of every statement that is published, the newest one first."""
        return await self._store.list_latest()


def link(previous: StatementVersion | None, statement: Statement, now: int) -> StatementVersion:
    """The version that follows `previous`."""
    version = 1 if previous is None else previous.version + 1
    before = ORIGIN if previous is None else previous.hash
    hash = digest(before, statement.statement_id, version, now, statement.draft)
    return StatementVersion(statement.statement_id, version, now, statement.draft, hash)


def first_break(versions: Sequence[StatementVersion]) -> int | None:
    """The number of the first version that is not what was published."""
    before = ORIGIN
    for number, one in enumerate(versions, 1):
        hash = digest(before, one.statement_id, number, one.published_ts, one.texts)
        if one.version != number or one.hash != hash:
            return number
        before = one.hash
    return None


def digest(before: bytes, statement_id: str, version: int, ts: int, texts: Texts) -> bytes:
    told = {language: {"title": one.title, "body": one.body} for language, one in texts.items()}
    return hashlib.sha256(before + canonical_json([statement_id, version, ts, told])).digest()


def _checked(texts: Texts) -> Texts:
    if not 0 < len(texts) <= LANGUAGES_MAX:
        raise InvalidParam(
            Sentence("A statement is in from 1 to {count} languages", count=LANGUAGES_MAX)
        )
    for language, said in texts.items():
        if not _LANGUAGE.match(language):
            raise InvalidParam(
                Sentence(
                    "{language!r} is no language tag such as ko, en or zh-Hans",
                    language=language[:20],
                )
            )
        if not 0 < len(said.title) <= TITLE_CHARS_MAX or not 0 < len(said.body) <= BODY_CHARS_MAX:
            raise InvalidParam(
                Sentence(
                    "{language}: it needs a title and a text that are not too long",
                    language=language,
                )
            )
    return texts


def _changed() -> Refused:
    return Refused("Somebody else has changed this meanwhile: load it anew",
                   code="DESK_STATEMENT_CHANGED", status=409)  # fmt: skip
