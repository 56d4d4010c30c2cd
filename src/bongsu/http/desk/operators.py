"""Signing in and out, the operators' own page, who has which role, and the audit log."""

from collections.abc import Iterator

from starlette.responses import Response

from bongsu.desk.audit import AuditLister
from bongsu.desk.people import SESSION_MS, Operators
from bongsu.desk.roles import Role, parse_roles
from bongsu.errors import Forbidden, NotFound
from bongsu.http.desk.app import SESSION_COOKIE, SIGN_IN_PATH
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.face import Entry
from bongsu.http.desk.sign_in_limit import SignInLimit
from bongsu.http.desk.visit import Visit
from bongsu.users.text import PASSWORD_BYTES_MAX

ANY_ROLE = frozenset(Role)
ADMINS = frozenset({Role.ADMIN})
ENTRIES = (
    Entry("/operator/people", "base.people", ADMINS),
    Entry("/operator/audit", "base.audit", ADMINS),
)
ENTRIES_SHOWN = 100
NAME_CHARS_MAX = 255
PATH_CHARS_MAX = 2000


class OperatorPages:
    def __init__(
        self, operators: Operators, audit: AuditLister, sign_in_limit: SignInLimit
    ) -> None:
        self._operators = operators
        self._audit = audit
        self._sign_in_limit = sign_in_limit

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(SIGN_IN_PATH, self.show_sign_in)
        yield post(SIGN_IN_PATH, self.sign_in, limit="sign_in")
        yield post("/operator/sign-out", self.sign_out)
        yield get("/operator", self.home, roles=ANY_ROLE)
        yield get("/operator/people", self.people, roles=ADMINS)
        yield post("/operator/people", self.put, roles=ADMINS)
        yield post("/operator/people/remove", self.remove, roles=ADMINS)
        yield get("/operator/audit", self.audit, roles=ADMINS)

    async def show_sign_in(self, visit: Visit) -> Response:
        return _sign_in_page(visit, visit.query.get("next", ""), error="")

    async def sign_in(self, visit: Visit) -> Response:
        name = visit.text("name", NAME_CHARS_MAX, required=True)
        password, target = visit.form.get("password"), visit.text("next", PATH_CHARS_MAX)
        if not isinstance(password, str) or len(password) > PASSWORD_BYTES_MAX:
            raise visit.refuse("base.field_wrong", name="password")
        self._sign_in_limit.spend(visit, name)
        try:
            token = await visit.face.people.sign_in(name, password)
        except Forbidden as error:
            message = visit.told(error.code, error.message)
            return _sign_in_page(visit, target, error=message, status=403)
        response = visit.redirect(_own_path(target) or "/operator")
        response.set_cookie(
            SESSION_COOKIE, token, SESSION_MS // 1000, secure=visit.face.is_secure,
            httponly=True, samesite="lax",
        )  # fmt: skip
        self._sign_in_limit.remember(visit, response, name)
        return response

    async def sign_out(self, visit: Visit) -> Response:
        if visit.session:
            await visit.face.people.sign_out(visit.session)
        response = visit.redirect(SIGN_IN_PATH)
        response.delete_cookie(SESSION_COOKIE)
        return response

    async def home(self, visit: Visit) -> Response:
        return visit.render("base/operator.html")

    async def people(self, visit: Visit) -> Response:
        operators = await self._operators.list_all()
        return visit.render("base/people.html", operators=operators, roles=list(Role))

    async def put(self, visit: Visit) -> Response:
        roles = parse_roles(visit.texts("role", len(Role)))
        name = visit.text("name", NAME_CHARS_MAX, required=True)
        try:
            await self._operators.put(visit.operator.user_id, name, roles)
        except NotFound:
            raise visit.refuse("base.no_account") from None
        return visit.redirect("/operator/people")

    async def remove(self, visit: Visit) -> Response:
        name = visit.text("name", NAME_CHARS_MAX, required=True)
        await self._operators.remove(visit.operator.user_id, name)
        return visit.redirect("/operator/people")

    async def audit(self, visit: Visit) -> Response:
        before = visit.query.get("before", "")
        number = (
            int(before) if before.isascii() and before.isdigit() and len(before) < 18 else 2**62
        )
        entries = await self._audit.list_latest(ENTRIES_SHOWN, before=number)
        return visit.render("base/audit.html", entries=entries)


def _sign_in_page(visit: Visit, target: str, *, error: str, status: int = 200) -> Response:
    return visit.render("base/sign_in.html", status=status, target=target, error=error)


def _own_path(target: str) -> str | None:
    """`target` if it is a path of ours: never another site's address."""
    is_own = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if is_own and target.isprintable() else None
