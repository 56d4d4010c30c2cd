"""Grants to everybody: one rule in a programme, taken up by whoever asks, once.

Nothing is written for those who do not ask. It needs an account and no report, and where somebody
lives is never asked. A grant ends by itself; there is nothing that could renew it.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.compensation.accounts import FUND, GRANTS, Transfer, move
from bongsu.desk.compensation.programme import Grant
from bongsu.desk.compensation.versions import Programmes, parsed
from bongsu.errors import NotFound, Refused
from bongsu.users.tokens import now_ms

DAY_MS = 24 * 3600 * 1000
GRANTS_PART = "grants"  # who the ledger names: no operator


class GrantClaim(NamedTuple):
    programme: str
    name: str
    account_id: str
    version: int
    kind: str
    unit: str
    amount: int
    item: str
    claimed_ts: int
    expires_ts: int | None  # None: never


class Offer(NamedTuple):
    """A grant as it stands for one account. `claim`: what it took up, if it did."""

    programme: str
    version: int
    grant: Grant
    claim: GrantClaim | None
    is_open: bool


class GrantStore(Protocol):
    async def list_claims(self, account_id: str) -> Sequence[GrantClaim]: ...
    async def claim(self, claim: GrantClaim, transfer: Transfer) -> GrantClaim:
        """Store it unless there is one; gives the one that there is."""
        ...

    async def count(self, programme: str) -> dict[str, int]:
        """How many took up each grant, by name."""
        ...


class Grants:
    def __init__(
        self, store: GrantStore, programmes: Programmes, clock: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._programmes = programmes
        self._clock = clock

    async def offers(self, account_id: str) -> list[Offer]:
        """All grants of programmes in force, with what this account took up."""
        claims = {(c.programme, c.name): c for c in await self._store.list_claims(account_id)}
        offers: list[Offer] = []
        for latest in await self._programmes.list_latest():
            try:
                version = await self._programmes.in_force(latest.programme)
            except Refused:
                continue
            offers += [
                Offer(
                    version.programme, version.version, grant,
                    claims.get((version.programme, grant.name)),
                    self._clock() < grant.claim_until_ts,
                )
                for grant in parsed(version).grants
            ]  # fmt: skip
        return offers

    async def claim(self, account_id: str, programme: str, name: str) -> GrantClaim:
        """Take up a grant; again, it is the same claim and lasts no longer."""
        for offer in await self.offers(account_id):
            if (offer.programme, offer.grant.name) != (programme, name):
                continue
            if offer.claim is not None:
                return offer.claim
            if not offer.is_open:
                raise Refused("It can no longer be taken up", code="COMPENSATION_LATE", status=409)
            return await self._claim(account_id, offer)
        raise NotFound("There is no such grant")

    async def count(self, programme: str) -> dict[str, int]:
        return await self._store.count(programme)

    async def _claim(self, account_id: str, offer: Offer) -> GrantClaim:
        benefit, now = offer.grant.benefit, self._clock()
        days = benefit.valid_days
        claim = GrantClaim(
            offer.programme, offer.grant.name, account_id, offer.version, benefit.kind.value,
            benefit.unit, benefit.amount, benefit.item, now,
            None if days is None else now + days * DAY_MS,
        )  # fmt: skip
        # The ledger is never erased, so it does not name people.
        who = hashlib.sha256(account_id.encode()).hexdigest()[:32]
        key = f"grant:{claim.programme}:{claim.name}:{who}"
        memo = f"Grant {claim.name} taken up"
        transfer = move(key, memo, FUND, GRANTS, benefit.unit, benefit.amount)
        return await self._store.claim(claim, transfer)
