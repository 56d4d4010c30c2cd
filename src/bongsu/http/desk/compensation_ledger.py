"""The ledger, money set aside, and claims on who is liable."""

import secrets
from collections.abc import Iterator
from functools import partial

from starlette.responses import Response

from bongsu.desk.compensation.accounts import Balance, recovery
from bongsu.desk.compensation.ledger import Ledger, LedgerStore
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.http.desk.batch_pages import ID_CHARS_MAX
from bongsu.http.desk.compensation_figures import said_amount
from bongsu.http.desk.compensation_payouts import read_amount
from bongsu.http.desk.compensation_programmes import APPROVERS, HOME
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.visit import Visit

LEDGER = HOME + "/ledger"
CLAIMS = HOME + "/claims"
LINES_SHOWN = 100  # transfers
TEXT_CHARS_MAX = 300


class LedgerPages:
    """`store` is for reading; whatever moves goes through `ledger`."""

    def __init__(self, ledger: Ledger, store: LedgerStore) -> None:
        self._ledger = ledger
        self._store = store

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(LEDGER, self.show, roles=APPROVERS)
        yield post(LEDGER, self.set_aside, roles=APPROVERS)
        yield get(CLAIMS, self.show_claims, roles=APPROVERS)
        yield post(CLAIMS, self.name_party, roles=APPROVERS)
        yield post(CLAIMS + "/{party}", self.move, roles=APPROVERS)

    async def show(self, visit: Visit) -> Response:
        account = visit.query.get("account", "")[:200]
        wish = visit.query.get("before", "")
        before = int(wish) if wish.isascii() and wish.isdigit() and len(wish) < 18 else 2**62
        lines = await self._store.list_latest(LINES_SHOWN, before=before, account=account)
        totals = await self._store.load_totals()
        sums: dict[str, int] = {}
        for total in totals:
            sums[total.unit] = sums.get(total.unit, 0) + total.amount
        return visit.render(
            "compensation/ledger.html",
            lines=lines,
            totals=totals,
            sums=sums,
            account=account,
            key=secrets.token_urlsafe(12),
            currencies=sorted(CURRENCIES),
            said=partial(said_amount, visit),
        )

    async def set_aside(self, visit: Visit) -> Response:
        currency = visit.text("currency", 3, required=True)
        key = visit.text("key", ID_CHARS_MAX, required=True)
        amount = read_amount(visit, currency)
        await self._ledger.set_aside(visit.operator.user_id, key, currency, amount)
        return visit.redirect(LEDGER)

    async def show_claims(self, visit: Visit) -> Response:
        parties = await self._store.list_parties()
        accounts = [recovery(party.party_id) for party in parties]
        held: dict[str, list[Balance]] = {}
        for balance in await self._store.load_balances(accounts):
            held.setdefault(balance.account, []).append(balance)
        return visit.render(
            "compensation/claims.html",
            parties=[(party, held.get(recovery(party.party_id), [])) for party in parties],
            key=secrets.token_urlsafe(12),
            currencies=sorted(CURRENCIES),
            said=partial(said_amount, visit),
        )

    async def name_party(self, visit: Visit) -> Response:
        await self._ledger.name_party(
            visit.operator.user_id,
            visit.text("party", 40, required=True),
            visit.text("name", TEXT_CHARS_MAX, required=True),
            visit.text("basis", TEXT_CHARS_MAX, required=True),
        )
        return visit.redirect(CLAIMS)

    async def move(self, visit: Visit) -> Response:
        moves = {
            "claim": self._ledger.claim,
            "settle": self._ledger.settle,
            "waive": self._ledger.waive,
        }
        how = moves.get(visit.text("how", 10, required=True))
        if how is None:
            raise visit.refuse("base.field_wrong", name="how")
        currency = visit.text("currency", 3, required=True)
        key = visit.text("key", ID_CHARS_MAX, required=True)
        amount = read_amount(visit, currency)
        await how(visit.operator.user_id, key, visit.path["party"], currency, amount)
        return visit.redirect(CLAIMS)
