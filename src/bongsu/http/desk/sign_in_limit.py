"""How often a password may be tried, without a stranger being able to keep an operator out.

Tries count by address and by account, or guessing would only need more addresses. But who uses up
an account's tries locks its owner out, and that would be easy on the worst day. So a browser in
which an account has signed in before bears a mark, and its tries are counted apart.
"""

from starlette.responses import Response

from bongsu.http.desk.tickets import Tickets
from bongsu.http.desk.visit import Visit

KNOWN_COOKIE = "desk_known"
KNOWN_SECONDS = 90 * 24 * 3600


class SignInLimit:
    """`marks` are signed under a key that is the same at every site."""

    def __init__(self, marks: Tickets) -> None:
        self._marks = marks

    def spend(self, visit: Visit, name: str) -> None:
        """Count one try for the account of `name`; `LimitExceeded`."""
        account = _account(name)
        mark = visit.request.cookies.get(KNOWN_COOKIE)
        if mark is not None and self._marks.open(mark) == account:
            visit.face.limiter.spend("sign_in_known", mark)
        else:
            visit.face.limiter.spend("sign_in_account", account)

    def remember(self, visit: Visit, response: Response, name: str) -> None:
        """The account of `name` has signed in here."""
        response.set_cookie(
            KNOWN_COOKIE, self._marks.make(_account(name)), KNOWN_SECONDS,
            secure=visit.face.is_secure, httponly=True, samesite="lax",
        )  # fmt: skip


def _account(name: str) -> str:
    """One name for all ways in which people write it."""
    return name.strip().lower().removeprefix("@").partition(":")[0]
