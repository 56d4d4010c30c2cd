"""OpenID. Spec: Client-Server API, "OpenID", and the one endpoint of federation that serves it."""

import msgspec

from bongsu.errors import Forbidden
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.users.openid import OpenId


class TokenRequest(msgspec.Struct, frozen=True):
    """The spec keeps the body for later; this key is ours, and other servers let it pass."""

    audience: str = msgspec.field(default="", name="org.bongsu.audience")


class OpenIdEndpoints:
    def __init__(self, openid: OpenId) -> None:
        self._openid = openid

    @post("/_matrix/client/v3/user/{user_id}/openid/request_token", limit="login")
    async def request_token(self, request: Request) -> Answer:
        if request.path["user_id"] != request.requester.user_id:
            raise Forbidden("A token is given for oneself only")
        audience = request.json(TokenRequest).audience
        return await self._openid.issue(request.requester.user_id, audience)

    @get("/_matrix/federation/v1/openid/userinfo", auth=Auth.NONE)
    async def userinfo(self, request: Request) -> Answer:
        return {"sub": await self._openid.user_of(request.query_required("access_token"))}
