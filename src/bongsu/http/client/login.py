"""Login, refresh, logout. Spec: Client-Server API, "Login", "Refreshing access tokens"."""

import msgspec

from bongsu.appservices.acting import Acting
from bongsu.errors import Forbidden, MissingParam, Refused
from bongsu.http.client.appservices import APPLICATION_SERVICE, service_of
from bongsu.http.client.interactive import challenge_response, operation_of
from bongsu.http.message import Request
from bongsu.http.rate_limit import RateLimiter
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.ids import UserId
from bongsu.users import text
from bongsu.users.accounts import Accounts, user_deactivated, user_locked
from bongsu.users.devices import Devices
from bongsu.users.emails import Emails
from bongsu.users.interactive_auth import (
    AuthData,
    Challenge,
    InteractiveAuth,
    UserIdentifier,
    named_address,
    named_user,
)
from bongsu.users.passwords import Passwords
from bongsu.users.requester import Requester
from bongsu.users.sessions import LOGIN_TOKEN_MS, Sessions

FLOWS = {
    "flows": [
        {"type": "m.login.password"},
        {"type": "m.login.token", "get_login_token": True},
        {"type": APPLICATION_SERVICE},
    ]
}


class LoginBody(msgspec.Struct, frozen=True):
    type: str
    identifier: UserIdentifier | None = None
    user: str | None = None
    password: str | None = None
    token: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    refresh_token: bool | None = None


class RefreshBody(msgspec.Struct, frozen=True):
    refresh_token: str


class AuthBody(msgspec.Struct, frozen=True):
    auth: AuthData | None = None


class LoginToken(msgspec.Struct, frozen=True):
    login_token: str
    expires_in_ms: int


class Login:
    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        devices: Devices,
        passwords: Passwords,
        interactive_auth: InteractiveAuth,
        rate_limiter: RateLimiter,
        services: Acting,
        emails: Emails | None = None,
        *,
        server_name: str,
    ) -> None:
        self._emails = emails
        self._services = services
        self._accounts = accounts
        self._sessions = sessions
        self._devices = devices
        self._passwords = passwords
        self._auth = interactive_auth
        self._rate_limiter = rate_limiter
        self._server_name = server_name

    @get("/_matrix/client/v3/login", auth=Auth.NONE)
    async def flows(self, request: Request) -> Answer:
        return FLOWS

    @post("/_matrix/client/v3/login", auth=Auth.SERVICE, limit="login")
    async def login(self, request: Request) -> Answer:
        body = request.json(LoginBody)
        device_id = None if body.device_id is None else text.device_id(body.device_id)
        display_name = text.display_name(body.initial_device_display_name)
        user_id, password_hash = await self._who(request, body)
        return await self._sessions.start(
            user_id,
            device_id,
            display_name,
            wants_refresh=bool(body.refresh_token),
            password_hash=password_hash,
        )

    @post("/_matrix/client/v1/login/get_token", limit="login")
    async def get_token(self, request: Request) -> Answer:
        body = request.json(AuthBody)
        passed = await self._auth.authenticate(operation_of(request), body.auth)
        if isinstance(passed, Challenge):
            return challenge_response(passed)
        token = await self._sessions.issue_login_token(request.requester.user_id)
        return LoginToken(token, LOGIN_TOKEN_MS)

    @post("/_matrix/client/v3/refresh", auth=Auth.NONE, limit="login")
    async def refresh(self, request: Request) -> Answer:
        return await self._sessions.refresh(request.json(RefreshBody).refresh_token)

    @post("/_matrix/client/v3/logout", auth=Auth.GUEST)
    async def logout(self, request: Request) -> Answer:
        requester = request.requester
        await self._devices.delete(requester.user_id, [requester.device_id])
        return {}

    @post("/_matrix/client/v3/logout/all", auth=Auth.GUEST)
    async def logout_all(self, request: Request) -> Answer:
        await self._devices.delete_all(request.requester.user_id)
        return {}

    async def _who(self, request: Request, body: LoginBody) -> tuple[UserId, str | None]:
        """Who logs in, and the hash of the password that proved it."""
        if body.type == APPLICATION_SERVICE:
            return await self._by_service(service_of(request), body), None
        if body.type == "m.login.password":
            return await self._by_password(body)
        if body.type == "m.login.token":
            return await self._by_token(body), None
        raise Refused("Bad login type")

    async def _by_password(self, body: LoginBody) -> tuple[UserId, str | None]:
        if body.password is None:
            raise MissingParam("Missing password")
        name = named_user(body.identifier, body.user)
        if name is None and body.identifier is None:
            raise MissingParam("Missing identifier")
        user_id = None if name is None else text.local_user_id(name, self._server_name)
        if name is None and (address := named_address(body.identifier)) and self._emails:
            user_id = await self._emails.owner(address)
        if user_id is not None:
            self._rate_limiter.spend("login", user_id)  # guesses may come from many addresses
        account = None if user_id is None else await self._accounts.get(user_id)
        password_hash = None if account is None else account.password_hash
        is_right = await self._passwords.verify(password_hash, body.password)
        if account is not None and account.deactivated_at is not None:
            raise user_deactivated()
        if account is None or not is_right:
            raise Forbidden("Invalid username or password")
        if account.locked_at is not None:
            raise user_locked()
        return account.user_id, password_hash

    async def _by_service(self, service: Requester, body: LoginBody) -> UserId:
        name = named_user(body.identifier, body.user)
        user_id = None if name is None else text.local_user_id(name, self._server_name)
        if user_id is None:
            raise MissingParam("Missing identifier of a user here")
        self._services.check_login(service, user_id)
        acting = await self._services.act(service, user_id)
        if acting.is_locked:
            raise user_locked()
        return user_id

    async def _by_token(self, body: LoginBody) -> UserId:
        if body.token is None:
            raise MissingParam("Missing token")
        user_id = await self._sessions.take_login_token(body.token)
        account = None if user_id is None else await self._accounts.get(user_id)
        if account is None:
            raise Forbidden("Invalid login token")
        if account.locked_at is not None:
            raise user_locked()
        return account.user_id
