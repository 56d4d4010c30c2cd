"""Who is behind an access token: a small cache, and one batched look-up behind it.

An entry is believed for `fresh_seconds`, then asked for again; `invalidate_user` drops it at once.
Those in use are asked for beforehand, many in one query (`renew`): who polls without a pause is
never looked up alone.
A token that the near copy does not know is asked for at the primary before it is refused: a wrong
401 makes a client wipe its keys. While the database cannot answer, an entry is believed for
`STALE_SECONDS_MAX` more, so that readers live through a failover; who is not known here yet waits.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from bongsu.errors import MissingToken, Unavailable, UnknownToken
from bongsu.ids import UserId
from bongsu.tasks import TaskOwner
from bongsu.users.requester import Requester
from bongsu.users.tokens import Clock, hash_token, is_access_token, now_ms

log = structlog.get_logger()

FRESH_SECONDS = 5.0
STALE_SECONDS_MAX = 60.0
CHECK_SECONDS_MAX = 15.0  # how long an unknown token waits for a database that can tell
RECHECK_SECONDS_MAX = 1.0  # the same for one that was known a moment ago
RETRY_AFTER_MS = 2000
MARK_SECONDS_MAX = 1.0  # a request waits no longer for it
ENTRIES_MAX = 50_000
LOOKUP_BATCH_MAX = 500
LOOKUPS_WAITING_MAX = 10_000


class TokenOwner(msgspec.Struct, frozen=True):
    """What the tables say of an access token. `is_first_use`: it replaces one not yet revoked."""

    requester: Requester
    expires_at: int | None
    is_first_use: bool


class TokenStore(Protocol):
    async def owners(
        self, token_hashes: Sequence[bytes], *, confirmed: bool
    ) -> Sequence[TokenOwner]: ...

    async def mark_used(self, access_hash: bytes) -> None: ...


class Entry:
    """A cached requester: fresh until `fresh_until`, then a fallback until `stale_until`.

    Both in seconds of the monotonic clock, and neither beyond the expiry of the token.
    """

    __slots__ = ("fresh_until", "is_used", "requester", "stale_until")

    def __init__(self, requester: Requester, fresh_until: float, stale_until: float) -> None:
        self.requester = requester
        self.is_used = False
        self.fresh_until = fresh_until
        self.stale_until = stale_until


class Authenticator:
    def __init__(
        self,
        store: TokenStore,
        *,
        fresh_seconds: float = FRESH_SECONDS,
        entries_max: int = ENTRIES_MAX,
        clock: Clock = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._fresh_seconds = fresh_seconds
        self._entries_max = entries_max
        self._clock = clock
        self._monotonic = monotonic
        # In order of the last look-up: the first is the one to drop.
        self._entries: dict[str, Entry] = {}
        self._tokens_of: dict[UserId, set[str]] = {}
        self._invalidations = 0
        self._lookup = BatchedLookup(store)
        self._tasks = TaskOwner("authenticator")

    def cached(self, token: str) -> Requester | None:
        """The requester if known and fresh; else ask `requester`."""
        entry = self._entries.get(token)
        if entry is None or self._monotonic() >= entry.fresh_until:
            return None
        entry.is_used = True
        return entry.requester

    async def requester(self, token: str) -> Requester:
        """Who holds `token`. `UnknownToken` (soft if expired), or `Unavailable`."""
        known = self.cached(token)
        if known is not None:
            return known
        if not token:
            raise MissingToken
        if not is_access_token(token):
            raise UnknownToken
        is_known = self._stale(token) is not None
        try:
            async with asyncio.timeout(RECHECK_SECONDS_MAX if is_known else CHECK_SECONDS_MAX):
                return (await self._load(token)).requester
        except (Unavailable, TimeoutError):
            stale = self._stale(token)  # it may have been invalidated meanwhile
            if stale is None:
                message = "Cannot check the access token"
                raise Unavailable(message, retry_after_ms=RETRY_AFTER_MS) from None
            return stale

    def start(self) -> None:
        """Renew from now on, until `stop`."""
        self._tasks.start(self._keep_renewed())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _keep_renewed(self) -> None:
        while True:
            await asyncio.sleep(self._fresh_seconds / 4)
            try:
                await self.renew()
            except Exception as error:  # each is then looked up when it is next asked for
                log.info("tokens in use were not renewed", error=repr(error))

    async def renew(self) -> None:
        """Ask anew for those that were used and will soon not be fresh any more."""
        soon = self._monotonic() + self._fresh_seconds / 2
        due = [(token, entry) for token, entry in self._entries.items()
               if entry.is_used and entry.fresh_until < soon]  # fmt: skip
        for start in range(0, len(due), LOOKUP_BATCH_MAX):
            await self._renew(due[start : start + LOOKUP_BATCH_MAX])

    def invalidate_user(self, user_id: UserId) -> None:
        """Forget all tokens of a user; also those that are being looked up right now."""
        self._invalidations += 1
        for token in self._tokens_of.pop(user_id, ()):
            self._entries.pop(token, None)

    async def _load(self, token: str) -> TokenOwner:
        invalidations = self._invalidations
        owner = await self._lookup.owner(hash_token(token))
        if owner is None:
            self._forget(token)
            raise UnknownToken
        if owner.expires_at is not None and owner.expires_at <= self._clock():
            self._forget(token)
            raise UnknownToken("The access token has expired", soft_logout=True)
        if owner.is_first_use:
            await self._mark_used(owner)
        if invalidations == self._invalidations:
            self._remember(token, owner)
        return owner

    async def _renew(self, entries: list[tuple[str, Entry]]) -> None:
        """Who stands as before is as if looked up; of any other, the next look-up decides.

        So it does of one whom a look-up has judged while this waited: it may have asked the
        primary, and what is read here may be older.
        """
        invalidations = self._invalidations
        hashes = [entry.requester.token_hash for _, entry in entries]
        owners = await self._store.owners(hashes, confirmed=False)
        if invalidations != self._invalidations:
            return
        found = {owner.requester.token_hash: owner for owner in owners}
        for token, entry in entries:
            owner = found.get(entry.requester.token_hash)
            if owner is None or self._entries.get(token) is not entry:
                continue
            if owner.requester == entry.requester and is_settled(owner) and not owner.is_first_use:
                self._remember(token, TokenOwner(entry.requester, owner.expires_at, False))

    async def _mark_used(self, owner: TokenOwner) -> None:
        """Nothing is lost if that fails or takes long: the next look-up finds it unused again."""
        marking = asyncio.ensure_future(self._store.mark_used(owner.requester.token_hash))
        marking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        await asyncio.wait({marking}, timeout=MARK_SECONDS_MAX)

    def _stale(self, token: str) -> Requester | None:
        """Whom to believe while nobody can be asked."""
        entry = self._entries.get(token)
        if entry is None or self._monotonic() >= entry.stale_until:
            return None
        return entry.requester

    def _remember(self, token: str, owner: TokenOwner) -> None:
        self._forget(token)
        now, lasts = self._monotonic(), math.inf
        if owner.expires_at is not None:
            lasts = (owner.expires_at - self._clock()) / 1000
        self._entries[token] = Entry(
            owner.requester,
            fresh_until=now + min(lasts, self._fresh_seconds),
            stale_until=now + min(lasts, self._fresh_seconds + STALE_SECONDS_MAX),
        )
        self._tokens_of.setdefault(owner.requester.user_id, set()).add(token)
        if len(self._entries) > self._entries_max:
            self._forget(next(iter(self._entries)))

    def _forget(self, token: str) -> None:
        entry = self._entries.pop(token, None)
        if entry is None:
            return
        tokens = self._tokens_of.get(entry.requester.user_id, set())
        tokens.discard(token)
        if not tokens:
            self._tokens_of.pop(entry.requester.user_id, None)


class BatchedLookup:
    """Asks for many tokens in one query: those that came while the last query ran.

    What the near copy does not know is asked at the primary in a queue of its own: while there is
    no primary, strange tokens wait, and known ones do not.
    """

    def __init__(self, store: TokenStore) -> None:
        self._near = _Queue(self._find_near)
        self._primary = _Queue(self._find_confirmed)
        self._store = store

    async def owner(self, token_hash: bytes) -> TokenOwner | None:
        """The owner of a token. Everybody who asks for the same one shares the answer."""
        found = await self._near.ask(token_hash)
        return found if is_settled(found) else await self._primary.ask(token_hash)

    async def _find_near(self, hashes: list[bytes]) -> Sequence[TokenOwner]:
        return await self._store.owners(hashes, confirmed=False)

    async def _find_confirmed(self, hashes: list[bytes]) -> Sequence[TokenOwner]:
        return await self._store.owners(hashes, confirmed=True)


class _Queue:
    """One query at a time, for all that queued up meanwhile."""

    def __init__(self, find: Callable[[list[bytes]], Awaitable[Sequence[TokenOwner]]]) -> None:
        self._find = find
        self._waiting: dict[bytes, asyncio.Future[TokenOwner | None]] = {}
        self._running: asyncio.Task[None] | None = None

    async def ask(self, token_hash: bytes) -> TokenOwner | None:
        answer = self._waiting.get(token_hash)
        if answer is None:
            if len(self._waiting) >= LOOKUPS_WAITING_MAX:
                raise Unavailable("Too many logins are being checked")
            answer = self._waiting[token_hash] = asyncio.get_running_loop().create_future()
            if self._running is None:
                self._running = asyncio.create_task(self._run())
        return await asyncio.shield(answer)

    async def _run(self) -> None:
        try:
            while self._waiting:
                hashes = list(self._waiting)[:LOOKUP_BATCH_MAX]
                batch = {each: self._waiting.pop(each) for each in hashes}
                await self._answer(batch)
        finally:
            self._running = None

    async def _answer(self, batch: dict[bytes, asyncio.Future[TokenOwner | None]]) -> None:
        try:
            owners = await self._find(list(batch))
        except Exception as error:
            for answer in batch.values():
                answer.set_exception(error)
                answer.exception()  # a caller who left must not make the loop complain
            return
        found = {owner.requester.token_hash: owner for owner in owners}
        for token_hash, answer in batch.items():
            answer.set_result(found.get(token_hash))


def is_settled(owner: TokenOwner | None) -> bool:
    """Whether the near copy's answer is enough: what would be a 401 is asked for at the primary."""
    return owner is not None and not owner.requester.is_locked
