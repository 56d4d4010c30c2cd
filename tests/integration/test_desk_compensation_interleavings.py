"""The ledger holds however batches, retries and crashes fall together.

Goal: after any interleaving the ledger sums to zero, no money is paid twice and none is lost.

Method: a few workers, each with connections of its own, walk the same way (decide, batch, answer,
owe again, decide anew, grants, claims) over the same reports with the same ids, as doubled submits
and several sites would. Meanwhile connections are cut at random moments, from PostgreSQL's side and
from the worker's, in the midst of transactions; a worker that was cut off begins its step again.
Each interleaving goes on in the same database, so that what one left behind meets the next.
BONGSU_LEDGER_INTERLEAVINGS says how many (1,000 take some minutes); the seed is printed.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import pytest
from fixtures.compensation_house import CompensationHouse, batch_id

from bongsu.desk.compensation.payouts import LineState
from bongsu.errors import Refused, Unavailable
from bongsu.postgres.database import Database
from bongsu.postgres.desk.connecting import DESK_SESSION, assume_role

INTERLEAVINGS = int(os.environ.get("BONGSU_LEDGER_INTERLEAVINGS", "5"))
WORKERS = 3
TRIES_MAX = 40
CUTS_OF_A_STEP_MAX = 3
CUT_SHARE = 0.3
NAME = "day-76"

pytestmark = pytest.mark.timeout(7200)

_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = $1
"""
# Each row is a breach of a promise.
_BREACHES = {
    "the ledger sums to zero": """
        SELECT unit, sum(amount) FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0""",
    "every transfer sums to zero": """
        SELECT transfer, unit FROM ledger_entry GROUP BY 1, 2 HAVING sum(amount) <> 0""",
    "nothing owed is below zero": """
        SELECT account FROM ledger_entry WHERE account ~ '^(payable|transit|returned|recovery):'
         GROUP BY account, unit HAVING sum(amount) < 0""",
    "balances are what entries sum to": """
        SELECT account FROM ledger_balance FULL JOIN (
            SELECT account, unit, sum(amount) AS total FROM ledger_entry
             WHERE account ~ '^(payable|transit|returned|recovery):' GROUP BY 1, 2
        ) AS sums USING (account, unit) WHERE amount IS DISTINCT FROM total""",
    "what is under way is what lines say": """
        SELECT batch_id FROM payout_line
          JOIN ledger_entry ON account = 'transit:' || batch_id AND unit = currency
         GROUP BY batch_id, line_id
        HAVING sum(ledger_entry.amount) <> (
            SELECT coalesce(sum(amount), 0) FROM payout_line AS mine
             WHERE mine.batch_id = payout_line.batch_id AND state = 'sent')""",
    "what is paid is what lines say": """
        SELECT 1 WHERE (SELECT coalesce(sum(amount), 0) FROM payout_line WHERE state = 'paid')
            <> (SELECT coalesce(sum(amount), 0) FROM ledger_entry WHERE account = 'paid')""",
    "a batch is the sum of its lines": """
        SELECT batch_id FROM payout_batch JOIN payout_line USING (batch_id)
         GROUP BY batch_id, total, line_count
        HAVING sum(amount) <> total OR count(*) <> line_count""",
    "no more is paid than was ever decided": """
        SELECT report_id FROM payout_line
         WHERE state IN ('sent', 'paid') GROUP BY report_id
        HAVING sum(amount) > (
            SELECT max(money) FROM (
                SELECT sum(amount) AS money FROM compensation_award AS award
                 WHERE award.report_id = payout_line.report_id AND kind = 'money'
                 GROUP BY number) AS decided)""",
    "what was decided is owed, under way, back or paid": """
        SELECT report_id FROM compensation_case AS c
         WHERE (SELECT coalesce(sum(amount), 0) FROM compensation_award AS award
                 WHERE award.report_id = c.report_id AND number = decision AND kind = 'money')
             > (SELECT coalesce(sum(amount), 0) FROM ledger_entry
                 WHERE account IN ('payable:day-76:' || report_id, 'returned:day-76:' || report_id))
             + (SELECT coalesce(sum(amount), 0) FROM payout_line AS line
                 WHERE line.report_id = c.report_id AND state IN ('sent', 'paid'))""",
    "every decision number is there": """
        SELECT report_id FROM compensation_case JOIN compensation_decision USING (report_id)
         GROUP BY report_id, decision HAVING count(*) <> decision""",
    "each grant is taken up once": """
        SELECT unit FROM grant_claim GROUP BY unit
        HAVING sum(amount) <> (SELECT coalesce(sum(amount), 0) FROM ledger_entry AS entry
                                WHERE account = 'grants' AND entry.unit = grant_claim.unit)""",
}  # fmt: skip


