"""Briefings: what is said, line by line, while it is said. Lines are added and never changed."""

import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.people import Operator
from bongsu.desk.sentences import Sentence
from bongsu.desk.wording import TITLE_CHARS_MAX, Text, checked
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import Clock, now_ms

ID_BYTES = 9
KEY_CHARS_MAX = 100
SPEAKER_CHARS_MAX = 100
LINE_CHARS_MAX = 5_000
LINES_MAX = 10_000  # of one briefing
SHOWN_LINES = 200  # on a page: the latest, or those from a given one on
TS_MAX = 4_102_444_800_000


class BriefingState(StrEnum):
    PLANNED = "planned"
    LIVE = "live"
    ENDED = "ended"


class Briefing(NamedTuple):
    briefing_id: str
    title: Text
    starts_ts: int
    state: BriefingState
    lines: int = 0  # how many there are


class NewLine(NamedTuple):
    """`key` comes with the form: a doubled submit has it too. `corrects`: the number of a line that
    was wrong."""

    key: str
    speaker: str
    text: Text
    corrects: int | None = None


class Line(NamedTuple):
    """`number` is dense from 1 within the briefing."""

    number: int
    said_ts: int
    speaker: str
    text: Text
    corrects: int | None


class BriefingStore(Protocol):
    """Each write is one transaction with its audit entry."""

    async def add(self, briefing: Briefing, act: Act) -> None: ...
    async def get(self, briefing_id: str) -> Briefing | None: ...
    async def list_all(self) -> Sequence[Briefing]: ...
    async def set_state(self, briefing_id: str, state: BriefingState, act: Act) -> bool: ...

    async def add_line(self, briefing_id: str, line: NewLine, now: int, act: Act) -> int | None:
        """Its number, the one it has if it is there already; None if the briefing is not live.
        `Refused` when it has `LINES_MAX`, `InvalidParam` when `corrects` is no line before it."""
        ...

    async def list_lines(self, briefing_id: str, after: int, limit: int) -> Sequence[Line]: ...

    async def list_corrections(self, briefing_id: str, first: int, last: int) -> set[int]:
        """Which of these lines a later one corrects."""
        ...


class Briefings:
    """Callers have made sure that `operator` is a publisher."""

    def __init__(self, store: BriefingStore, clock: Clock = now_ms) -> None:
        self._store = store
        self._clock = clock

    async def add(self, operator: Operator, title: Text, starts_ts: int) -> str:
        checked(title, Sentence("Title"), TITLE_CHARS_MAX)
        if not 0 < starts_ts <= TS_MAX:
            raise InvalidParam("A briefing has a time")
        briefing_id = secrets.token_urlsafe(ID_BYTES)
        briefing = Briefing(briefing_id, title, starts_ts, BriefingState.PLANNED)
        await self._store.add(
            briefing, Act(operator.user_id, "statements.plan_briefing", briefing_id)
        )
        return briefing_id

    async def set_state(self, operator: Operator, briefing_id: str, state: BriefingState) -> None:
        act = Act(operator.user_id, f"statements.briefing_{state.value}", briefing_id)
        if not await self._store.set_state(briefing_id, state, act):
            raise NotFound("There is no such briefing")

    async def say(self, operator: Operator, briefing_id: str, line: NewLine) -> int:
        """Add a line; gives its number."""
        checked(line.text, Sentence("What was said"), LINE_CHARS_MAX)
        if not 0 < len(line.speaker) <= SPEAKER_CHARS_MAX or not 0 < len(line.key) <= KEY_CHARS_MAX:
            raise InvalidParam("Who says it?")
        briefing = await self.get(briefing_id)
        act = Act(operator.user_id, "statements.say", briefing.briefing_id, {"key": line.key})
        number = await self._store.add_line(briefing_id, line, self._clock(), act)
        if number is None:
            raise Refused("This briefing is not live", code="DESK_NOT_LIVE", status=409)
        return number

    async def get(self, briefing_id: str) -> Briefing:
        briefing = await self._store.get(briefing_id)
        if briefing is None:
            raise NotFound("There is no such briefing")
        return briefing

    async def list_all(self) -> Sequence[Briefing]:
        """The latest first."""
        return await self._store.list_all()

    async def list_lines(self, briefing_id: str, after: int = 0) -> Sequence[Line]:
        """`SHOWN_LINES` at most, numbered above `after`, in order."""
        return await self._store.list_lines(briefing_id, after, SHOWN_LINES)

    async def list_corrections(self, briefing_id: str, lines: Sequence[Line]) -> set[int]:
        """Numbers of those `lines` that a later one corrects."""
        if not lines:
            return set()
        first, last = lines[0].number, lines[-1].number
        return await self._store.list_corrections(briefing_id, first, last)
