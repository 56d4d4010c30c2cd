"""One's own account. Spec: Client-Server API, "Account management"."""

import msgspec

from bongsu.errors import Forbidden, MissingToken
from bongsu.http.client.interactive import (
    challenge_response,
    email_operation_of,
    operation_of,
)
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.ids import DeviceId, UserId
from bongsu.users import text
from bongsu.users.accounts import Accounts
from bongsu.users.emails import Emails
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
    """`emails` None: nobody proves an address here."""

    def __init__(
        self, accounts: Accounts, interactive_auth: InteractiveAuth, emails: Emails | None = None
    ) -> None:
        self._accounts = accounts
        self._auth = interactive_auth
        self._emails = emails

    @get("/_matrix/client/v3/account/whoami", auth=Auth.GUEST)
    async def whoami(self, request: Request) -> Answer:
        requester = request.requester
        return WhoAmI(requester.user_id, requester.is_guest, requester.device_id)

    @post("/_matrix/client/v3/account/password", auth=Auth.OPTIONAL, limit="login")
    async def password(self, request: Request) -> Answer:
        """By who is logged in, or by who opened a link that was sent to the account's address."""
        requester = request.requester_or_none
        if requester is None and self._emails is None:
            raise MissingToken
        if requester is not None and requester.is_guest:
            raise Forbidden("Guests may not do this", code="M_GUEST_ACCESS_FORBIDDEN")
        body = request.json(PasswordBody)
        text.password(body.new_password)
        if requester is None:
            return await self._reset_password(request, body)
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

    async def _reset_password(self, request: Request, body: PasswordBody) -> Answer:
        assert self._emails is not None, "refused before"
        passed = await self._auth.authenticate(email_operation_of(request), body.auth)
        if isinstance(passed, Challenge):
            return challenge_response(passed)
        user_id = await self._emails.owner(passed.email or "")
        if user_id is None:
            raise Forbidden("No account has this address any more")
        end_others = body.logout_devices is not False
        await self._accounts.set_password(user_id, body.new_password, end_others=end_others)
        return {}
