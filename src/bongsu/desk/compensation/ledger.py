"""The ledger as operators use it: money set aside, claims on who is liable, their settlement."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.compensation.accounts import (
    CLAIMS,
    FUND,
    OWNER,
    Balance,
    Transfer,
    move,
    recovery,
)
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.desk.reports.money import AMOUNT_MAX
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import now_ms

KEY_CHARS_MAX = 64
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_PARTY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


class Totals(NamedTuple):
    """All accounts of a class together."""

    account_class: str
    unit: str
    amount: int
    accounts: int


class LedgerLine(NamedTuple):
    """An entry with its transfer."""

    transfer: str
    number: int
    made_ts: int
    operator: str
    memo: str
    account: str
    unit: str
    amount: int


class Party(NamedTuple):
    party_id: str
    name: str
    basis: str
    added_ts: int


class LedgerStore(Protocol):
    async def post(self, transfer: Transfer, act: Act, now: int) -> bool:
        """Whether it is new; what was posted before is left alone."""
        ...

    async def load_balances(self, accounts: Collection[str]) -> Sequence[Balance]: ...
    async def load_totals(self) -> Sequence[Totals]: ...
    async def list_latest(
        self, limit: int, *, before: int = ..., account: str = ""
    ) -> Sequence[LedgerLine]: ...
    async def list_parties(self) -> Sequence[Party]: ...
    async def add_party(self, party: Party, act: Act) -> bool: ...


class Ledger:
    """`key` is chosen with each form, so that a doubled submit does nothing."""

    def __init__(self, store: LedgerStore, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._clock = clock

    async def set_aside(self, operator: str, key: str, currency: str, amount: int) -> bool:
        """Money of the operator's for the fund."""
        _check(key, currency, amount)
        transfer = move(f"fund:{key}", "Set aside", OWNER, FUND, currency, amount)
        return await self._post(operator, "compensation.set_aside", FUND, transfer)

    async def name_party(self, operator: str, party_id: str, name: str, basis: str) -> None:
        """Name somebody who may be liable."""
        if not _PARTY.match(party_id):
            raise InvalidParam("The short name is of a-z, 0-9 and '-', at most 40")
        if not name or not basis:
            raise InvalidParam("Say who is liable, and why")
        party = Party(party_id, name, basis, self._clock())
        act = Act(operator, "compensation.name_party", party_id, {"name": name, "basis": basis})
        if not await self._store.add_party(party, act):
            raise Refused(
                Sentence("{party} is named already", party=party_id),
                code="COMPENSATION_KNOWN",
                status=409,
            )

    async def claim(
        self, operator: str, key: str, party_id: str, currency: str, amount: int
    ) -> bool:
        """Ask `amount` back of the party that is liable."""
        _check(key, currency, amount)
        await self._check_party(party_id)
        account = recovery(party_id)
        transfer = move(f"claim:{key}", "Claimed", CLAIMS, account, currency, amount)
        return await self._post(operator, "compensation.claim", party_id, transfer)

    async def settle(
        self, operator: str, key: str, party_id: str, currency: str, amount: int
    ) -> bool:
        """The party has paid `amount`: it goes back into the fund."""
        return await self._lower(operator, key, party_id, currency, amount, FUND, "settle")

    async def waive(
        self, operator: str, key: str, party_id: str, currency: str, amount: int
    ) -> bool:
        """`amount` of the claim is given up."""
        return await self._lower(operator, key, party_id, currency, amount, CLAIMS, "waive")

    async def _lower(
        self, operator: str, key: str, party_id: str, currency: str, amount: int, to: str, how: str
    ) -> bool:
        _check(key, currency, amount)
        await self._check_party(party_id)
        account = recovery(party_id)
        transfer = move(f"{how}:{key}", how.capitalize(), account, to, currency, amount)
        return await self._post(operator, f"compensation.{how}", party_id, transfer)

    async def _check_party(self, party_id: str) -> None:
        if all(party.party_id != party_id for party in await self._store.list_parties()):
            raise NotFound(f"Nobody is named {party_id}")

    async def _post(self, operator: str, action: str, subject: str, transfer: Transfer) -> bool:
        entry = transfer.entries[1]
        detail = {"amount": entry.amount, "unit": entry.unit, "transfer": transfer.key}
        return await self._store.post(
            transfer, Act(operator, action, subject, detail), self._clock()
        )


def _check(key: str, currency: str, amount: int) -> None:
    if not _KEY.match(key):
        raise InvalidParam("The form is not ours")
    if currency not in CURRENCIES:
        raise InvalidParam(Sentence("{currency!r} is no currency", currency=currency[:10]))
    if not 0 < amount <= AMOUNT_MAX:
        raise InvalidParam(
            Sentence("The amount must be between {least} and {most}", least=1, most=AMOUNT_MAX)
        )
