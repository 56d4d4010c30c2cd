"""The publishers' pages: services and their health, incidents, planned work, updates."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from starlette.responses import Response

from bongsu.desk.notices import drafts
from bongsu.desk.notices.board import Board
from bongsu.desk.notices.publishing import Publishing
from bongsu.desk.notices.words import IMPACTS, LANGUAGES, PHASES, Health, Kind, Texts, choose_text
from bongsu.desk.roles import Role
from bongsu.errors import NotFound
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.visit import Visit

PUBLISHERS = frozenset({Role.PUBLISHER})
HOME = "/operator/notices"
WORD_CHARS_MAX = 40


class Counts(Protocol):
    """Live subscribers by channel, and deliveries that are due."""

    async def subscribers(self) -> dict[str, int]: ...
    async def due(self) -> int: ...


class NoticeDesk:
    """`board` reads the board as it is now; `changed` says that it was changed here."""

    def __init__(
        self,
        publishing: Publishing,
        board: Callable[[], Board],
        counts: Counts,
        changed: Callable[[], None],
    ) -> None:
        self._publishing = publishing
        self._board = board
        self._counts = counts
        self._changed = changed

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(HOME, self.home, roles=PUBLISHERS)
        yield get(f"{HOME}/new", self.show_new, roles=PUBLISHERS)
        yield post(f"{HOME}/new", self.publish, roles=PUBLISHERS)
        yield get(f"{HOME}/incidents/{{id}}", self.show, roles=PUBLISHERS)
        yield post(f"{HOME}/incidents/{{id}}", self.add_update, roles=PUBLISHERS)
        yield post(f"{HOME}/services", self.put_service, roles=PUBLISHERS)
        yield post(f"{HOME}/services/retire", self.retire_service, roles=PUBLISHERS)
        yield post(f"{HOME}/components", self.put_component, roles=PUBLISHERS)
        yield post(f"{HOME}/components/remove", self.remove_component, roles=PUBLISHERS)
        yield post(f"{HOME}/health", self.set_by_hand, roles=PUBLISHERS)

    async def home(self, visit: Visit) -> Response:
        subscribers = {"email": 0, "webhook": 0, "room": 0, **await self._counts.subscribers()}
        return self._page(
            visit, "notices/desk.html", healths=list(Health), subscribers=subscribers,
            due=await self._counts.due(),
        )  # fmt: skip

    async def show_new(self, visit: Visit) -> Response:
        kind = Kind.PLANNED if visit.query.get("kind") == Kind.PLANNED else Kind.INCIDENT
        return self._page(
            visit, "notices/new.html", kind=kind, impacts=IMPACTS, phases=PHASES[kind],
            post_key=secrets.token_urlsafe(18),
        )  # fmt: skip

    async def publish(self, visit: Visit) -> Response:
        incident_id = await self._publishing.publish(
            visit.operator.user_id,
            kind=visit.text("kind", WORD_CHARS_MAX),
            impact=visit.text("impact", WORD_CHARS_MAX),
            titles=_by_language(visit, "title", drafts.TITLE_CHARS_MAX),
            services=visit.texts("service", drafts.SERVICES_MAX),
            started_ts=visit.time("started"),
            ends_ts=visit.time("ends"),
            post_key=visit.text("post_key", 100),
            phase=visit.text("phase", WORD_CHARS_MAX),
            texts=_by_language(visit, "text", drafts.TEXT_CHARS_MAX),
        )
        self._changed()
        return visit.redirect(f"{HOME}/incidents/{incident_id}")

    async def show(self, visit: Visit) -> Response:
        incident_id = visit.path["id"]
        incident = self._board().find(incident_id)
        if incident is None:
            self._changed()  # it may have been published a moment ago
            return visit.render("notices/soon.html", incident_id=incident_id)
        return self._page(
            visit, "notices/update.html", incident=incident, phases=PHASES[incident.kind],
            post_key=secrets.token_urlsafe(18),
        )  # fmt: skip

    async def add_update(self, visit: Visit) -> Response:
        incident_id = visit.path["id"]
        await self._publishing.add_update(
            visit.operator.user_id,
            incident_id,
            post_key=visit.text("post_key", 100),
            phase=visit.text("phase", WORD_CHARS_MAX),
            texts=_by_language(visit, "text", drafts.TEXT_CHARS_MAX),
        )
        return self._done(visit)

    async def put_service(self, visit: Visit) -> Response:
        names = _by_language(visit, "name", drafts.NAME_CHARS_MAX)
        service_id = visit.text("service_id", WORD_CHARS_MAX)
        await self._publishing.put_service(visit.operator.user_id, service_id, names)
        return self._done(visit)

    async def retire_service(self, visit: Visit) -> Response:
        service_id = visit.text("service_id", WORD_CHARS_MAX)
        await self._publishing.retire_service(visit.operator.user_id, service_id)
        return self._done(visit)

    async def put_component(self, visit: Visit) -> Response:
        await self._publishing.put_component(
            visit.operator.user_id,
            visit.text("service_id", WORD_CHARS_MAX),
            visit.text("site", WORD_CHARS_MAX),
            visit.text("probe", drafts.URL_CHARS_MAX),
        )
        return self._done(visit)

    async def remove_component(self, visit: Visit) -> Response:
        service_id, site = _component(visit)
        await self._publishing.remove_component(visit.operator.user_id, service_id, site)
        return self._done(visit)

    async def set_by_hand(self, visit: Visit) -> Response:
        """The component is chosen as service/site, of which no id holds a slash."""
        service_id, site = _component(visit)
        health = visit.text("health", WORD_CHARS_MAX)
        note = _by_language(visit, "note", drafts.NOTE_CHARS_MAX)
        await self._publishing.set_by_hand(visit.operator.user_id, service_id, site, health, note)
        return self._done(visit)

    def _done(self, visit: Visit) -> Response:
        self._changed()
        return visit.redirect(HOME)

    def _page(self, visit: Visit, template: str, /, **context: Any) -> Response:
        board = self._board()

        def name(texts: Texts) -> str:
            return choose_text(texts, visit.language)[1]

        return visit.render(
            template,
            board=board,
            open_incidents=[incident for incident in board.incidents if not incident.is_over],
            name=name,
            text_languages=LANGUAGES,
            zone=visit.face.zone.key,
            **context,
        )


def _component(visit: Visit) -> tuple[str, str]:
    service_id, slash, site = visit.text("component", 2 * WORD_CHARS_MAX).partition("/")
    if not slash:
        raise NotFound("No such component")
    return service_id, site


def _by_language(visit: Visit, field: str, chars_max: int) -> dict[str, str]:
    """Fields text_ko, text_en, … that are not empty."""
    found = {each: visit.text(f"{field}_{each}", chars_max) for each in LANGUAGES}
    return {language: text for language, text in found.items() if text}
