"""What investigators do with a case: open it, write its items, add evidence and interviews."""

import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bongsu.desk.audit import Act
from bongsu.desk.investigation import evidence, items
from bongsu.desk.investigation.document import Case
from bongsu.desk.investigation.evidence import Evidence, NewEvidence
from bongsu.desk.investigation.items import Content, Event, Item, Source
from bongsu.desk.investigation.machine_events import Received
from bongsu.desk.investigation.stores import (
    CaseLine,
    CaseStore,
    EvidenceStore,
    InterviewStore,
    SealedInterview,
)
from bongsu.desk.people import Operator
from bongsu.desk.sealing import Context, Sealer
from bongsu.desk.sentences import Sentence
from bongsu.desk.wording import TITLE_CHARS_MAX, Text, checked
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import Clock, now_ms

ID_BYTES = 9
ITEMS_MAX = 5_000
INTERVIEW_CHARS_MAX = 200_000
INTERVIEW_TABLE = "investigation_interview"


class CaseStores(NamedTuple):
    cases: CaseStore
    evidence: EvidenceStore
    interviews: InterviewStore


class Interview(NamedTuple):
    """What somebody said, opened for an investigator."""

    interview_id: str
    held_ts: int
    author: str
    person: str
    said: str


class Cases:
    """Callers have made sure that `operator` is an investigator."""

    def __init__(self, stores: CaseStores, sealer: Sealer, clock: Clock = now_ms) -> None:
        self._stores = stores
        self._sealer = sealer
        self._clock = clock

    # --- the case

    async def open(self, operator: Operator, title: Text, began: int, ended: int | None) -> str:
        """A new case; gives its id."""
        case_id, now = secrets.token_urlsafe(ID_BYTES), self._clock()
        case = Case(case_id, _title(title), *_window(began, ended), now, (), ())
        await self._stores.cases.add(case, Act(operator.user_id, "investigation.open", case_id))
        return case_id

    async def change(
        self, operator: Operator, case_id: str, title: Text, began: int, ended: int | None
    ) -> None:
        act = Act(operator.user_id, "investigation.change", case_id)
        window = _window(began, ended)
        if not await self._stores.cases.set_window(case_id, _title(title), window, act):
            raise NotFound("There is no such case")

    async def list_all(self) -> Sequence[CaseLine]:
        return await self._stores.cases.list_all()

    async def load(self, case_id: str) -> Case:
        case = await self._stores.cases.load(case_id)
        if case is None:
            raise NotFound("There is no such case")
        return case

    # --- items

    async def write(
        self,
        operator: Operator,
        case_id: str,
        content: Content,
        *,
        item_id: str = "",
        version: int = 0,
        is_public: bool = False,
        is_withdrawn: bool = False,
        note: str = "",
    ) -> str:
        """A new item, or what follows `version` of one; gives its id."""
        items.check(content, note)
        case = await self.load(case_id)
        known = {item.item_id: item for item in case.items}
        if item_id and item_id not in known:
            raise NotFound("There is no such item")
        _check_references(case, content)
        if item_id and type(known[item_id].content) is not type(content):
            raise InvalidParam("An item stays of the kind that it is")
        if len(known) >= ITEMS_MAX:
            raise InvalidParam(Sentence("A case holds {count} items at most", count=ITEMS_MAX))
        item = Item(
            item_id or secrets.token_urlsafe(ID_BYTES), version + 1, content, is_public,
            is_withdrawn, note, operator.user_id, self._clock(),
        )  # fmt: skip
        await self._add(operator, case_id, [item])
        return item.item_id

    async def take(
        self, operator: Operator, case_id: str, received: Iterable[Received], is_public: bool
    ) -> int:
        """Put machine events on the timeline; gives how many were not there yet."""
        case = await self.load(case_id)
        known = {item.content.machine for item in case.items if isinstance(item.content, Event)}
        now = self._clock()
        fresh = [one for one in received if one.key not in known]
        if len(case.items) + len(fresh) > ITEMS_MAX:
            raise InvalidParam(Sentence("A case holds {count} items at most", count=ITEMS_MAX))
        await self._add(operator, case_id, [_taken(one, operator, is_public, now) for one in fresh])
        return len(fresh)

    async def list_versions(self, case_id: str, item_id: str) -> Sequence[Item]:
        """All versions of an item, the first one first."""
        return await self._stores.cases.list_versions(case_id, item_id)

    # --- evidence

    async def add_evidence(self, case_id: str, new: NewEvidence) -> Evidence:
        """A file that is in the media stores already."""
        evidence.check(new)
        await self.load(case_id)
        act = Act(new.author, "investigation.add_evidence", case_id, {"sha256": new.sha256.hex()})
        return await self._stores.evidence.add(case_id, new, self._clock(), act)

    async def show_evidence(
        self, operator: Operator, case_id: str, number: int, *, is_public: bool, name: str,
        caption: Text,
    ) -> None:  # fmt: skip
        """Whether the public may have a file, under which name."""
        if is_public:
            evidence.check_public(name, caption)
        detail = {"number": number, "is_public": is_public}
        act = Act(operator.user_id, "investigation.show_evidence", case_id, detail)
        if not await self._stores.evidence.show(case_id, number, is_public, name, caption, act):
            raise NotFound("There is no such evidence")

    # --- interviews

    async def add_interview(
        self, operator: Operator, case_id: str, held_ts: int, person: str, said: str
    ) -> str:
        """Sealed before it goes anywhere; gives its id."""
        if not person or not said or len(person) + len(said) > INTERVIEW_CHARS_MAX:
            raise InvalidParam("Who was asked, and what was said; at most 200,000 characters")
        await self.load(case_id)
        interview_id = secrets.token_urlsafe(ID_BYTES)
        sealed = SealedInterview(
            interview_id, case_id, held_ts, self._clock(), operator.user_id,
            self._sealer.seal(person, Context(INTERVIEW_TABLE, "person", interview_id)),
            self._sealer.seal(said, Context(INTERVIEW_TABLE, "said", interview_id)),
        )  # fmt: skip
        act = Act(operator.user_id, "investigation.add_interview", interview_id, {"case": case_id})
        await self._stores.interviews.add(sealed, act)
        return interview_id

    async def list_interviews(self, case_id: str) -> Sequence[SealedInterview]:
        """Still sealed: the list says when and by whom, not who and what."""
        return await self._stores.interviews.list_all(case_id)

    async def open_interview(self, operator: Operator, interview_id: str) -> Interview:
        act = Act(operator.user_id, "investigation.look_at_interview", interview_id)
        sealed = await self._stores.interviews.load(interview_id, act)
        if sealed is None:
            raise NotFound("There is no such interview")
        return Interview(
            interview_id,
            sealed.held_ts,
            sealed.author,
            self._sealer.open(sealed.person, Context(INTERVIEW_TABLE, "person", interview_id)),
            self._sealer.open(sealed.said, Context(INTERVIEW_TABLE, "said", interview_id)),
        )

    async def _add(self, operator: Operator, case_id: str, new: Sequence[Item]) -> None:
        if not new:
            return
        detail = {"items": [f"{item.item_id}:{item.version}" for item in new]}
        act = Act(operator.user_id, "investigation.write", case_id, detail)
        if not await self._stores.cases.add_items(case_id, new, act):
            raise Refused(
                "Somebody else has changed this meanwhile: load it anew",
                code="DESK_ITEM_CHANGED",
                status=409,
            )


