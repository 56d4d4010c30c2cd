"""Subscribing to notices, by people. The notices themselves are the front's affair."""

from collections.abc import Callable, Iterator

from starlette.responses import Response

from bongsu.desk.notices.board import Board
from bongsu.desk.notices.subscribers import EMAIL_CHARS_MAX, URL_CHARS_MAX, Channel
from bongsu.desk.notices.subscribing import SERVICES_MAX, Subscribing
from bongsu.desk.notices.words import choose_text
from bongsu.errors import Refused
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.visit import Visit


class SubscriptionPages:
    def __init__(
        self, subscribing: Subscribing, board: Callable[[], Board], *, has_mail: bool
    ) -> None:
        self._subscribing = subscribing
        self._board = board
        self._has_mail = has_mail

    def endpoints(self) -> Iterator[Endpoint]:
        yield get("/subscribe", self.show)
        yield post("/subscribe", self.ask, limit="subscribe", asks_work=True)
        yield get("/subscribe/confirm/{link}", self.show_confirm)
        yield post("/subscribe/confirm/{link}", self.confirm)
        yield get("/unsubscribe/{link}", self.show_end)
        # Mail programs send this by themselves (RFC 8058), with no form of ours and no cookie: the
        # link is what allows it.
        yield Endpoint("POST", "/unsubscribe/{link}", self.end, takes_body=True)

    async def show(self, visit: Visit) -> Response:
        services = [
            (service.service_id, choose_text(service.names, visit.language)[1])
            for service in self._board().services
        ]
        return visit.render("notices/subscribe.html", services=services, has_mail=self._has_mail)

    async def ask(self, visit: Visit) -> Response:
        channel = visit.text("channel", 20, required=True)
        is_mail = channel == Channel.EMAIL
        if is_mail and not self._has_mail:
            raise visit.refuse("notices.no_mail")
        chars_max = EMAIL_CHARS_MAX if is_mail else URL_CHARS_MAX
        target = visit.text("target", chars_max, required=True)
        known = {service.service_id for service in self._board().services}
        services = [each for each in visit.texts("service", SERVICES_MAX) if each in known]
        await self._subscribing.ask(channel, target, visit.language, services)
        return visit.render("notices/asked.html")

    async def show_confirm(self, visit: Visit) -> Response:
        """Confirming takes a click: programs that look at links in mails do not click."""
        return _question(visit, "confirm")

    async def confirm(self, visit: Visit) -> Response:
        subscriber = await self._subscribing.confirm(visit.path["link"])
        if subscriber is None:
            raise Refused(visit.t("notices.link_old"), status=404, code="DESK_LINK_OLD")
        return _done(visit, "confirmed")

    async def show_end(self, visit: Visit) -> Response:
        return _question(visit, "end")

    async def end(self, visit: Visit) -> Response:
        if not await self._subscribing.end(visit.path["link"]):
            raise Refused(visit.t("notices.link_old"), status=404, code="DESK_LINK_OLD")
        return _done(visit, "ended")


def _question(visit: Visit, what: str) -> Response:
    return visit.render("notices/question.html", what=what)


def _done(visit: Visit, what: str) -> Response:
    return visit.render("notices/done.html", what=what)
