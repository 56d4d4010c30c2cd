"""Accounts made by a tool that knows the shared secret. Synapse: "Shared-Secret Registration"."""

import msgspec

from bongsu.errors import Forbidden, InvalidParam
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.ids import DeviceId
from bongsu.users import text
from bongsu.users.accounts import Accounts, Login
from bongsu.users.profiles import Profiles
from bongsu.users.requester import Requester
from bongsu.users.shared_secret import SharedSecret

_REGISTER = "/_synapse/admin/v1/register"


class RegisterBody(msgspec.Struct, frozen=True):
    nonce: str
    username: str
    password: str
    mac: str
    admin: bool = False
    displayname: str | None = None
    user_type: str | None = None
    inhibit_login: bool = False


class SharedSecretRegistration:
    """`secret` None: the server has none, and all is refused."""

    def __init__(
        self,
        accounts: Accounts,
        profiles: Profiles,
        secret: SharedSecret | None,
        *,
        server_name: str,
    ) -> None:
        self._accounts = accounts
        self._profiles = profiles
        self._secret = secret
        self._server_name = server_name

    @get(_REGISTER, auth=Auth.NONE, limit="register")
    async def nonce(self, request: Request) -> Answer:
        return {"nonce": self._known_secret().new_nonce()}

    @post(_REGISTER, auth=Auth.NONE, limit="register")
    async def register(self, request: Request) -> Answer:
        secret, body = self._known_secret(), request.json(RegisterBody)
        if not secret.is_nonce(body.nonce):
            raise InvalidParam("unrecognised nonce", code="M_UNKNOWN")
        if not secret.is_mac(
            body.mac, body.nonce, body.username, body.password,
            is_admin=body.admin, user_type=body.user_type,
        ):  # fmt: skip
            raise Forbidden("HMAC incorrect")
        user_id = await self._accounts.check_available(body.username.lower())
        text.password(body.password)
        login = None if body.inhibit_login else Login()
        session = await self._accounts.create(
            user_id, body.password, is_admin=body.admin, login=login
        )
        if body.displayname:
            owner = Requester(user_id, DeviceId(""), b"")
            await self._profiles.set_field(owner, user_id, "displayname", body.displayname)
        if session is None:
            return {"user_id": user_id, "home_server": self._server_name}
        return session

    def _known_secret(self) -> SharedSecret:
        if self._secret is None:
            raise InvalidParam("Shared secret registration is not enabled", code="M_UNKNOWN")
        return self._secret
