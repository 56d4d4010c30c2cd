"""Programmes over time: versions that never change, and their approval by two others.

An approval names the hash of the text that the approver was shown. A changed text is a new version
with a hash of its own, so nothing that was approved before says anything of it.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.compensation.dry_run import DryRun, dry_run
from bongsu.desk.compensation.programme import Problem, Programme, ProgrammeRefused
from bongsu.desk.compensation.text_form import parse_programme
from bongsu.desk.reports.facts import FactsSource
from bongsu.desk.sentences import Sentence
from bongsu.errors import Forbidden, InvalidParam, NotFound, Refused
from bongsu.users.tokens import now_ms

APPROVALS_NEEDED = 2
NOTE_CHARS_MAX = 1_000


class Approval(NamedTuple):
    approver: str
    approved_ts: int


class Version(NamedTuple):
    """A version of a programme with who approved its very text."""

    programme: str
    version: int
    text: str
    sha256: bytes
    author: str
    note: str
    made_ts: int
    approvals: tuple[Approval, ...] = ()

    @property
    def is_approved(self) -> bool:
        return len(self.approvals) >= APPROVALS_NEEDED


class StoredRun(NamedTuple):
    """A dry run that was made. `before`: the version it was compared with; 0 for none."""

    version: int
    before: int
    ran_ts: int
    operator: str
    result: DryRun


class VersionStore(Protocol):
    async def list_latest(self) -> Sequence[Version]:
        """The latest version of each programme."""
        ...

    async def load(self, programme: str) -> Sequence[Version]:
        """All versions, oldest first."""
        ...

    async def add(self, version: Version, act: Act) -> bool:
        """False if there is a version of that number."""
        ...

    async def approve(self, version: Version, approval: Approval, act: Act) -> bool:
        """False if this person approved it before."""
        ...

    async def add_run(self, programme: str, run: StoredRun, act: Act) -> None: ...
    async def load_run(self, programme: str, version: int) -> StoredRun | None:
        """The latest of this version."""
        ...


class Programmes:
    def __init__(
        self, store: VersionStore, facts: FactsSource, clock: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._facts = facts
        self._clock = clock

    async def list_latest(self) -> Sequence[Version]:
        return await self._store.list_latest()

    async def versions(self, programme: str) -> Sequence[Version]:
        """All versions, oldest first; `NotFound`."""
        versions = await self._store.load(programme)
        if not versions:
            raise NotFound(f"There is no programme {programme[:60]}")
        return versions

    async def version(self, programme: str, number: int) -> Version:
        versions = await self.versions(programme)
        if not 1 <= number <= len(versions):
            raise NotFound(f"{programme} has no version {number}")
        return versions[number - 1]

    async def in_force(self, programme: str) -> Version:
        """The latest version that is approved; `Refused` if none is."""
        for version in reversed(await self.versions(programme)):
            if version.is_approved:
                return version
        raise Refused(
            Sentence(
                "No version of {programme} is approved by two people yet", programme=programme
            ),
            code="COMPENSATION_NOT_APPROVED",
            status=409,
        )

    async def save(self, author: str, text: str, note: str, *, based_on: int) -> Version:
        """A new version of the programme that `text` names. `based_on`: the version its author
        saw, 0 for none, so that two authors do not overwrite one another unseen.

        Raises `ProgrammeRefused` for a text that is none.
        """
        text = text.replace("\r\n", "\n")
        programme, _ = parse_programme(text)
        versions = await self._store.load(programme.name)
        if len(versions) != based_on:
            raise _conflict(programme.name, len(versions))
        if versions and versions[-1].text == text:
            raise Refused("Nothing is different from the version before", code="COMPENSATION_SAME")
        if not note.strip() or len(note) > NOTE_CHARS_MAX:
            raise InvalidParam("Say in a note what is different and why")
        digest = hashlib.sha256(text.encode()).digest()
        version = Version(
            programme.name, based_on + 1, text, digest, author, note.strip(), self._clock()
        )
        detail = {"version": version.version, "sha256": digest.hex(), "note": version.note}
        act = Act(author, "compensation.save", programme.name, detail)
        if not await self._store.add(version, act):
            raise _conflict(programme.name, version.version)
        return version

    async def approve(self, approver: str, programme: str, number: int, sha256: str) -> Version:
        """`sha256`: in hexadecimal, of the text that the approver was shown."""
        versions = await self.versions(programme)
        version = await self.version(programme, number)
        if number != len(versions):
            raise _conflict(programme, len(versions))
        if version.sha256.hex() != sha256:
            raise Refused(
                "The text is not the one that you were shown: read it again",
                code="COMPENSATION_CHANGED",
                status=409,
            )
        if is_same_person(version.author, approver):
            raise Forbidden("Nobody approves a version of their own", code="COMPENSATION_AUTHOR")
        if any(is_same_person(each.approver, approver) for each in version.approvals):
            raise Refused("You approved it before", code="COMPENSATION_TWICE", status=409)
        detail = {"version": number, "sha256": sha256}
        act = Act(approver, "compensation.approve", programme, detail)
        if not await self._store.approve(version, Approval(approver, self._clock()), act):
            raise Refused("You approved it before", code="COMPENSATION_TWICE", status=409)
        return await self.version(programme, number)

    async def dry_run(self, operator: str, programme: str, number: int) -> StoredRun:
        """Run a version over all reports, against the version before, and keep the result."""
        version = await self.version(programme, number)
        before = await self._compared_with(programme, number)
        result = await dry_run(
            self._facts.stream_facts(), parsed(version), parsed(before) if before else None
        )
        compared = before.version if before else 0
        run = StoredRun(number, compared, self._clock(), operator, result)
        detail = {"version": number, "before": compared, "counted": result.counted}
        act = Act(operator, "compensation.dry_run", programme, detail)
        await self._store.add_run(programme, run, act)
        return run

    async def load_run(self, programme: str, number: int) -> StoredRun | None:
        return await self._store.load_run(programme, number)

    async def _compared_with(self, programme: str, number: int) -> Version | None:
        return await self.version(programme, number - 1) if number > 1 else None


def parsed(version: Version) -> Programme:
    """The programme of a stored version: it was checked when it was saved."""
    return parse_programme(version.text)[0]


def check(text: str) -> list[Problem]:
    """All problems and warnings of a text, by line."""
    try:
        _, warnings = parse_programme(text)
    except ProgrammeRefused as error:
        return error.problems
    return warnings


def is_same_person(one: str, other: str) -> bool:
    """Whether two user ids are one, or could be taken for one another."""
    return _plain(one) == _plain(other)


def _plain(user_id: str) -> str:
    return unicodedata.normalize("NFKC", user_id).casefold().strip()


def _conflict(programme: str, latest: int) -> Refused:
    return Refused(
        Sentence(
            "{programme} has version {latest} meanwhile: look at that first",
            programme=programme,
            latest=latest,
        ),
        code="COMPENSATION_CONFLICT",
        status=409,
    )
