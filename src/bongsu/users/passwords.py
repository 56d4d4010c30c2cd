"""Password hashes: argon2id, computed in a few threads (argon2 releases the GIL).

Parameters are OWASP's (19 MiB, two passes, one lane): some 20 ms of a core.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bongsu.errors import LimitExceeded
from bongsu.users.text import PASSWORD_BYTES_MAX

T = TypeVar("T")

HASHES_AT_ONCE_MAX = 2
HASHES_WAITING_MAX = 64
RETRY_AFTER_MS = 2000


class Passwords:
    """Hashes and verifies. More than `HASHES_WAITING_MAX` at once are refused, M_LIMIT_EXCEEDED."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE_MAX, "argon2")
        self._waiting = 0
        self._nobodys_hash: str | None = None

    async def hash(self, password: str) -> str:
        """The PHC string of `password`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` is the one. Without a hash: no, after the same time."""
        if len(password.encode("utf-8", "replace")) > PASSWORD_BYTES_MAX:
            return False
        return await self._run(lambda: self._verify(password_hash, password))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if self._nobodys_hash is None:
            self._nobodys_hash = self._hasher.hash("nobody")
        try:
            self._hasher.verify(password_hash or self._nobodys_hash, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
        return password_hash is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= HASHES_WAITING_MAX:
            raise LimitExceeded("Too many logins at once", retry_after_ms=RETRY_AFTER_MS)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
