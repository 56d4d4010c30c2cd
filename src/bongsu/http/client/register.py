"""Account registration. Spec: Client-Server API, "Account registration"."""

import secrets
from contextlib import suppress
from typing import Literal

import msgspec

from bongsu.appservices.services import Services
from bongsu.errors import Forbidden, MissingParam, Refused
from bongsu.http.client.appservices import APPLICATION_SERVICE, service_of
from bongsu.http.client.interactive import challenge_response, operation_name
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.ids import UserId
from bongsu.users import text
from bongsu.users.accounts import Accounts, Login
from bongsu.users.emails import Emails
from bongsu.users.interactive_auth import (
    DUMMY,
    EMAIL,
    REGISTRATION_TOKEN,
    AuthData,
    Challenge,
    Flows,
    InteractiveAuth,
    Operation,
    Passed,
)

Mode = Literal["open", "token", "closed"]

FLOWS: dict[Mode, Flows] = {"open": ((DUMMY,),), "token": ((REGISTRATION_TOKEN,),), "closed": ()}
# With e-mail an address may be proved on the way; nobody must.
EMAIL_FLOWS: dict[Mode, Flows] = {
    "open": ((DUMMY,), (EMAIL,)),
    "token": ((REGISTRATION_TOKEN,), (EMAIL, REGISTRATION_TOKEN)),
    "closed": (),
}
KINDS = ("user", "guest")
CHOSEN_LOCALPART_BYTES = 8


class RegistrationPolicy(msgspec.Struct, frozen=True):
    """Who may make an account: anybody, who holds a token, nobody; and guests on top."""

    mode: Mode = "closed"
    guests: bool = False


class RegisterBody(msgspec.Struct, frozen=True):
    type: str | None = None
    auth: AuthData | None = None
    username: str | None = None
    password: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    inhibit_login: bool | None = None
    refresh_token: bool | None = None


class GuestBody(msgspec.Struct, frozen=True):
    initial_device_display_name: str | None = None


class Register:
    def __init__(
        self,
        accounts: Accounts,
        interactive_auth: InteractiveAuth,
        policy: RegistrationPolicy,
        services: Services,
        emails: Emails | None = None,
        *,
        server_name: str,
    ) -> None:
        self._emails = emails
        self._services = services
        self._accounts = accounts
        self._auth = interactive_auth
        self._policy = policy
        self._server_name = server_name

    @post("/_matrix/client/v3/register", auth=Auth.SERVICE, limit="register")
    async def register(self, request: Request) -> Answer:
        kind = request.query_text("kind", "user")
        if kind not in KINDS:
            raise Refused("kind is neither user nor guest", code="M_INVALID_PARAM")
        if kind == "guest":
            return await self._register_guest(request)
        body = request.json(RegisterBody)
        if body.type == APPLICATION_SERVICE:
            return await self._register_by_service(request, body)
        self._check_open()
        user_id = await self._wanted_user_id(body)
        if body.password is not None:
            text.password(body.password)
        login = _login(body)
        passed = await self._authenticate(request, body.auth)
        if isinstance(passed, Challenge):
            return challenge_response(passed)
        if body.password is None:
            raise MissingParam("Missing password")
        return await self._create(user_id, body.password, login, passed)

    @get("/_matrix/client/v3/register/available", auth=Auth.NONE, limit="register")
    async def available(self, request: Request) -> Answer:
        self._check_open()
        await self._available(request.query_required("username"))
        return {"available": True}

    @get(
        "/_matrix/client/v1/register/m.login.registration_token/validity",
        auth=Auth.NONE,
        limit="register",
    )
    async def token_validity(self, request: Request) -> Answer:
        self._check_open()
        token = request.query_required("token")
        return {"valid": await self._auth.is_registration_token(token)}

    def _check_open(self) -> None:
        if self._policy.mode == "closed":
            raise Forbidden("Registration is disabled")

    async def _wanted_user_id(self, body: RegisterBody) -> UserId:
        """Checked before the authentication, as the spec demands; the table decides in the end."""
        if body.username is None:
            return self._chosen_user_id()
        return await self._available(body.username)

    async def _available(self, username: str) -> UserId:
        self._services.check_user(text.new_user_id(username, self._server_name), None)
        return await self._accounts.check_available(username)

    async def _register_by_service(self, request: Request, body: RegisterBody) -> Answer:
        """A user of a service's own: no stages, no password."""
        service = service_of(request)
        if body.username is None:
            raise MissingParam("Missing username")
        user_id = text.new_user_id(body.username, self._server_name)
        self._services.check_user(user_id, service.appservice_id)
        return await self._create(user_id, None, _login(body), Passed())

    def _chosen_user_id(self) -> UserId:
        return text.new_user_id(secrets.token_hex(CHOSEN_LOCALPART_BYTES), self._server_name)

    async def _authenticate(self, request: Request, auth: AuthData | None) -> Passed | Challenge:
        flows = (FLOWS if self._emails is None else EMAIL_FLOWS)[self._policy.mode]
        operation = Operation(operation_name(request), None, flows, email_purpose="register")
        return await self._auth.authenticate(operation, auth)

    async def _create(
        self, user_id: UserId, password: str | None, login: Login | None, passed: Passed
    ) -> Answer:
        session = await self._accounts.create(
            user_id, password, registration_token=passed.registration_token, login=login
        )
        if passed.email is not None and self._emails is not None:
            with suppress(Refused):  # somebody else's meanwhile: the account goes without it
                await self._emails.keep(user_id, passed.email)
        if session is None:
            return {"user_id": user_id, "home_server": self._server_name}
        return session

    async def _register_guest(self, request: Request) -> Answer:
        if not self._policy.guests:
            raise Refused("Guest access is disabled", code="M_GUEST_ACCESS_FORBIDDEN", status=403)
        body = request.json(GuestBody)
        login = Login(display_name=text.display_name(body.initial_device_display_name))
        session = await self._accounts.create(
            self._chosen_user_id(), None, is_guest=True, login=login
        )
        assert session is not None, "a guest is always logged in"
        return session


def _login(body: RegisterBody) -> Login | None:
    login = Login(
        None if body.device_id is None else text.device_id(body.device_id),
        text.display_name(body.initial_device_display_name),
        bool(body.refresh_token),
    )
    return None if body.inhibit_login else login
