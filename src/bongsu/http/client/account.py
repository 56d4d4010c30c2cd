"""One's own account. Spec: Client-Server API, "Account management"."""

import msgspec

from bongsu.errors import Refused
from bongsu.http.client.interactive import challenge_response, operation_of
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.ids import DeviceId, UserId
from bongsu.users import text
from bongsu.users.accounts import Accounts
from bongsu.users.interactive_auth import AuthData, Challenge, InteractiveAuth
from bongsu.users.requester import NO_DEVICE


class WhoAmI(msgspec.Struct, frozen=True, omit_defaults=True):
    """An application service need not act as a device."""

    user_id: UserId
    is_guest: bool
    device_id: DeviceId = NO_DEVICE


class PasswordBody(msgspec.Struct, frozen=True):
    new_password: str
    logout_devices: bool | None = None
    auth: AuthData | None = None


class DeactivateBody(msgspec.Struct, frozen=True):
    auth: AuthData | None = None
    erase: bool | None = None


class AccountEndpoints:
    def __init__(self, accounts: Accounts, interactive_auth: InteractiveAuth) -> None:
        self._accounts = accounts
        self._auth = interactive_auth

    @get("/_matrix/client/v3/account/whoami", auth=Auth.GUEST)
    async def whoami(self, request: Request) -> Answer:
        requester = request.requester
        return WhoAmI(requester.user_id, requester.is_guest, requester.device_id)

    @post("/_matrix/client/v3/account/password", limit="login")
    async def password(self, request: Request) -> Answer:
        body = request.json(PasswordBody)
        text.password(body.new_password)
        passed = await self._auth.authenticate(operation_of(request), body.auth)
        if isinstance(passed, Challenge):
            return challenge_response(passed)
        await self._accounts.set_password(
            request.requester.user_id,
            body.new_password,
            end_others=body.logout_devices is not False,
            keep=request.requester.device_id,
        )
        return {}

    @post("/_matrix/client/v3/account/deactivate", limit="login")
    async def deactivate(self, request: Request) -> Answer:
        body = request.json(DeactivateBody)
        passed = await self._auth.authenticate(operation_of(request), body.auth)
        if isinstance(passed, Challenge):
            return challenge_response(passed)
        await self._accounts.deactivate(request.requester.user_id, erase=bool(body.erase))
        return {"id_server_unbind_result": "success"}

    @get("/_matrix/client/v3/account/3pid")
    async def list_3pids(self, request: Request) -> Answer:
        return {"threepids": []}

    @post("/_matrix/client/v3/account/3pid")
    @post("/_matrix/client/v3/account/3pid/add")
    @post("/_matrix/client/v3/account/3pid/bind")
    async def add_3pid(self, request: Request) -> Answer:
        raise threepid_denied()

    @post("/_matrix/client/v3/account/3pid/delete")
    @post("/_matrix/client/v3/account/3pid/unbind")
    async def remove_3pid(self, request: Request) -> Answer:
        """There is none to remove, so none is left."""
        return {"id_server_unbind_result": "success"}

    @post("/_matrix/client/v3/account/3pid/email/requestToken", auth=Auth.NONE, limit="login")
    @post("/_matrix/client/v3/account/3pid/msisdn/requestToken", auth=Auth.NONE, limit="login")
    @post("/_matrix/client/v3/account/password/email/requestToken", auth=Auth.NONE, limit="login")
    @post("/_matrix/client/v3/account/password/msisdn/requestToken", auth=Auth.NONE, limit="login")
    async def request_token(self, request: Request) -> Answer:
        raise threepid_denied()


def threepid_denied() -> Refused:
    return Refused("Third-party ids are not used here", code="M_THREEPID_DENIED", status=403)
