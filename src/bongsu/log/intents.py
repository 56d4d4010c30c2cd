"""Work over several partitions, carried out to its end whatever dies meanwhile.

One transaction reaches no further than one batch. What touches several rooms or users is first
written down as an *intent*, one row; then done step by step; then struck out. Who carries it out
keeps a lease on the row. When the lease runs out, because the process died or the log was out of
reach, any node takes the intent up again, from its first step. So a step may be repeated, by two
at once even: the log answers a repeat with its first answer, as steps have request ids of the
intent's own (`Intent.request_id`); what a step writes elsewhere must come to the same again.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import msgspec
import structlog

from bongsu.errors import BadJson, BongsuError, Refused, TooLarge, Unavailable
from bongsu.log.proposal import REQUEST_ID_BYTES, scoped_request_id
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

LEASE_SECONDS = 10.0
LOOK_SECONDS = 2.0  # between two looks for what others left
BROKEN_SECONDS = 3600.0  # until another try of what met an error that nobody foresaw
STEP_SECONDS = 0.02  # between two of many steps: big work makes way for people
RESUMED_MAX = 10  # taken up by one node at once
RUNNING_MAX = 1_000  # those included that requests began here
BODY_BYTES_MAX = 8 * 1024 * 1024


class Intent(msgspec.Struct, frozen=True):
    """`key` is the user or room whose intent it is; `body` is JSON of the kind's own."""

    kind: str
    key: str
    intent_id: bytes
    body: bytes

    def request_id(self, *step: str) -> bytes:
        """The id of a proposal that is one step of this."""
        return scoped_request_id(self.kind, self.intent_id.hex(), *step)


CarryOut = Callable[[Intent], Awaitable[None]]


class IntentStore(Protocol):
    """Rows of intents. Seconds count from now, by the clock of the store."""

    async def record(self, intent: Intent, lease_seconds: float) -> None: ...

    async def claim(
        self, kinds: Collection[str], lease_seconds: float, limit: int
    ) -> Sequence[Intent]:
        """Intents whose lease ran out; nobody else gets them before the new one does."""
        ...

    async def lease(self, intent_ids: Collection[bytes], seconds: float) -> None:
        """Until then nobody else gets them; a lease that lasts longer stays as it is."""
        ...

    async def release(self, intent_ids: Collection[bytes]) -> None: ...

    async def strike(self, intent: Intent) -> None: ...


def new_intent(kind: str, key: str, body: object = None) -> Intent:
    """An intent to be recorded. Raises `BadJson` or `TooLarge` for what no row can hold."""
    try:
        encoded = msgspec.json.encode(body)
    except (OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise BadJson(f"Not canonical JSON: {error}") from None
    if len(encoded) > BODY_BYTES_MAX:
        raise TooLarge("The request is too large")
    return Intent(kind, key, secrets.token_bytes(REQUEST_ID_BYTES), encoded)


class Intents:
    """Records intents, carries them out, and resumes those that others left."""

    def __init__(
        self,
        store: IntentStore,
        *,
        lease_seconds: float = LEASE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._store = store
        self._lease_seconds = lease_seconds
        self._look_seconds = look_seconds
        self._kinds: dict[str, CarryOut] = {}
        self._held: set[bytes] = set()
        self._work = TaskOwner("intents", limit=RUNNING_MAX)
        self._tasks = TaskOwner("intents' leases")

    def register(self, kind: str, carry_out: CarryOut) -> None:
        """`carry_out` returns when nothing is left to do. A `Refused` of it ends the intent, any
        other error is followed by another try."""
        self._kinds[kind] = carry_out

    async def start(self) -> None:
        self._tasks.start(self._look())
        self._tasks.start(self._renew())

    async def stop(self) -> None:
        """What is under way is left to the others, or to the next start."""
        await self._tasks.stop()
        left = list(self._held)
        await self._work.stop()
        if left:
            with suppress(BongsuError):
                await self._store.release(left)

    async def carry_out(self, kind: str, key: str, body: object) -> None:
        """Record an intent and see it done. Raises its `Refused`, or `Unavailable`: it goes on."""
        intent = new_intent(kind, key, body)
        await self._store.record(intent, self._lease_seconds)
        work = self._begin(intent)
        if work is None:
            raise Unavailable("Too much is under way: this goes on later")
        error = await asyncio.shield(work)  # the client's leaving does not stop it
        if error is not None:
            raise error

    @asynccontextmanager
    async def followed_by(self, kind: str, key: str) -> AsyncGenerator[None]:
        """Whatever becomes of the block, and of this process in it, the work of `kind` follows."""
        intent = new_intent(kind, key)
        await self._store.record(intent, self._lease_seconds)
        self._held.add(intent.intent_id)
        try:
            yield
        finally:
            self._begin(intent)

    def _begin(self, intent: Intent) -> asyncio.Task[BongsuError | None] | None:
        self._held.add(intent.intent_id)
        work = self._work.start(self._finish(intent))
        if work is None:
            self._held.discard(intent.intent_id)
        return work

    async def _finish(self, intent: Intent) -> BongsuError | None:
        """Carry out and strike out; the error that came between."""
        try:
            return await self._try(intent)
        except BongsuError as error:
            log.warning("interrupted", intent=intent.kind, key=intent.key, reason=str(error))
            return error
        except Exception:
            log.exception("failed", intent=intent.kind, key=intent.key)
            with suppress(BongsuError):
                await self._store.lease([intent.intent_id], BROKEN_SECONDS)
            return Unavailable("This could not be done yet")
        finally:
            self._held.discard(intent.intent_id)

    async def _try(self, intent: Intent) -> Refused | None:
        refused = None
        try:
            await self._kinds[intent.kind](intent)
        except Refused as error:
            log.info("refused", intent=intent.kind, key=intent.key, reason=error.message)
            refused = error
        await self._store.strike(intent)
        return refused

    async def _look(self) -> None:
        while True:
            try:
                await self._resume()
            except BongsuError as error:
                log.warning("no look at what is left to do", reason=str(error))
            except Exception:
                log.exception("looking for what is left to do failed")
            await asyncio.sleep(self._look_seconds)

    async def _resume(self) -> None:
        room = RESUMED_MAX - len(self._held)
        if room <= 0:
            return
        for intent in await self._store.claim(self._kinds, self._lease_seconds, room):
            if intent.intent_id not in self._held:
                log.info("resumed", intent=intent.kind, key=intent.key)
                self._begin(intent)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            if self._held:
                try:
                    await self._store.lease(list(self._held), self._lease_seconds)
                except BongsuError as error:  # somebody may take it up too: that is allowed
                    log.warning("leases not renewed", reason=str(error))
