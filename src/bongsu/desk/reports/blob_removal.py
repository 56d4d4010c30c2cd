"""Evidence that nobody needs any more leaves the stores; what somebody needs stays.

Stores go by content: two reports with the same bytes share them. They promise nothing across a
database, so these two are kept with it:

    E1  bytes that a row of an unerased report names are in the stores
    E2  bytes that none names leave every store in the end, whatever dies between

Every hash has a row that says how it stands. Who writes rows that name a hash, and who removes its
bytes, lock that row, so of two at once one comes second and sees what the first has done:

                     named                       erased                      claimed
    (in use) ◀──────────────── (in use or ended) ──────────▶ (ended) ─────────────▶ (removing)
       ▲                                                        │ still named          │
       │  put again, and the removal is the one that was seen   ▼                      ▼
       └──────────────────────────────────────────────────── (in use)              (removed)

Bytes are put before the row is written, perhaps before a removal that came between. So whoever
finds a removal begun must put the bytes again, naming that removal (`EvidenceGone`), and waits
while one is under way (`EvidenceLeaving`). A removal has `CLAIM_MS`, far longer than its calls
may take; a row is forgotten a day after its removal, far longer than from a put to its row.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from bongsu.errors import Unavailable
from bongsu.media.stores import StoreFailed
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

log = structlog.get_logger()

CLAIMED_MAX = 50  # by one desk at once
AT_ONCE_MAX = 10
DELETE_SECONDS_MAX = 20.0
CLAIM_MS = 300_000
KEPT_MS = 86_400_000
LOOK_SECONDS = 60.0


class BlobEnds(Protocol):
    async def claim(self, now: int, until: int, limit: int) -> Mapping[bytes, int]:
        """Ended hashes that nobody names, each with the number of its removal."""
        ...

    async def removed(self, removals: Mapping[bytes, int], now: int, forget_before: int) -> None:
        """Their bytes are gone. Forgets what was so long ago."""
        ...


class EvidenceEraser(Protocol):
    async def delete_everywhere(self, sha256: bytes) -> None:
        """`StoreFailed` or `Unavailable` unless every store says that it is gone."""
        ...


class BlobRemoval:
    """Start it and stop it; `remove_due` does one round."""

    def __init__(self, ends: BlobEnds, evidence: EvidenceEraser, *, clock: Clock = now_ms) -> None:
        self._ends, self._evidence = ends, evidence
        self._clock = clock
        self._tasks = TaskOwner("evidence removal")

    async def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def remove_due(self) -> int:
        """How many were removed. What a store did not remove is tried again when the claim ends."""
        now = self._clock()
        claimed = await self._ends.claim(now, now + CLAIM_MS, CLAIMED_MAX)
        places = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(sha256: bytes) -> bool:
            async with places:
                return await self._delete(sha256)

        gone = await asyncio.gather(*(one(sha256) for sha256 in claimed))
        removed = {sha256: claimed[sha256] for sha256, is_gone in zip(claimed, gone, strict=True)
                   if is_gone}  # fmt: skip
        now = self._clock()
        await self._ends.removed(removed, now, now - KEPT_MS)
        return len(removed)

    async def remove_soon(self) -> None:
        """As much as can be done now; the rest comes by itself."""
        try:
            await self.remove_due()
        except Unavailable as error:
            log.info("evidence is removed later", reason=error.message)

    async def _delete(self, sha256: bytes) -> bool:
        try:
            async with asyncio.timeout(DELETE_SECONDS_MAX):
                await self._evidence.delete_everywhere(sha256)
        except (Unavailable, StoreFailed, TimeoutError) as error:
            log.warning("evidence not removed yet", sha256=sha256.hex(), reason=str(error))
            return False
        return True

    async def _run(self) -> None:
        while True:
            try:
                if await self.remove_due() == CLAIMED_MAX:
                    continue
            except Unavailable as error:
                log.info("evidence is removed later", reason=error.message)
            except Exception:  # what is never removed again breaks a promise
                log.exception("evidence is removed later")
            await asyncio.sleep(LOOK_SECONDS)