def _taken(received: Received, operator: Operator, is_public: bool, now: int) -> Item:
    event = received.event
    place = " ".join(part for part in (event.site, event.part) if part)
    told = f"{place}: {event.what}" if place else event.what
    text, sender = Text(told, told), Text(received.sender, received.sender)
    content = Event(
        event.at, event.uncertainty_ms, text, Source.MACHINE, sender, (),
        received.key,
    )  # fmt: skip
    item_id = secrets.token_urlsafe(ID_BYTES)
    return Item(item_id, 1, content, is_public, False, "", operator.user_id, now)


def _check_references(case: Case, content: Content) -> None:
    numbers = {one.number for one in case.evidence}
    if unknown := set(items.evidence_of(content)) - numbers:
        raise InvalidParam(Sentence("There is no evidence E{number}", number=min(unknown)))
    if isinstance(content, items.Cause):
        known = {item.item_id: type(item.content) for item in case.items}
        if content.parent and known.get(content.parent) is not items.Cause:
            raise InvalidParam("There is no such cause above it")
        if any(known.get(event) is not Event for event in content.events):
            raise InvalidParam("There is no such event on the timeline")


def _title(title: Text) -> Text:
    return checked(title, Sentence("Title"), TITLE_CHARS_MAX)


def _window(began: int, ended: int | None) -> tuple[int, int | None]:
    if not 0 <= began <= items.TS_MAX or (ended is not None and not began <= ended <= items.TS_MAX):
        raise InvalidParam("It ends before it begins, or its times are out of range")
    return began, ended
