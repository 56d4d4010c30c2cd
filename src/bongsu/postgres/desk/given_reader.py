"""What a report was given, read of decisions, payments and the ledger."""

from collections.abc import Sequence

from bongsu.desk.compensation.given import Given, GivenAward, Payment
from bongsu.desk.compensation.payouts import LineState
from bongsu.postgres.database import Database

_DECISIONS = """
SELECT programme, decided_ts, asked <> '{}' AS is_asked, (
       SELECT coalesce(sum(amount), 0) > 0 FROM ledger_entry
        WHERE account IN ('payable:' || programme || ':' || report_id,
                          'returned:' || programme || ':' || report_id)) AS is_owed_money
  FROM compensation_case JOIN compensation_decision AS latest USING (report_id, programme)
 WHERE report_id = $1 AND latest.number = compensation_case.decision ORDER BY programme LIMIT 100
"""
_AWARDS = """
SELECT award.programme, unit, sum(amount)::bigint AS amount,
       CASE WHEN bool_and(valid_until_ts IS NOT NULL) THEN max(valid_until_ts) END AS valid_until_ts
  FROM compensation_case JOIN compensation_award AS award USING (report_id, programme)
 WHERE report_id = $1 AND award.number = compensation_case.decision
 GROUP BY award.programme, unit ORDER BY award.programme, unit LIMIT 1000
"""
_PAYMENTS = """
SELECT programme, state, currency, amount, changed_ts FROM payout_line
 WHERE report_id = $1 ORDER BY changed_ts LIMIT 1000
"""


class PostgresGiven:
    """Implements `desk.compensation.given.GivenReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_given(self, report_id: str) -> Sequence[Given]:
        decisions = await self._database.fetch(_DECISIONS, report_id, confirmed=True)
        if not decisions:
            return []
        awards: dict[str, list[GivenAward]] = {}
        for programme, *award in await self._database.fetch(_AWARDS, report_id, confirmed=True):
            awards.setdefault(programme, []).append(GivenAward(*award))
        payments: dict[str, list[Payment]] = {}
        for programme, state, *rest in await self._database.fetch(
            _PAYMENTS, report_id, confirmed=True
        ):
            payments.setdefault(programme, []).append(Payment(LineState(state), *rest))
        return [
            Given(
                row["programme"], row["decided_ts"], awards.get(row["programme"], []),
                row["is_asked"], payments.get(row["programme"], []), row["is_owed_money"],
            )
            for row in decisions
        ]  # fmt: skip
