"""Measures: made, changed, proved, opened again."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from bongsu.desk import drill_report
from bongsu.desk.audit import Act
from bongsu.desk.drill_report import Drill
from bongsu.desk.people import Operator
from bongsu.desk.prevention import junit
from bongsu.desk.prevention.measures import DrillAsked, Measure, Plan, State, check
from bongsu.desk.prevention.proofs import (
    DrillSeen,
    Verdict,
    disproof,
    judge_drills,
    judge_tests,
    seen,
)
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import Clock, now_ms

ID_BYTES = 9
NAME_CHARS_MAX = 200
REASON_CHARS_MAX = 2_000
CLOCKS_APART_MS = 24 * 3600 * 1000
DRILLS_ACTOR = "drills"  # who opens a measure again


class Proof(Struct, frozen=True):
    """A file that was attached, and what was read in it. `number`: dense from 1 in its measure."""

    number: int
    added_ts: int
    author: str
    name: str
    sha256: bytes
    size: int
    made_ts: int
    holds: bool
    summary: str
    faults: tuple[str, ...]


class Change(NamedTuple):
    """One step of a measure's way. `proof`: its number, if a proof brought it about."""

    ts: int
    state: State
    reason: str
    proof: int | None


class MeasureStore(Protocol):
    """Each write is one transaction with its audit entry."""

    async def put(self, measure: Measure, author: str, act: Act) -> bool:
        """Add a measure or what follows a version of it. False if that version is there already."""
        ...

    async def get(self, measure_id: str) -> Measure | None: ...
    async def list_all(self) -> Sequence[Measure]: ...
    async def list_proofs(self, measure_id: str) -> Sequence[Proof]: ...
    async def list_changes(self, measure_id: str) -> Sequence[Change]: ...

    async def add_proof(self, measure_id: str, proof: Proof, act: Act) -> Proof:
        """Attach it, and close the measure if it is open and the proof holds.

        The same file again gives the proof that is there already.
        """
        ...

    async def remember(self, drills: Sequence[DrillSeen]) -> None:
        """Those that are not known yet."""
        ...

    async def list_failed(self) -> Sequence[DrillSeen]:
        """Every drill that failed, the earliest first."""
        ...

    async def change(
        self, measure_id: str, before: Sequence[State], change: Change, act: Act
    ) -> bool:
        """Set the state if it is one of `before`."""
        ...


