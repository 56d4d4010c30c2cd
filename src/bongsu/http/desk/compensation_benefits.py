"""Benefits that are no money: handed to the systems that grant them, by hand or by a program."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from bongsu.desk.compensation.benefit_files import (
    RESULT_BYTES_MAX,
    BenefitAnswers,
    answers_of,
    as_file,
    read_answers,
    write_csv,
)
from bongsu.desk.compensation.benefits import BATCH_ID, GRANTABLE, BatchState, Benefits, State
from bongsu.desk.compensation.payouts import ResultRefused
from bongsu.desk.compensation.programme import Kind
from bongsu.desk.sentences import Sentence
from bongsu.http.desk.batch_pages import (
    ID_CHARS_MAX,
    LINES_SHOWN,
    count_states,
    download,
    uploaded,
)
from bongsu.http.desk.compensation_api import API
from bongsu.http.desk.compensation_programmes import APPROVERS, HOME
from bongsu.http.desk.endpoints import Endpoint, api, get, post
from bongsu.http.desk.json_bodies import answer_json, read_json
from bongsu.http.desk.visit import Visit

BENEFITS = HOME + "/benefits"
BATCH = BENEFITS + "/{batch}"
API_BATCHES = API + "/benefit-batches"


class BatchOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of a kind that is waiting, 10,000 lines at most. `batch` is chosen by the caller:
    sent again, it is the same batch."""

    batch: Annotated[str, Meta(pattern=f"^{BATCH_ID}$")]
    kind: Kind


class ToldBatch(Struct, frozen=True):
    """`states`: how many lines are sent, granted, failed."""

    batch: str
    kind: Kind
    made_ts: int
    operator: str
    lines: int
    states: dict[str, int]


class ToldWaiting(Struct, frozen=True):
    """`ready` can be handed over; the reporters of the others have no account."""

    kind: Kind
    ready: int
    without_account: int


class BenefitList(Struct, frozen=True):
    """The latest 500 batches, and what no batch has yet."""

    batches: list[ToldBatch]
    waiting: list[ToldWaiting]


class AnswersTaken(Struct, frozen=True):
    """`changed`: lines whose state an answer changed; the rest was known."""

    changed: int


class BenefitPages:
    def __init__(self, benefits: Benefits) -> None:
        self._benefits = benefits

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(BENEFITS, self.show_all, roles=APPROVERS)
        yield post(BENEFITS, self.make, roles=APPROVERS)
        yield get(BATCH, self.show, roles=APPROVERS)
        yield post(BATCH + "/export", self.export, roles=APPROVERS)
        yield post(
            BATCH + "/result", self.take, roles=APPROVERS,
            body_bytes_max=RESULT_BYTES_MAX + 65_536, files_max=1,
        )  # fmt: skip
        yield api("GET", API_BATCHES, self.tell_all, roles=APPROVERS)
        yield api("POST", API_BATCHES, self.order, roles=APPROVERS)
        yield api("POST", API_BATCHES + "/{batch}/export", self.tell, roles=APPROVERS)
        yield api(
            "POST", API_BATCHES + "/{batch}/answers", self.take_answers, roles=APPROVERS,
            body_bytes_max=RESULT_BYTES_MAX,
        )  # fmt: skip

    # --- pages

    async def show_all(self, visit: Visit) -> Response:
        return visit.render(
            "compensation/benefits.html",
            batches=await self._benefits.list_batches(),
            waiting=await self._benefits.waiting(),
            batch_id=secrets.token_hex(8).upper(),
        )

    async def make(self, visit: Visit) -> Response:
        kind = visit.text("kind", 40, required=True)
        if kind not in GRANTABLE:
            raise visit.refuse("base.field_wrong", name="kind")
        batch_id = visit.text("batch", ID_CHARS_MAX, required=True)
        batch = await self._benefits.make_batch(visit.operator.user_id, batch_id, Kind(kind))
        return visit.redirect(f"{BENEFITS}/{batch.batch_id}")

    async def show(self, visit: Visit) -> Response:
        return await self._show(visit, complaints=[])

    async def export(self, visit: Visit) -> Response:
        form = visit.text("form", 10, required=True)
        if form not in ("csv", "json"):
            raise visit.refuse("base.field_wrong", name="form")
        batch, lines = await self._benefits.open(visit.operator.user_id, visit.path["batch"])
        name = f"{batch.batch_id}.{form}"
        if form == "csv":
            return download(name, write_csv(batch, lines), "text/csv")
        return download(name, msgspec.json.encode(as_file(batch, lines)), "application/json")

    async def take(self, visit: Visit) -> Response:
        content, batch_id = await uploaded(visit, RESULT_BYTES_MAX), visit.path["batch"]
        try:
            await self._benefits.take(visit.operator.user_id, batch_id, read_answers(content))
        except ResultRefused as refused:
            return await self._show(visit, complaints=refused.complaints)
        return visit.redirect(f"{BENEFITS}/{batch_id}")

    async def _show(self, visit: Visit, *, complaints: Sequence[Sentence]) -> Response:
        batch, lines = await self._benefits.batch(visit.path["batch"])
        return visit.render(
            "compensation/benefit_batch.html",
            status=400 if complaints else 200,
            batch=batch,
            lines=lines[:LINES_SHOWN],
            states=count_states(lines, State),
            complaints=[visit.say(each) for each in complaints],
        )

    # --- programs

    async def tell_all(self, visit: Visit) -> Response:
        batches = await self._benefits.list_batches()
        waiting = await self._benefits.waiting()
        return answer_json(
            BenefitList(
                [_told(each) for each in batches],
                [ToldWaiting(kind, *each) for kind, each in waiting.items()],
            )
        )

    async def order(self, visit: Visit) -> Response:
        order = await read_json(visit, BatchOrder, "an order of a batch")
        batch = await self._benefits.make_batch(visit.operator.user_id, order.batch, order.kind)
        _, lines = await self._benefits.batch(batch.batch_id)
        return answer_json(_told(BatchState(batch, count_states(lines, State))))

    async def tell(self, visit: Visit) -> Response:
        return answer_json(
            as_file(*await self._benefits.open(visit.operator.user_id, visit.path["batch"]))
        )

    async def take_answers(self, visit: Visit) -> Response:
        answers = answers_of(await read_json(visit, BenefitAnswers, "what became of a batch"))
        changed = await self._benefits.take(visit.operator.user_id, visit.path["batch"], answers)
        return answer_json(AnswersTaken(changed))


def _told(state: BatchState) -> ToldBatch:
    batch = state.batch
    return ToldBatch(
        batch.batch_id, batch.kind, batch.made_ts, batch.operator, batch.line_count,
        {name: count for name, count in state.states.items() if count},
    )  # fmt: skip
