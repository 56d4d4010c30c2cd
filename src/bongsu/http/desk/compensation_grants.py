"""What everybody with an account may take up: a page for people who came in from the messenger."""

from collections.abc import Iterator

from starlette.responses import Response

from bongsu.desk.compensation.explaining import explain_grant
from bongsu.desk.compensation.grants import Grants
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.reports import ACCOUNT_COOKIE
from bongsu.http.desk.tickets import Tickets
from bongsu.http.desk.visit import Visit

GRANTS = "/grants"
NAME_CHARS_MAX = 60


class GrantPages:
    """`accounts` reads the cookie that the messenger's one click gave."""

    def __init__(self, grants: Grants, accounts: Tickets) -> None:
        self._grants = grants
        self._accounts = accounts

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(GRANTS, self.show)
        yield post(GRANTS, self.claim)

    async def show(self, visit: Visit) -> Response:
        account_id = self._account(visit)
        offers = await self._grants.offers(account_id) if account_id else []
        return visit.render(
            "compensation/grants.html",
            account_id=account_id,
            offers=[(each, explain_grant(each.grant, visit.language)) for each in offers],
        )

    async def claim(self, visit: Visit) -> Response:
        account_id = self._account(visit)
        if account_id is None:
            raise visit.refuse("compensation.grants_sign_in")
        programme = visit.text("programme", NAME_CHARS_MAX, required=True)
        name = visit.text("name", NAME_CHARS_MAX, required=True)
        await self._grants.claim(account_id, programme, name)
        return visit.redirect(GRANTS)

    def _account(self, visit: Visit) -> str | None:
        return self._accounts.open(visit.request.cookies.get(ACCOUNT_COOKIE))
