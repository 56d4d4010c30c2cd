"""What investigations need of the database. Each write is one transaction with its audit entry."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.investigation.document import Case
from bongsu.desk.investigation.drafts import Draft, Publication
from bongsu.desk.investigation.evidence import Evidence, NewEvidence
from bongsu.desk.investigation.items import Item
from bongsu.desk.wording import Text


class CaseLine(NamedTuple):
    """A case in the list. `published`: its latest published version, 0 for none."""

    case_id: str
    title: Text
    opened_ts: int
    published: int


class SealedInterview(NamedTuple):
    """`person` and `said` are sealed."""

    interview_id: str
    case_id: str
    held_ts: int
    written_ts: int
    author: str
    person: bytes
    said: bytes


class CaseStore(Protocol):
    async def add(self, case: Case, act: Act) -> None: ...

    async def set_window(
        self, case_id: str, title: Text, window: tuple[int, int | None], act: Act
    ) -> bool:
        """Change what is investigated; whether there is such a case."""
        ...

    async def list_all(self) -> Sequence[CaseLine]: ...
    async def load(self, case_id: str) -> Case | None: ...

    async def add_items(self, case_id: str, items: Sequence[Item], act: Act) -> bool:
        """Add versions. False, and nothing done, if one of them is there already."""
        ...

    async def list_versions(self, case_id: str, item_id: str) -> Sequence[Item]: ...


class EvidenceStore(Protocol):
    async def add(self, case_id: str, new: NewEvidence, now: int, act: Act) -> Evidence: ...

    async def show(
        self, case_id: str, number: int, is_public: bool, name: str, caption: Text, act: Act
    ) -> bool:
        """Set what the public may see of a file; whether there is such a file."""
        ...


class InterviewStore(Protocol):
    async def add(self, interview: SealedInterview, act: Act) -> None: ...
    async def list_all(self, case_id: str) -> Sequence[SealedInterview]: ...

    async def load(self, interview_id: str, act: Act) -> SealedInterview | None:
        """Looking is an act."""
        ...


class PublicationStore(Protocol):
    async def add_draft(self, draft: Draft, act: Act) -> int:
        """Its number, dense from 1 in its case; `draft.number` is not looked at."""
        ...

    async def list_drafts(self, case_id: str) -> Sequence[Draft]: ...
    async def get_draft(self, case_id: str, number: int) -> Draft | None: ...

    async def review(self, draft: Draft, act: Act) -> bool:
        """Keep the verdict in `draft`; False if it has one already."""
        ...

    async def publish(self, draft: Draft, now: int, act: Act) -> int | None:
        """Its version, dense from 1 in its case; None if the draft is not approved as it is
        stored, or published already."""
        ...

    async def is_shown(self, case_id: str, number: int) -> bool:
        """Whether the public may have this evidence now, whatever was published of it."""
        ...

    async def list_published(self, case_id: str) -> Sequence[Publication]: ...
    async def get_published(self, case_id: str, version: int) -> Publication | None: ...
    async def list_latest(self) -> Sequence[Publication]:
        """The latest published version of every case that has one."""
        ...
