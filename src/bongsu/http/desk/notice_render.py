"""The public notices rendered from a board: pages and feeds, for the desk itself and as a copy.

Both are the same pages; they differ in their links only, for a copy has to work at any address.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from bongsu.desk.notices.board import Board, Incident, Service
from bongsu.desk.notices.uptime import Uptime, uptime_of
from bongsu.desk.notices.words import OUTAGES, Texts, choose_text
from bongsu.http.desk.face import Face
from bongsu.http.desk.texts import LANGUAGE_NAMES, LANGUAGES

RECENT_SHOWN = 5
FEED_ENTRIES_MAX = 50
HTML, ATOM, JSON = (
    "text/html; charset=utf-8",
    "application/atom+xml; charset=utf-8",
    "application/json",
)


class State(NamedTuple):
    """What is shown: a board, when, and whether the database was silent too long to trust it."""

    board: Board
    now: int
    is_stale: bool


class Page(NamedTuple):
    """`name`: status, history, incident <id>, atom, json or summary."""

    name: str
    media_type: str
    text: str


class PageLinks(Protocol):
    """Where a page's links lead."""

    @property
    def root(self) -> str:
        """Before the path of what only the desk itself has."""
        ...

    @property
    def is_copy(self) -> bool: ...
    def page(self, name: str, language: str) -> str: ...
    def static(self, plain_name: str) -> str: ...


class NoticePages:
    def __init__(self, face: Face) -> None:
        self._face = face

    def render(self, state: State, language: str, links: PageLinks) -> Iterator[Page]:
        """Every page in one language."""
        board, now = state.board, state.now
        uptimes = [(s, uptime_of(board, s, self._face.zone, now)) for s in board.services]
        updates = sorted(
            ((update, incident) for incident in board.incidents for update in incident.updates),
            key=lambda pair: -pair[0].update_id,
        )[:FEED_ENTRIES_MAX]

        def page(name: str, template: str, **more: Any) -> str:
            context = self._context(state, language, links, name)
            return self._face.environment.get_template(template).render(**context, **more)

        yield Page(
            "status",
            HTML,
            page("status", "notices/status.html", uptimes=uptimes, recent_shown=RECENT_SHOWN),
        )
        yield Page("history", HTML, page("history", "notices/history.html"))
        yield Page("atom", ATOM, page("atom", "notices/feed.xml", updates=updates))
        yield Page("json", "application/feed+json", self._feed(updates, language))
        yield Page("summary", JSON, self._summary(state, uptimes))
        for incident in board.incidents:
            name = f"incident {incident.incident_id}"
            yield Page(name, HTML, page(name, "notices/incident.html", incident=incident))

    def _context(self, state: State, language: str, links: PageLinks, name: str) -> dict[str, Any]:
        face, board, now = self._face, state.board, state.now

        def t(key: str, /, **values: Any) -> str:
            return face.texts.get(language, key, **values)

        def link(target: str) -> str:
            return links.page(target, language)

        def choose(texts: Texts) -> tuple[str, str]:
            return choose_text(texts, language)

        names = {service.service_id: choose(service.names)[1] for service in board.services}
        return {
            "t": t, "choose": choose, "language": language, "languages": LANGUAGES,
            "language_names": LANGUAGE_NAMES, "title": face.title, "operator": None,
            "root": links.root, "home": links.page("status", language), "static": links.static,
            "language_link": partial(links.page, name),
            "link": link, "is_copy": links.is_copy,
            "public_url": face.public_url, "board": board, "now": now,
            "is_stale": state.is_stale, "age": _age(t, now - board.read_ts),
            "tone": TONES.__getitem__, "names": names, "share": _share, "OUTAGES": OUTAGES,
            "stamp": _stamp,
        }  # fmt: skip

    def _feed(self, updates: list[tuple[Any, Incident]], language: str) -> str:
        face = self._face
        url = f"{face.public_url}/incidents/"
        items = [
            {
                "id": f"{url}{incident.incident_id}#update-{update.update_id}",
                "url": f"{url}{incident.incident_id}",
                "title": choose_text(incident.titles, language)[1],
                "content_text": choose_text(update.texts, language)[1],
                "date_published": _stamp(update.ts),
                "tags": [update.phase, incident.impact],
            }
            for update, incident in updates
        ]
        return _json(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": f"{face.title}: {face.texts.get(language, 'notices.title')}",
                "home_page_url": f"{face.public_url}/",
                "feed_url": f"{face.public_url}/feed.json?lang={language}",
                "language": language,
                "items": items,
            }
        )

    def _summary(self, state: State, uptimes: list[tuple[Service, Uptime]]) -> str:
        board, now = state.board, state.now
        return _json(
            {
                "health": board.health(now),
                "as_of": _stamp(board.read_ts),
                "is_stale": state.is_stale,
                "services": [
                    {
                        "id": service.service_id,
                        "names": service.names,
                        "health": board.health_of(service, now),
                        "sites": {c.site: c.health for c in service.components},
                        "uptime_90_days": uptime.share,
                    }
                    for service, uptime in uptimes
                ],
                "incidents": [i for i in board.incidents if not i.is_over],
            }
        )


TONES = {
    "operational": "good", "unknown": "none", "maintenance": "plan", "degraded": "fair",
    "partial_outage": "bad", "major_outage": "bad",
}  # fmt: skip


def _share(share: float | None) -> str:
    """A share of time in per cent; never rounded up to a whole hundred."""
    if share is None:
        return "–"
    if share >= 1:
        return "100 %"
    return f"{min(share * 100, 99.99):.2f} %"


def _age(t: Any, ms: int) -> str:
    minutes = max(ms // 60_000, 1)
    return (
        t("notices.age.minutes", n=minutes)
        if minutes < 120
        else t("notices.age.hours", n=minutes // 60)
    )


def _stamp(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document)).decode()
