"""Drafts: made by an investigator, read by another person, published by a publisher."""

from collections.abc import Iterator
from functools import partial

from starlette.responses import Response

from bongsu.desk.investigation import differences, document
from bongsu.desk.investigation.drafts import NOTE_CHARS_MAX, Draft
from bongsu.desk.investigation.publishing import SUMMARY_CHARS_MAX, Publishing, read
from bongsu.desk.roles import Role
from bongsu.http.desk import wording
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.investigation_cases import HOME, INVESTIGATORS
from bongsu.http.desk.investigation_paper import when
from bongsu.http.desk.visit import Visit

HASH_CHARS = 64
READERS = frozenset({Role.INVESTIGATOR, Role.APPROVER, Role.PUBLISHER})
REVIEWERS = frozenset({Role.INVESTIGATOR, Role.APPROVER})
PUBLISHERS = frozenset({Role.PUBLISHER})


class DraftPages:
    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing

    def endpoints(self) -> Iterator[Endpoint]:
        drafts = f"{HOME}/{{case}}/drafts"
        yield get(drafts, self.list, roles=READERS)
        yield post(drafts, self.make, roles=INVESTIGATORS)
        yield get(f"{drafts}/{{number}}", self.show, roles=READERS)
        yield post(f"{drafts}/{{number}}/review", self.review, roles=REVIEWERS)
        yield post(f"{drafts}/{{number}}/publish", self.publish, roles=PUBLISHERS)

    async def list(self, visit: Visit) -> Response:
        case_id = visit.path["case"]
        drafts = await self._publishing.list_drafts(case_id)
        return visit.render("investigation/drafts.html", case_id=case_id, drafts=drafts)

    async def make(self, visit: Visit) -> Response:
        case_id = visit.path["case"]
        summary = visit.text("summary", SUMMARY_CHARS_MAX, required=True)
        number = await self._publishing.make_draft(visit.operator, case_id, summary)
        return visit.redirect(f"{HOME}/{case_id}/drafts/{number}")

    async def show(self, visit: Visit) -> Response:
        draft = await self._draft(visit)
        published = await self._publishing.list_published(draft.case_id)
        changes = None
        if published:
            texts = partial(wording.moment, visit)
            old, new = (
                differences.blocks(one, visit.language, texts)
                for one in (read(published[-1]), document.decode(draft.body))
            )
            changes = differences.compare(old, new)
        return visit.render(
            "investigation/draft.html",
            draft=draft,
            document=document.decode(draft.body),
            changes=changes,
            when=partial(when, visit),
            files_url="",
        )

    async def review(self, visit: Visit) -> Response:
        draft = await self._draft(visit)
        await self._publishing.review(
            visit.operator,
            draft.case_id,
            draft.number,
            visit.text("hash", HASH_CHARS, required=True),
            is_approved=visit.text("verdict", 10, required=True) == "approve",
            note=visit.text("note", NOTE_CHARS_MAX),
        )
        return visit.redirect(f"{HOME}/{draft.case_id}/drafts/{draft.number}")

    async def publish(self, visit: Visit) -> Response:
        draft = await self._draft(visit)
        hash = visit.text("hash", HASH_CHARS, required=True)
        version = await self._publishing.publish(visit.operator, draft.case_id, draft.number, hash)
        return visit.redirect(f"/investigations/{draft.case_id}/{version}")

    async def _draft(self, visit: Visit) -> Draft:
        return await self._publishing.get_draft(
            visit.path["case"], wording.path_number(visit, "number")
        )