class Worker:
    """Does its steps with connections of its own, which are cut at random moments of them."""

    def __init__(self, dsn: str, chance: random.Random) -> None:
        self._dsn = dsn
        self._chance = chance
        self._name = f"worker {chance.random()}"
        self._step_seconds = 0.02  # how long a step took lately
        self.cuts = 0

    async def open(self) -> None:
        session = {**DESK_SESSION, "application_name": self._name}
        self._pool = await asyncpg.create_pool(
            self._dsn, min_size=0, max_size=2, server_settings=session, init=assume_role
        )
        self.house = CompensationHouse(Database(self._pool))

    def crash(self) -> None:
        """Drop every connection, whatever they are doing."""
        self._pool.terminate()

    async def do(self, step: Callable[[CompensationHouse], Awaitable[object]]) -> None:
        """The step until it is done or refused."""
        for attempt in range(TRIES_MAX):
            is_cut = attempt < CUTS_OF_A_STEP_MAX and self._chance.random() < CUT_SHARE
            cutting = asyncio.create_task(self._cut()) if is_cut else None
            began = time.monotonic()
            try:
                await step(self.house)
                self._step_seconds = time.monotonic() - began
                return
            except Refused:
                return
            except Unavailable:
                self.cuts += 1
            finally:
                if cutting is not None:
                    await cutting
            self.crash()
            await self.open()
        raise AssertionError("a step never came through")

    async def _cut(self) -> None:
        """Cut somewhere within the step, from PostgreSQL's side or our own."""
        await asyncio.sleep(self._chance.uniform(0, 1.2 * self._step_seconds))
        if self._chance.random() < 0.4:
            self.crash()
            return
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(_CUT, self._name)
        finally:
            await connection.close()


async def walk(worker: Worker, reports: list[str], number: int, chance: random.Random) -> None:
    """The way that every worker goes; `chance` is the worker's own."""
    for report in chance.sample(reports, len(reports)):
        await worker.do(lambda house, it=report: house.deciding.decide_one("@op:x", NAME, it))
    batches = [batch_id(f"{number} {which}") for which in range(2)]
    for name in chance.sample(batches, 2):
        await worker.do(lambda house, it=name: house.paying.make_batch("@op:x", it, "KRW"))
    for name in batches:
        await worker.do(lambda house, it=name: answer(house, it))
    again = chance.choice(reports)
    await worker.do(lambda house: house.assess(again, 450_000))
    await worker.do(lambda house: house.deciding.decide_one("@op:x", NAME, again))
    for name in batches:
        await worker.do(lambda house, it=name: reissue(house, it))
    key = f"claim-{number:06}"
    await worker.do(lambda house: house.ledger.claim("@op:x", key, "centre", "KRW", 500))
    await worker.do(lambda house: house.ledger.settle("@op:x", key, "centre", "KRW", 200))
    who = f"@user{number}:x"
    await worker.do(lambda house: house.grants.claim(who, NAME, "stickers-one"))


async def answer(house: CompensationHouse, batch: str) -> None:
    """A bank's answer, the same from whoever gives it in: every third line comes back."""
    _, lines = await house.paying.batch(batch)
    rows = [
        f"{batch},{line.line_id},{'returned' if line.number % 3 == 0 else 'paid'},{line.amount},KRW"
        for line in lines
    ]
    content = "\n".join(["batch,line,status,amount,currency", *rows]).encode()
    await house.paying.take_result("@op:x", batch, content)


async def reissue(house: CompensationHouse, batch: str) -> None:
    _, lines = await house.paying.batch(batch)
    for line in lines:
        if line.state is LineState.RETURNED:
            with suppress(Refused):
                await house.paying.reissue("@op:x", batch, line.line_id)


async def test_the_ledger_holds(desk_dsn: str, compensation: CompensationHouse) -> None:
    seed = int(os.environ.get("BONGSU_SEED", random.randrange(2**32)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    await compensation.approved()
    await compensation.ledger.name_party("@op:x", "centre", "The data centre", "its contract")
    workers = [Worker(desk_dsn, random.Random(chance.random())) for _ in range(WORKERS)]
    for worker in workers:
        await worker.open()
    for number in range(INTERLEAVINGS):
        reports = await compensation.add_reports(
            [chance.choice((50_000, 300_000, 400_000)) for _ in range(3)], seed=number
        )
        await asyncio.gather(
            *(walk(each, reports, number, random.Random(chance.random())) for each in workers)
        )
        await check(compensation, number)
    cuts = sum(worker.cuts for worker in workers)
    print(f"{INTERLEAVINGS} interleavings, {cuts} steps were cut off and begun again")
    assert INTERLEAVINGS < 5 or cuts, "nothing was ever cut: this proves nothing"
    for worker in workers:
        worker.crash()


async def check(house: CompensationHouse, number: int) -> None:
    for promise, query in _BREACHES.items():
        found = await house.database.fetch(query)
        assert not found, f"interleaving {number}: {promise}: {found[:5]}"
