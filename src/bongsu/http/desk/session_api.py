"""Sessions of operators for machines: a token instead of a cookie."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from bongsu.desk.people import SESSION_MS
from bongsu.desk.roles import Role
from bongsu.http.desk.endpoints import Endpoint, api
from bongsu.http.desk.json_bodies import answer_json, read_json
from bongsu.http.desk.operators import ANY_ROLE, NAME_CHARS_MAX
from bongsu.http.desk.sign_in_limit import SignInLimit
from bongsu.http.desk.visit import Visit
from bongsu.users.text import PASSWORD_BYTES_MAX

PATH = "/api/session"


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """An account of the messenger that has a role here."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    password: Annotated[str, Meta(min_length=1, max_length=PASSWORD_BYTES_MAX)]

    def __repr__(self) -> str:
        return f"SignIn({self.name!r})"  # a password stands in no log


class ToldSession(Struct, frozen=True):
    """`token` goes into `Authorization: Bearer`, for so many seconds at most."""

    token: str
    seconds: int


class ToldOperator(Struct, frozen=True):
    user_id: str
    roles: list[Role]


class SessionApi:
    def __init__(self, sign_in_limit: SignInLimit) -> None:
        self._sign_in_limit = sign_in_limit

    def endpoints(self) -> Iterator[Endpoint]:
        yield api("POST", PATH, self.begin, limit="sign_in")
        yield api("GET", PATH, self.show, roles=ANY_ROLE)
        yield api("DELETE", PATH, self.end, roles=ANY_ROLE)

    async def begin(self, visit: Visit) -> Response:
        given = await read_json(visit, SignIn, "a name and its password")
        self._sign_in_limit.spend(visit, given.name)
        token = await visit.face.people.sign_in(given.name, given.password)
        return answer_json(ToldSession(token, SESSION_MS // 1000))

    async def show(self, visit: Visit) -> Response:
        return answer_json(_told(visit))

    async def end(self, visit: Visit) -> Response:
        """The token is good for nothing after this."""
        await visit.face.people.sign_out(visit.session or "")
        return answer_json(_told(visit))


def _told(visit: Visit) -> ToldOperator:
    return ToldOperator(visit.operator.user_id, sorted(visit.operator.roles))
