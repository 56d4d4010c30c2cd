"""E-mail addresses of accounts. Spec: "Adding Account Administrative Contact Information".

Phone numbers are not served, nor identity servers: an address is known to this server alone.
"""

from typing import Any

import msgspec

from bongsu.errors import Refused
from bongsu.http.client.interactive import challenge_response, operation_of
from bongsu.http.message import Request
from bongsu.http.rate_limit import RateLimiter
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.users.emails import Emails, Purpose, canonical_address
from bongsu.users.interactive_auth import AuthData, Challenge, InteractiveAuth

SEND_ATTEMPT_MAX = 2**31


class EmailTokenBody(msgspec.Struct, frozen=True):
    client_secret: str
    email: str
    send_attempt: int


class AddBody(msgspec.Struct, frozen=True):
    sid: str
    client_secret: str
    auth: AuthData | None = None


class DeleteBody(msgspec.Struct, frozen=True):
    medium: str
    address: str


class ThreepidEndpoints:
    """`emails` None: the operator named no mail server, and all is denied."""

    def __init__(
        self,
        emails: Emails | None,
        interactive_auth: InteractiveAuth,
        rate_limiter: RateLimiter,
        *,
        may_register: bool,
    ) -> None:
        self._emails = emails
        self._auth = interactive_auth
        self._rate_limiter = rate_limiter
        self._may_register = may_register

    @get("/_matrix/client/v3/account/3pid")
    async def list_3pids(self, request: Request) -> Answer:
        if self._emails is None:
            return {"threepids": []}
        return {"threepids": await self._emails.list_of(request.requester.user_id)}

    @post("/_matrix/client/v3/account/3pid/add", limit="login")
    async def add_3pid(self, request: Request) -> Answer:
        emails, body = self._known(), request.json(AddBody)
        passed = await self._auth.authenticate(operation_of(request), body.auth)
        if isinstance(passed, Challenge):
            return challenge_response(passed)
        await emails.add(request.requester.user_id, body.sid, body.client_secret)
        return {}

    @post("/_matrix/client/v3/account/3pid")
    @post("/_matrix/client/v3/account/3pid/bind")
    async def bind_3pid(self, request: Request) -> Answer:
        """The first is deprecated: it asks for no password, so that whoever has a token alone
        could take the whole account over with an address of their own."""
        raise threepid_denied()

    @post("/_matrix/client/v3/account/3pid/delete")
    async def delete_3pid(self, request: Request) -> Answer:
        """It was bound at no identity server, so it is bound at none."""
        if self._emails is not None:
            body = request.json(DeleteBody)
            if body.medium == "email":
                await self._emails.remove(request.requester.user_id, body.address)
        return _UNBOUND

    @post("/_matrix/client/v3/account/3pid/unbind")
    async def unbind_3pid(self, request: Request) -> Answer:
        return _UNBOUND

    @post("/_matrix/client/v3/account/3pid/email/requestToken", auth=Auth.NONE, limit="login")
    async def token_to_add(self, request: Request) -> Answer:
        return await self._request_token(request, "add")

    @post("/_matrix/client/v3/account/password/email/requestToken", auth=Auth.NONE, limit="login")
    async def token_to_reset(self, request: Request) -> Answer:
        return await self._request_token(request, "password")

    @post("/_matrix/client/v3/register/email/requestToken", auth=Auth.NONE, limit="register")
    async def token_to_register(self, request: Request) -> Answer:
        if not self._may_register:
            raise threepid_denied()
        return await self._request_token(request, "register")

    @post("/_matrix/client/v3/account/3pid/msisdn/requestToken", auth=Auth.NONE, limit="login")
    @post("/_matrix/client/v3/account/password/msisdn/requestToken", auth=Auth.NONE, limit="login")
    @post("/_matrix/client/v3/register/msisdn/requestToken", auth=Auth.NONE, limit="register")
    async def token_by_phone(self, request: Request) -> Answer:
        raise threepid_denied()

    async def _request_token(self, request: Request, purpose: Purpose) -> Answer:
        emails, body = self._known(), request.json(EmailTokenBody)
        address = canonical_address(body.email)
        self._rate_limiter.spend("email", address)
        attempt = max(-SEND_ATTEMPT_MAX, min(body.send_attempt, SEND_ATTEMPT_MAX))
        return {"sid": await emails.request_token(purpose, address, body.client_secret, attempt)}

    def _known(self) -> Emails:
        if self._emails is None:
            raise threepid_denied()
        return self._emails


_UNBOUND: dict[str, Any] = {"id_server_unbind_result": "success"}


def threepid_denied() -> Refused:
    return Refused("Third-party ids are not used here", code="M_THREEPID_DENIED", status=403)
