"""What a publisher writes, checked before it is published. Pure but for the clock it is given."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from bongsu.desk.notices.words import IMPACTS, PHASES, Health, Kind, Phase, Texts, checked_texts
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam

TITLE_CHARS_MAX = 200
TEXT_CHARS_MAX = 5000
NAME_CHARS_MAX = 80
NOTE_CHARS_MAX = 300
URL_CHARS_MAX = 500
SERVICES_MAX = 100
SITES_MAX = 20
YEAR_MS = 366 * 24 * 3600 * 1000
AHEAD_MS = 5 * 60 * 1000  # clocks differ

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_POST_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")


class UpdateDraft(NamedTuple):
    """`post_key` is random and comes with the form: the same one sent twice publishes once."""

    post_key: str
    phase: Phase
    texts: Texts


class IncidentDraft(NamedTuple):
    kind: Kind
    impact: Health
    titles: Texts
    services: tuple[str, ...]
    started_ts: int
    ends_ts: int | None
    first: UpdateDraft


def checked_update(kind: Kind, post_key: str, phase: str, texts: Mapping[str, str]) -> UpdateDraft:
    if not _POST_KEY.match(post_key):
        raise InvalidParam("The form has no key; open it again")
    phases = PHASES[kind]
    if phase not in phases:
        raise InvalidParam(Sentence("The phase must be one of {known}", known=", ".join(phases)))
    return UpdateDraft(
        post_key, Phase(phase), checked_texts(texts, TEXT_CHARS_MAX, Sentence("Text"))
    )


def checked_incident(
    *,
    kind: str,
    impact: str,
    titles: Mapping[str, str],
    services: Sequence[str],
    started_ts: int | None,
    ends_ts: int | None,
    post_key: str,
    phase: str,
    texts: Mapping[str, str],
    now: int,
) -> IncidentDraft:
    """A draft that may be published; `InvalidParam` says what is wrong with it."""
    if kind not in set(Kind):
        raise InvalidParam("It is either an incident or planned work")
    if impact not in IMPACTS:
        raise InvalidParam(Sentence("The impact must be one of {known}", known=", ".join(IMPACTS)))
    if not services or len(services) > SERVICES_MAX:
        raise InvalidParam("Name the services that it concerns")
    begins, ends = _checked_times(Kind(kind), started_ts, ends_ts, now)
    return IncidentDraft(
        Kind(kind),
        Health(impact),
        checked_texts(titles, TITLE_CHARS_MAX, Sentence("Title")),
        tuple(dict.fromkeys(services)),
        begins,
        ends,
        checked_update(Kind(kind), post_key, phase, texts),
    )


def checked_service(service_id: str, names: Mapping[str, str]) -> tuple[str, Texts]:
    if not _ID.match(service_id):
        raise InvalidParam("The id is made of a-z, 0-9 and hyphens, at most 40")
    return service_id, checked_texts(names, NAME_CHARS_MAX, Sentence("Name"))


def checked_component(site: str, probe_url: str) -> tuple[str, str]:
    """A site's name and the address to ask; "" for none."""
    if not _ID.match(site):
        raise InvalidParam("A site's name is made of a-z, 0-9 and hyphens, at most 40")
    if not probe_url:
        return site, ""
    try:
        parts = urlsplit(probe_url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        _ = parts.port
    except ValueError:
        is_good = False
    if not is_good or len(probe_url) > URL_CHARS_MAX:
        raise InvalidParam("The address to ask must be a http or https URL without a password")
    return site, probe_url


def _checked_times(
    kind: Kind, started_ts: int | None, ends_ts: int | None, now: int
) -> tuple[int, int | None]:
    if kind is Kind.INCIDENT:
        begins = now if started_ts is None else started_ts
        if not now - YEAR_MS <= begins <= now + AHEAD_MS:
            raise InvalidParam("An incident begins in the past, at most a year ago")
        return begins, None
    if started_ts is None or ends_ts is None or ends_ts <= started_ts:
        raise InvalidParam("Planned work needs a beginning, and an end after it")
    if not now - AHEAD_MS <= started_ts <= ends_ts <= now + YEAR_MS:
        raise InvalidParam("Planned work lies ahead, at most a year")
    return started_ts, ends_ts
