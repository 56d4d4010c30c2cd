"""Programmes of rules: written with their mistakes shown, run dry, approved, carried out."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

from starlette.responses import Response

from bongsu.desk.compensation.deciding import Deciding
from bongsu.desk.compensation.explaining import RuleInWords, explain_grant, explain_rules
from bongsu.desk.compensation.grants import Grants
from bongsu.desk.compensation.programme import Problem, ProgrammeRefused
from bongsu.desk.compensation.text_form import parse_programme
from bongsu.desk.compensation.text_nodes import TEXT_CHARS_MAX
from bongsu.desk.compensation.versions import (
    NOTE_CHARS_MAX,
    Programmes,
    Version,
    check,
    is_same_person,
    parsed,
)
from bongsu.desk.roles import Role
from bongsu.errors import Refused
from bongsu.http.desk.compensation_figures import picture_of
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.visit import Visit

READERS = frozenset({Role.ASSESSOR, Role.APPROVER})
APPROVERS = frozenset({Role.APPROVER})
HOME = "/operator/compensation"
PROGRAMME = HOME + "/programmes/{name}"
NUMBER_CHARS_MAX = 9


class Draft(NamedTuple):
    """What stands in the editor."""

    text: str
    note: str
    based_on: int


class ProgrammePages:
    def __init__(self, programmes: Programmes, deciding: Deciding, grants: Grants) -> None:
        self._programmes = programmes
        self._deciding = deciding
        self._grants = grants

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(HOME, self.home, roles=READERS)
        yield get(HOME + "/new", self.new, roles=READERS)
        yield post(HOME + "/check", self.check, roles=READERS, limit="page")
        yield post(HOME + "/save", self.save, roles=READERS)
        yield get(PROGRAMME, self.show, roles=READERS)
        yield get(PROGRAMME + "/edit", self.edit, roles=READERS)
        yield post(PROGRAMME + "/dry-run", self.dry_run, roles=READERS)
        yield post(PROGRAMME + "/approve", self.approve, roles=APPROVERS)
        yield post(PROGRAMME + "/decide", self.decide, roles=APPROVERS)

    async def home(self, visit: Visit) -> Response:
        programmes = await self._programmes.list_latest()
        proposals = await self._deciding.list_proposals()
        return visit.render(
            "compensation/home.html",
            programmes=[(each, _title(each, visit.language)) for each in programmes],
            proposals=proposals,
            may_approve=visit.operator.may(*APPROVERS),
        )

    # --- the editor

    async def new(self, visit: Visit) -> Response:
        return _editor(visit, Draft(_example(), "", 0), check(_example()))

    async def edit(self, visit: Visit) -> Response:
        latest = (await self._programmes.versions(visit.path["name"]))[-1]
        return _editor(visit, Draft(latest.text, "", latest.version), check(latest.text))

    async def check(self, visit: Visit) -> Response:
        """The editor again, or with `part=1` what is wrong in it, for the page's script."""
        draft = _draft(visit)
        problems = check(draft.text)
        if visit.text("part", 1):
            return visit.render(
                "compensation/problems.html",
                problems=problems,
                rules=rules_in_words(draft.text, visit),
            )
        return _editor(visit, draft, problems)

    async def save(self, visit: Visit) -> Response:
        draft = _draft(visit)
        try:
            version = await self._programmes.save(
                visit.operator.user_id, draft.text, draft.note, based_on=draft.based_on
            )
        except ProgrammeRefused as refused:
            return _editor(visit, draft, refused.problems, status=400)
        except Refused as refused:
            error = visit.told(refused.code, refused.message)
            return _editor(visit, draft, check(draft.text), error=error, status=refused.status)
        return visit.redirect(f"{HOME}/programmes/{version.programme}")

    # --- a version

    async def show(self, visit: Visit) -> Response:
        versions = await self._programmes.versions(visit.path["name"])
        version = _chosen(versions, visit.query.get("version", ""))
        programme = parsed(version)
        run = await self._programmes.load_run(version.programme, version.version)
        user_id = visit.operator.user_id
        may_approve = (
            visit.operator.may(*APPROVERS)
            and version.version == len(versions)
            and not is_same_person(version.author, user_id)
            and not any(is_same_person(each.approver, user_id) for each in version.approvals)
        )
        return visit.render(
            "compensation/programme.html",
            version=version,
            versions=versions,
            programme=programme,
            heading=programme.title.in_language(visit.language),
            rules=explain_rules(programme, visit.language),
            grants=[(each, explain_grant(each, visit.language)) for each in programme.grants],
            taken_up=await self._grants.count(version.programme),
            warnings=check(version.text),
            run=run,
            picture=picture_of(visit, programme, run) if run else None,
            may_approve=may_approve,
            may_decide=visit.operator.may(*APPROVERS) and version.is_approved,
            decided=visit.query.get("decided", ""),
        )

    async def dry_run(self, visit: Visit) -> Response:
        name, number = visit.path["name"], _number(visit)
        await self._programmes.dry_run(visit.operator.user_id, name, number)
        return visit.redirect(f"{HOME}/programmes/{name}?version={number}#dry-run")

    async def approve(self, visit: Visit) -> Response:
        name, number = visit.path["name"], _number(visit)
        sha256 = visit.text("sha256", 64, required=True)
        await self._programmes.approve(visit.operator.user_id, name, number, sha256)
        return visit.redirect(f"{HOME}/programmes/{name}?version={number}")

    async def decide(self, visit: Visit) -> Response:
        name = visit.path["name"]
        done = await self._deciding.decide_all(visit.operator.user_id, name)
        return visit.redirect(f"{HOME}/programmes/{name}?decided={done.decided}")


def _editor(
    visit: Visit, draft: Draft, problems: list[Problem], *, error: str = "", status: int = 200
) -> Response:
    return visit.render(
        "compensation/editor.html",
        status=status,
        draft=draft,
        problems=problems,
        rules=rules_in_words(draft.text, visit),
        error=error,
        text_chars_max=TEXT_CHARS_MAX,
        note_chars_max=NOTE_CHARS_MAX,
    )


def _draft(visit: Visit) -> Draft:
    # The form's text is taken as it is: indentation means something at its beginning too.
    raw = visit.form.get("text", "")
    if not isinstance(raw, str) or len(raw) > 2 * TEXT_CHARS_MAX:
        raise visit.refuse("base.field_long", name="text", chars=TEXT_CHARS_MAX)
    based_on = visit.text("based_on", NUMBER_CHARS_MAX)
    number = int(based_on) if based_on.isascii() and based_on.isdigit() else 0
    return Draft(raw.replace("\r\n", "\n"), visit.text("note", NOTE_CHARS_MAX), number)


def _number(visit: Visit) -> int:
    text = visit.text("version", NUMBER_CHARS_MAX, required=True)
    if not (text.isascii() and text.isdigit()):
        raise visit.refuse("base.field_wrong", name="version")
    return int(text)


def _chosen(versions: Sequence[Version], wish: str) -> Version:
    if wish.isascii() and wish.isdigit() and 1 <= int(wish[:9]) <= len(versions):
        return versions[int(wish[:9]) - 1]
    return versions[-1]


def rules_in_words(text: str, visit: Visit) -> list[RuleInWords]:
    """What a text means; nothing as long as anything is wrong with it."""
    try:
        programme, _ = parse_programme(text)
    except ProgrammeRefused:
        return []
    return explain_rules(programme, visit.language)


def _title(version: Version, language: str) -> str:
    return parsed(version).title.in_language(language)


def _example() -> str:
    example = files("bongsu.desk.compensation") / "examples" / "day-76.yaml"
    return example.read_text("utf-8")
