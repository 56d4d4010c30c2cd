"""How often one user, or one address, may ask: GCRA, one number a key.

A key's number is the time at which its bucket would be full again ("theoretical arrival time"); a
call moves it on by `1 / per_second` and is refused if that lies more than a burst ahead. Memory is
bounded: the key longest unused is forgotten first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from bongsu.errors import LimitExceeded

KEYS_MAX = 100_000
ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` calls at once, then `per_second`."""

    per_second: float
    burst: int


# Wide enough that nobody who types, scrolls or moves in with a new client will meet one.
DEFAULT_RATES: Mapping[str, Rate] = {
    "login": Rate(0.5, 30),  # by address, which a whole office may share
    "register": Rate(0.5, 30),  # by address
    "message": Rate(10, 100),
    "join": Rate(1, 50),
    "invite": Rate(1, 50),
    "create_room": Rate(0.5, 30),
    "media": Rate(50, 500),
    "email": Rate(1 / 600, 5),  # by the address that mail is sent to
    "preview": Rate(1, 60),  # a room full of links, then one a second
    "report": Rate(0.2, 10),
    "search": Rate(2, 20),
    "other": Rate(20, 200),
}


class RateLimiter:
    """Counts calls per (name of the limit, user or address)."""

    def __init__(
        self,
        rates: Mapping[str, Rate] = DEFAULT_RATES,
        *,
        enabled: bool = True,
        keys_max: int = KEYS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rates = rates
        self._enabled = enabled
        self._keys_max = keys_max
        self._clock = clock
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def spend(self, name: str, who: str) -> None:
        """Count one call. `LimitExceeded` says when the next one is due; it counts for nothing."""
        if not self._enabled:
            return
        rate, key, now = self.rates[name], (name, who), self._clock()
        interval = 1 / rate.per_second
        full_at = max(self._full_at.pop(key, now), now) + interval
        wait = full_at - now - rate.burst * interval
        is_due = wait <= ROUNDING_SECONDS
        self._full_at[key] = full_at if is_due else full_at - interval
        if len(self._full_at) > self._keys_max:
            self._full_at.popitem(last=False)
        if not is_due:
            raise LimitExceeded(retry_after_ms=max(1, ceil(wait * 1000)))
