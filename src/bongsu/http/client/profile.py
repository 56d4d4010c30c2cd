"""Profiles. Spec: "Profiles"."""

from typing import Any

from bongsu.errors import MissingParam
from bongsu.http.message import Request, Response, json_response
from bongsu.http.routing import Answer, Auth, delete, get, put
from bongsu.ids import user_id
from bongsu.users.profiles import PROFILE_BYTES_MAX, Profiles

USER = "/_matrix/client/v3/profile/{user_id}"
BODY_BYTES_MAX = 4 * PROFILE_BYTES_MAX  # as sent it may be longer than as stored


class ProfileEndpoints:
    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    @get(USER, auth=Auth.NONE)
    async def get_profile(self, request: Request) -> Answer:
        return json_response(await self._profiles.get(user_id(request.path["user_id"])))

    @get(f"{USER}/{{field}}", auth=Auth.NONE)
    async def get_field(self, request: Request) -> Response:
        field = request.path["field"]
        value = await self._profiles.get_field(user_id(request.path["user_id"]), field)
        return json_response({field: value})

    @put(f"{USER}/{{field}}", auth=Auth.GUEST, limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def put_field(self, request: Request) -> Answer:
        field, body = request.path["field"], request.json(dict[str, Any])
        if field not in body:
            raise MissingParam(f"The body has no {field}")
        owner = user_id(request.path["user_id"])
        await self._profiles.set_field(request.requester, owner, field, body[field])
        return {}

    @delete(f"{USER}/{{field}}", auth=Auth.GUEST, limit="other")
    async def delete_field(self, request: Request) -> Answer:
        owner = user_id(request.path["user_id"])
        await self._profiles.delete_field(request.requester, owner, request.path["field"])
        return {}
