"""Statements: the public's versions, and the publishers' drafts."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

from bongsu.desk.roles import Role
from bongsu.desk.statements.statements import (
    BODY_CHARS_MAX,
    LANGUAGES_MAX,
    ORIGIN,
    TITLE_CHARS_MAX,
    Said,
    Statement,
    StatementKind,
    Statements,
    StatementVersion,
    Texts,
    first_break,
)
from bongsu.desk.words_changed import Piece, differences
from bongsu.errors import NotFound
from bongsu.http.desk import wording
from bongsu.http.desk.endpoints import Endpoint, api, get, post
from bongsu.http.desk.texts import LANGUAGE_NAMES
from bongsu.http.desk.visit import Visit

HOME = "/operator/statements"
PUBLISHERS = frozenset({Role.PUBLISHER})
LANGUAGE_CHARS_MAX = 20
FORM_BYTES_MAX = 4 * 1024 * 1024
FALLBACKS = ("ko", "en")


class ToldStatement(Struct, frozen=True, omit_defaults=True):
    """A version for machines; its hash is of `previous_hash` and the rest (see `statements`)."""

    statement_id: str
    kind: StatementKind
    version: int
    published_ts: int
    texts: dict[str, Said]
    hash: str
    previous_hash: str = ""


class StatementList(Struct, frozen=True):
    """The newest first."""

    statements: list[ToldStatement]


class StatementPages:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def endpoints(self) -> Iterator[Endpoint]:
        yield get("/statements", self.public_list)
        yield get("/statements/{statement}", self.latest)
        yield get("/statements/{statement}/{version:int}", self.public_show)
        yield api("GET", "/api/statements", self.machine_list)
        yield api("GET", "/api/statements/{statement}/{version:int}", self.machine)
        roles = PUBLISHERS
        yield get(HOME, self.list, roles=roles)
        yield post(HOME, self.add, roles=roles, body_bytes_max=FORM_BYTES_MAX)
        yield get(f"{HOME}/{{statement}}", self.show, roles=roles)
        yield post(f"{HOME}/{{statement}}", self.save, roles=roles, body_bytes_max=FORM_BYTES_MAX)
        yield post(f"{HOME}/{{statement}}/publish", self.publish, roles=roles)

    async def public_list(self, visit: Visit) -> Response:
        latest = [
            (kind, one, _in_language(one.texts, visit.language)[1])
            for kind, one in await self._statements.list_latest()
        ]
        return visit.render("statements/list.html", latest=latest)

    async def latest(self, visit: Visit) -> Response:
        statement_id = visit.path["statement"]
        versions = await self._versions(statement_id)
        return visit.redirect(f"/statements/{statement_id}/{versions[-1].version}")

    async def public_show(self, visit: Visit) -> Response:
        statement_id, number = visit.path["statement"], int(visit.path["version"])
        versions = await self._versions(statement_id)
        if not 1 <= number <= len(versions):
            raise NotFound("There is no such version")
        version = versions[number - 1]
        wish = visit.query.get("in", visit.language)
        language, said = _in_language(version.texts, wish)
        previous = versions[number - 2].texts.get(language) if number > 1 else None
        return visit.render(
            "statements/statement.html",
            version=version,
            versions=versions,
            said=said,
            text_language=language,
            names=LANGUAGE_NAMES,
            changes=_changes(previous, said) if number > 1 else None,
            broken=first_break(versions),
        )

    async def machine_list(self, visit: Visit) -> Response:
        latest = await self._statements.list_latest()
        return _json(StatementList([_told(kind, one) for kind, one in latest]))

    async def machine(self, visit: Visit) -> Response:
        """All that the hash is made of, the hash before it too."""
        number = int(visit.path["version"])
        versions = await self._versions(visit.path["statement"])
        if not 1 <= number <= len(versions):
            raise NotFound("There is no such version")
        kind = (await self._statements.get(visit.path["statement"])).kind
        before = versions[number - 2].hash if number > 1 else ORIGIN
        return _json(_told(kind, versions[number - 1], before.hex()))

    async def list(self, visit: Visit) -> Response:
        statements = [
            (one, _in_language(one.draft, visit.language)[1])
            for one in await self._statements.list_all()
        ]
        return visit.render(
            "statements/operator_list.html", statements=statements, kinds=list(StatementKind),
            **_form(None),
        )  # fmt: skip

    async def add(self, visit: Visit) -> Response:
        kind = visit.text("kind", LANGUAGE_CHARS_MAX, required=True)
        if kind not in set(StatementKind):
            raise visit.refuse("base.field_wrong", name="kind")
        statement_id = await self._statements.add(
            visit.operator, StatementKind(kind), _texts(visit)
        )
        return visit.redirect(f"{HOME}/{statement_id}")

    async def show(self, visit: Visit) -> Response:
        statement = await self._statements.get(visit.path["statement"])
        versions = await self._statements.list_versions(statement.statement_id)
        return visit.render(
            "statements/operator_statement.html", statement=statement, versions=versions,
            **_form(statement),
        )  # fmt: skip

    async def save(self, visit: Visit) -> Response:
        statement_id = visit.path["statement"]
        revision = wording.number(visit, "revision")
        await self._statements.save_draft(visit.operator, statement_id, revision, _texts(visit))
        return visit.redirect(f"{HOME}/{statement_id}")

    async def publish(self, visit: Visit) -> Response:
        statement_id = visit.path["statement"]
        revision = wording.number(visit, "revision")
        version = await self._statements.publish(visit.operator, statement_id, revision)
        return visit.redirect(f"/statements/{statement_id}/{version}")

    async def _versions(self, statement_id: str) -> "list[StatementVersion]":
        versions = list(await self._statements.list_versions(statement_id))
        if not versions:
            raise NotFound("There is no such statement")
        return versions


def _form(statement: Statement | None) -> "dict[str, Any]":
    """Fields for our languages, for those the statement is in, and for one more."""
    draft: Texts = statement.draft if statement else {}
    return {"draft": draft, "form_languages": list({**LANGUAGE_NAMES, **draft}),
            "names": LANGUAGE_NAMES}  # fmt: skip


def _texts(visit: Visit) -> Texts:
    """Each language whose title or text is filled in."""
    found: dict[str, Said] = {}
    for place, tag in enumerate(visit.texts("language", LANGUAGES_MAX)):
        title = visit.text(f"title_{place}", TITLE_CHARS_MAX)
        body = visit.text(f"body_{place}", BODY_CHARS_MAX)
        if title or body:
            found[tag.strip()[:LANGUAGE_CHARS_MAX]] = Said(title, body)
    return found


def _in_language(texts: Texts, wish: str) -> tuple[str, Said]:
    """In the language that is wished for, else in one of ours, else in any."""
    for language in (wish, *FALLBACKS, *texts):
        if language in texts:
            return language, texts[language]
    raise AssertionError("a statement has a text")


def _changes(previous: Said | None, said: Said) -> "Mapping[str, list[Piece]]":
    before = previous or Said("", "")
    return {
        "title": differences(before.title, said.title),
        "body": differences(before.body, said.body),
    }


def _told(kind: StatementKind, version: StatementVersion, before: str = "") -> ToldStatement:
    return ToldStatement(
        version.statement_id, kind, version.version, version.published_ts, dict(version.texts),
        version.hash.hex(), before,
    )  # fmt: skip


def _json(told: Struct) -> Response:
    return Response(msgspec.json.encode(told), media_type="application/json")
