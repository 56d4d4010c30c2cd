"""From a case to versions that the public keeps."""

from collections.abc import Sequence

from bongsu.desk.audit import Act
from bongsu.desk.investigation import document
from bongsu.desk.investigation.document import Document, PublicEvidence
from bongsu.desk.investigation.drafts import Draft, Publication, check_publishable, reviewed
from bongsu.desk.investigation.stores import CaseStore, PublicationStore
from bongsu.desk.people import Operator
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import Clock, now_ms

SUMMARY_CHARS_MAX = 2_000


class Publishing:
    def __init__(
        self, cases: CaseStore, publications: PublicationStore, clock: Clock = now_ms
    ) -> None:
        self._cases = cases
        self._publications = publications
        self._clock = clock

    async def make_draft(self, operator: Operator, case_id: str, summary: str) -> int:
        """Everything public of the case as it is now; gives the draft's number."""
        case = await self._cases.load(case_id)
        if case is None:
            raise NotFound("There is no such case")
        if not summary or len(summary) > SUMMARY_CHARS_MAX:
            raise InvalidParam(
                Sentence("Say what is new, in {count} characters at most", count=SUMMARY_CHARS_MAX)
            )
        if wrong := document.complaints(case):
            raise Refused(wrong[0], code="DESK_DRAFT_INCOMPLETE")  # its page lists them all
        body = document.encode(document.build(case))
        draft = Draft(
            case_id, 0, body, document.digest(body), summary, operator.user_id, self._clock()
        )
        act = Act(operator.user_id, "investigation.make_draft", case_id, {"hash": draft.hash})
        return await self._publications.add_draft(draft, act)

    async def review(
        self, operator: Operator, case_id: str, number: int, hash: str, *, is_approved: bool,
        note: str,
    ) -> None:  # fmt: skip
        draft = await self.get_draft(case_id, number)
        verdict = reviewed(draft, operator, hash, is_approved, note, self._clock())
        detail = {"draft": number, "hash": hash, "is_approved": is_approved}
        act = Act(operator.user_id, "investigation.review", case_id, detail)
        if not await self._publications.review(verdict, act):
            raise Refused("This draft is reviewed already", code="DESK_DRAFT_REVIEWED", status=409)

    async def publish(self, operator: Operator, case_id: str, number: int, hash: str) -> int:
        """The version under which it is published."""
        draft = await self.get_draft(case_id, number)
        check_publishable(draft, operator, hash)
        detail = {"draft": number, "hash": hash}
        act = Act(operator.user_id, "investigation.publish", case_id, detail)
        version = await self._publications.publish(draft, self._clock(), act)
        if version is None:
            raise Refused(
                "This draft is published already", code="DESK_DRAFT_PUBLISHED", status=409
            )
        return version

    async def get_draft(self, case_id: str, number: int) -> Draft:
        draft = await self._publications.get_draft(case_id, number)
        if draft is None:
            raise NotFound("There is no such draft")
        return draft

    async def list_drafts(self, case_id: str) -> Sequence[Draft]:
        return await self._publications.list_drafts(case_id)

    async def list_latest(self) -> Sequence[Publication]:
        return await self._publications.list_latest()

    async def list_published(self, case_id: str) -> Sequence[Publication]:
        """All versions of a case, the first one first."""
        return await self._publications.list_published(case_id)

    async def get_published(self, case_id: str, version: int) -> Publication:
        found = await self._publications.get_published(case_id, version)
        if found is None:
            raise NotFound("There is no such version")
        return found

    async def public_file(self, case_id: str, number: int) -> PublicEvidence:
        """Evidence that a published version names. A version is never changed, but a file of it can
        be taken from the public: what names somebody by mistake does not stay there for ever."""
        for publication in reversed(await self.list_published(case_id)):
            for one in read(publication).evidence:
                if one.number == number:
                    if await self._publications.is_shown(case_id, number):
                        return one
                    raise Refused(
                        "This file is no longer public", code="DESK_EVIDENCE_WITHDRAWN", status=410
                    )
        raise NotFound("No published report names such a file")


def read(publication: Publication) -> Document:
    """The document of a version; that its hash still holds is asserted each time."""
    assert document.digest(publication.body) == publication.hash, "a published version changed"
    return document.decode(publication.body)
