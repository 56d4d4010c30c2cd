"""Third-party networks. Spec: Client-Server API, "Third-party Lookups"."""

import msgspec

from bongsu.appservices.thirdparty import Networks
from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, get

THIRDPARTY = "/_matrix/client/v3/thirdparty"
_NOT_FIELDS = ("access_token", "user_id", "device_id")


class ThirdPartyEndpoints:
    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    @get(f"{THIRDPARTY}/protocols", limit="search")
    async def protocols(self, request: Request) -> Answer:
        return await self._networks.protocols()

    @get(f"{THIRDPARTY}/protocol/{{protocol}}", limit="search")
    async def protocol(self, request: Request) -> Answer:
        return await self._networks.protocol(request.path["protocol"])

    @get(f"{THIRDPARTY}/user/{{protocol}}", limit="search")
    async def users(self, request: Request) -> Answer:
        protocol = request.path["protocol"]
        return _list(await self._networks.search("user", protocol, _fields(request)))

    @get(f"{THIRDPARTY}/location/{{protocol}}", limit="search")
    async def locations(self, request: Request) -> Answer:
        protocol = request.path["protocol"]
        return _list(await self._networks.search("location", protocol, _fields(request)))

    @get(f"{THIRDPARTY}/user", limit="search")
    async def of_user(self, request: Request) -> Answer:
        user = request.query_required("userid")
        return _list(await self._networks.reverse("user", "userid", user))

    @get(f"{THIRDPARTY}/location", limit="search")
    async def of_alias(self, request: Request) -> Answer:
        alias = request.query_required("alias")
        return _list(await self._networks.reverse("location", "alias", alias))


def _fields(request: Request) -> list[tuple[str, str]]:
    return [(k, v) for k, vs in request.query.items() if k not in _NOT_FIELDS for v in vs]


def _list(found: list[dict[str, object]]) -> Response:
    return Response(msgspec.json.encode(found))
