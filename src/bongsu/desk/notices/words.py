"""The words of notices, their order, and texts in several languages."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam

LANGUAGES = ("ko", "en", "ja", "zh")
"""In which notices may be written; the pages around them are Korean and English."""


class Health(StrEnum):
    """Of a service, or of it at one site; the later, the worse."""

    OPERATIONAL = "operational"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"
    DEGRADED = "degraded"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"

    @property
    def severity(self) -> int:
        return _SEVERITY[self]


_SEVERITY = {health: number for number, health in enumerate(Health)}
OUTAGES = frozenset({Health.PARTIAL_OUTAGE, Health.MAJOR_OUTAGE})


def worst(healths: Iterable[Health]) -> Health:
    return max(healths, key=lambda health: health.severity, default=Health.OPERATIONAL)


def over_sites(healths: Iterable[Health]) -> Health:
    """Of a service that stands at several sites: one that is down is no outage of all."""
    found = list(healths)
    down = sum(health in OUTAGES for health in found)
    if not down:
        return worst(found)
    return worst(found) if down == len(found) else Health.PARTIAL_OUTAGE


class Kind(StrEnum):
    INCIDENT = "incident"
    PLANNED = "planned"


class Phase(StrEnum):
    """The first four are of an incident, the others of planned work."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    RECOVERING = "recovering"
    RESOLVED = "resolved"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


PHASES: Mapping[Kind, tuple[Phase, ...]] = {
    Kind.INCIDENT: (
        Phase.INVESTIGATING, Phase.IDENTIFIED, Phase.RECOVERING, Phase.RESOLVED,
    ),
    Kind.PLANNED: (Phase.SCHEDULED, Phase.IN_PROGRESS, Phase.COMPLETED),
}  # fmt: skip
ENDS = frozenset({Phase.RESOLVED, Phase.COMPLETED})
IMPACTS = (
    Health.OPERATIONAL, Health.MAINTENANCE, Health.DEGRADED, Health.PARTIAL_OUTAGE,
    Health.MAJOR_OUTAGE,
)  # fmt: skip

# Control characters but tab and new line, and what no feed may hold.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

Texts = Mapping[str, str]
"""A text by language: at least one, none empty."""


def checked_texts(given: Mapping[str, str], chars_max: int, what: Sentence) -> dict[str, str]:
    """The languages that have a text; `InvalidParam` if none has, or one is too long."""
    texts = {language: text.strip() for language, text in given.items() if text.strip()}
    if not texts:
        raise InvalidParam(Sentence("{what}: write it in at least one language", what=what))
    for language, text in texts.items():
        if language not in LANGUAGES:
            raise InvalidParam(
                Sentence(
                    "{what}: {language!r} is none of {known}",
                    what=what,
                    language=language[:20],
                    known=", ".join(LANGUAGES),
                )
            )
        if len(text) > chars_max:
            raise InvalidParam(
                Sentence("{what}: longer than {count} characters", what=what, count=chars_max)
            )
        if _UNPRINTABLE.search(text):
            raise InvalidParam(
                Sentence("{what}: it holds characters that cannot be shown", what=what)
            )
    return texts


def choose_text(texts: Texts, language: str) -> tuple[str, str]:
    """(language, text): what is there in `language`, else in English, else in what there is."""
    for wish in (language, "en", "ko"):
        if wish in texts:
            return wish, texts[wish]
    return next(iter(texts.items()))
