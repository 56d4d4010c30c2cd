"""How long to wait before a service is asked again that did not take a transaction."""

PAUSE_SECONDS_MIN = 0.5
PAUSE_SECONDS_MAX = 60.0
_DOUBLINGS_MAX = 10


def pause_seconds(failures: int, chance: float) -> float:
    """Doubles with each failure (1, 2, …) up to a minute; `chance` of 0..1 takes up to a fifth off,
    so that services that failed together do not come back together."""
    longest = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN * 2 ** min(failures - 1, _DOUBLINGS_MAX))
    return longest * (1 - 0.2 * chance)