class Prevention:
    def __init__(self, store: MeasureStore, clock: Clock = now_ms) -> None:
        self._store = store
        self._clock = clock

    async def put(
        self, operator: Operator, plan: Plan, *, measure_id: str = "", version: int = 0
    ) -> str:
        """A new measure, or what follows `version` of one; gives its id."""
        check(plan)
        now = self._clock()
        if measure_id:
            known = await self.get(measure_id)
            if known.state in (State.CLOSED, State.DROPPED):
                raise Refused("A measure that is closed stays as it is", code="DESK_MEASURE_CLOSED")
            measure = known._replace(version=version + 1, plan=plan)
        else:
            measure_id = secrets.token_urlsafe(ID_BYTES)
            measure = Measure(measure_id, 1, plan, State.OPEN, now, now)
        act = Act(operator.user_id, "prevention.put", measure_id, {"version": measure.version})
        if not await self._store.put(measure, operator.user_id, act):
            raise Refused("Somebody else has changed this meanwhile: load it anew",
                          code="DESK_MEASURE_CHANGED", status=409)  # fmt: skip
        return measure_id

    async def get(self, measure_id: str) -> Measure:
        measure = await self._store.get(measure_id)
        if measure is None:
            raise NotFound("There is no such measure")
        return measure

    async def list_all(self) -> Sequence[Measure]:
        """Those that are overdue first, then by date."""
        now = self._clock()
        measures = await self._store.list_all()
        return sorted(measures, key=lambda one: (not one.is_overdue(now), one.plan.due_ts))

    async def list_proofs(self, measure_id: str) -> Sequence[Proof]:
        return await self._store.list_proofs(measure_id)

    async def list_changes(self, measure_id: str) -> Sequence[Change]:
        return await self._store.list_changes(measure_id)

    async def prove(self, actor: str, measure_id: str, name: str, body: bytes) -> Proof:
        """Attach a report that is in the media stores. `InvalidParam` for what is no report.

        One that does not hold is attached too: it says what is still missing.
        """
        measure = await self.get(measure_id)
        await self.check(measure_id, body)
        if not 0 < len(name) <= NAME_CHARS_MAX:
            raise InvalidParam(
                Sentence("A file's name has from 1 to {count} characters", count=NAME_CHARS_MAX)
            )
        verdict = await self._judge(measure, body)
        sha256 = hashlib.sha256(body)
        proof = Proof(
            0, self._clock(), actor, name, sha256.digest(), len(body), verdict.made_ts,
            verdict.holds, verdict.summary, verdict.faults,
        )  # fmt: skip
        detail = {"sha256": sha256.hexdigest(), "holds": verdict.holds}
        act = Act(actor, "prevention.prove", measure_id, detail)
        return await self._store.add_proof(measure_id, proof, act)

    async def check(self, measure_id: str, body: bytes) -> None:
        """`InvalidParam` for what cannot be a proof of this measure at all."""
        asked = (await self.get(measure_id)).plan.asked
        if isinstance(asked, DrillAsked):
            self._check_times(one.began_ts for one in drill_report.parse(body))
        else:
            self._check_times(one.ts for one in junit.parse(body))

    def _check_times(self, times: Iterable[int]) -> None:
        """What is said to be yet to come proves nothing, and nothing later could disprove it."""
        if max(times) > self._clock() + CLOCKS_APART_MS:
            raise InvalidParam("By its own words this has not happened yet")

    async def drop(self, operator: Operator, measure_id: str, reason: str) -> None:
        """Give a measure up, openly."""
        if not 0 < len(reason) <= REASON_CHARS_MAX:
            raise InvalidParam(
                Sentence("Say why, in {count} characters at most", count=REASON_CHARS_MAX)
            )
        act = Act(operator.user_id, "prevention.drop", measure_id)
        change = Change(self._clock(), State.DROPPED, reason, None)
        if not await self._store.change(measure_id, (State.OPEN, State.REOPENED), change, act):
            raise Refused("Only a measure that is open can be dropped", code="DESK_MEASURE_CLOSED")

    async def take_drills(self, drills: Sequence[Drill]) -> list[str]:
        """Remember what these drills came to, and open again what they disprove; gives the ids of
        the measures. Idempotent."""
        self._check_times(drill.began_ts for drill in drills)
        await self._store.remember([seen(drill) for drill in drills])
        failed = await self._store.list_failed()
        reopened: list[str] = []
        for measure in await self._store.list_all() if failed else ():
            if measure.state is State.CLOSED and (later := await self._disproof(measure, failed)):
                change = Change(self._clock(), State.REOPENED, "; ".join(later.faults), None)
                detail = {"drill_ts": later.began_ts}
                act = Act(DRILLS_ACTOR, "prevention.reopen", measure.measure_id, detail)
                if await self._store.change(measure.measure_id, (State.CLOSED,), change, act):
                    reopened.append(measure.measure_id)
        return reopened

    async def _disproof(self, measure: Measure, failed: Sequence[DrillSeen]) -> DrillSeen | None:
        if not isinstance(measure.plan.asked, DrillAsked):
            return None
        proofs = await self._store.list_proofs(measure.measure_id)
        proved_ts = max((proof.made_ts for proof in proofs if proof.holds), default=0)
        return disproof(measure.plan.asked, failed, proved_ts)

    async def _judge(self, measure: Measure, body: bytes) -> Verdict:
        asked = measure.plan.asked
        if isinstance(asked, DrillAsked):
            drills = drill_report.parse(body)
            await self.take_drills(drills)
            failed = await self._store.list_failed()
            return judge_drills(asked, drills, measure.made_ts, failed)
        return judge_tests(asked, junit.parse(body), measure.made_ts)
