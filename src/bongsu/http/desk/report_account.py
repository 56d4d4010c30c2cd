"""Reporters with an account: they come in from the messenger by one click, and find their reports.

    the messenger ─▶ request_token ─▶ POST /report/enter ─▶ the form, with the account filled in
                          └─────────▶ GET /api/reporter/reports ─▶ links, each good for a day

Whoever makes a browser post a form could bring it in as somebody else and then read what is
reported, so a page that is not one of the messenger's has to ask the person first.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct
from starlette.responses import RedirectResponse, Response

from bongsu.desk.reports.following import Following
from bongsu.desk.reports.stores import OwnReport
from bongsu.errors import InvalidParam, Refused, UnknownToken
from bongsu.http.desk.endpoints import REPORTER_API, Endpoint, api, get, post
from bongsu.http.desk.reports import ACCOUNT_COOKIE, REPORT_PATH, link_path
from bongsu.http.desk.tickets import TICKET_CHARS_MAX, Tickets
from bongsu.http.desk.visit import Visit
from bongsu.ids import UserId, domain_of
from bongsu.users.openid import DESK, OpenId

ENTER_PATH = f"{REPORT_PATH}/enter"
ENTER_BYTES_MAX = 16 * 1024
ENTERING_SECONDS = 600  # between the question whether it is oneself, and the answer
OWN_LINK_SECONDS = 24 * 3600


class Told(Struct, frozen=True):
    """One of somebody's own reports. Whoever has `url` can read it."""

    receipt: str
    received_ts: int
    changed_ts: int
    status: str
    category: str
    services: tuple[str, ...]
    damage: str
    url: str


class ReportList(Struct, frozen=True):
    """The latest first."""

    reports: list[Told]
    has_more: bool


class ReporterTickets:
    """What this desk signs for reporters. `key` is the same at every site."""

    def __init__(self, key: bytes, account_seconds: int) -> None:
        self.accounts = Tickets(key, "reporter", account_seconds)
        self.entering = Tickets(key, "entering", ENTERING_SECONDS)
        self.links = Tickets(key, "own report", OWN_LINK_SECONDS)


class AccountPages:
    """`openid` knows the messenger's own tokens."""

    def __init__(
        self, following: Following, openid: OpenId, tickets: ReporterTickets, *, server_name: str
    ) -> None:
        self._following = following
        self._openid = openid
        self._tickets = tickets
        self._server_name = server_name

    def endpoints(self) -> Iterator[Endpoint]:
        yield api("POST", ENTER_PATH, self.enter, limit="sign_in", body_bytes_max=ENTER_BYTES_MAX)
        yield get(ENTER_PATH, self.ask)
        yield post(f"{ENTER_PATH}/confirm", self.confirm)
        yield post(f"{REPORT_PATH}/leave", self.leave)
        yield api("GET", f"{REPORTER_API}/reports", self.list_own)

    async def enter(self, visit: Visit) -> Response:
        """One click in the messenger: a form with what `openid/request_token` gave it."""
        async with visit.request.form(max_files=0, max_fields=10) as form:
            token, server = form.get("access_token"), form.get("matrix_server_name")
        if not isinstance(token, str) or server not in (None, self._server_name):
            raise InvalidParam("access_token of this server's openid/request_token is needed")
        account_id = await self._account(visit, token)
        origin = visit.request.headers.get("origin")
        if origin is None or origin in visit.face.client_origins:  # every browser says it
            return self._entered(visit, account_id)
        ticket = self._tickets.entering.make(account_id)
        return RedirectResponse(f"{ENTER_PATH}?ticket={ticket}", 303)

    async def ask(self, visit: Visit) -> Response:
        """Whether it is oneself; by a link alone nobody comes in."""
        ticket = visit.query.get("ticket", "")
        account_id = self._tickets.entering.open(ticket)
        if account_id is None:
            raise visit.refuse("reports.token_unknown")
        return visit.render("reports/enter.html", account=account_id, ticket=ticket)

    async def confirm(self, visit: Visit) -> Response:
        ticket = visit.text("ticket", TICKET_CHARS_MAX, required=True)
        account_id = self._tickets.entering.open(ticket)
        if account_id is None:
            raise visit.refuse("reports.token_unknown")
        return self._entered(visit, account_id)

    async def leave(self, visit: Visit) -> Response:
        response = visit.redirect(REPORT_PATH)
        response.delete_cookie(ACCOUNT_COOKIE)
        return response

    async def list_own(self, visit: Visit) -> Response:
        """For the messenger itself: what others were given tells who somebody is, and no more."""
        account_id = await self._owner(visit.session or "")
        reports, has_more = await self._following.list_own(account_id)
        told = ReportList([self._told(visit, each) for each in reports], has_more)
        return Response(msgspec.json.encode(told), media_type="application/json")

    async def _account(self, visit: Visit, token: str) -> UserId:
        """Whose token it is, for whatever audience."""
        for audience in (DESK, ""):
            try:
                account_id = await self._openid.user_of(token, audience)
            except UnknownToken:
                continue
            if domain_of(account_id) != self._server_name:
                raise InvalidParam("Not an account of this server")
            return account_id
        raise InvalidParam(visit.t("reports.token_unknown"))

    async def _owner(self, token: str) -> UserId:
        try:
            return await self._openid.user_of(token, DESK)
        except UnknownToken:
            pass
        try:
            await self._openid.user_of(token)
        except UnknownToken:
            message = "The token is unknown or has expired"
            raise Refused(message, code="DESK_TOKEN", status=401) from None
        message = f'Ask request_token with {{"org.bongsu.audience": "{DESK}"}}'
        raise Refused(message, code="DESK_AUDIENCE", status=403)

    def _entered(self, visit: Visit, account_id: str) -> Response:
        response = visit.redirect(REPORT_PATH)
        tickets = self._tickets.accounts
        response.set_cookie(
            ACCOUNT_COOKIE, tickets.make(account_id), tickets.seconds,
            secure=visit.face.is_secure, httponly=True, samesite="lax",
        )  # fmt: skip
        return response

    def _told(self, visit: Visit, report: OwnReport) -> Told:
        path = link_path(self._tickets.links.make(report.report_id))
        return Told(
            report.receipt, report.received_ts, report.changed_ts, report.status,
            report.category, report.services, report.damage, visit.face.public_url + path,
        )  # fmt: skip
