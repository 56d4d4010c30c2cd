"""Finding people. Spec: "User Directory", "Mutual rooms"."""

import msgspec

from bongsu.http.message import Request
from bongsu.http.routing import Answer, get, post
from bongsu.ids import user_id
from bongsu.users.directory import UserDirectory

BODY_BYTES_MAX = 16 * 1024


class SearchBody(msgspec.Struct, frozen=True):
    search_term: str
    limit: int | None = None


class UserDirectoryEndpoints:
    def __init__(self, directory: UserDirectory) -> None:
        self._directory = directory

    @post("/_matrix/client/v3/user_directory/search", limit="search", body_bytes_max=BODY_BYTES_MAX)
    async def search(self, request: Request) -> Answer:
        body = request.json(SearchBody)
        return await self._directory.search(request.requester.user_id, body.search_term, body.limit)

    @get("/_matrix/client/v1/mutual_rooms", limit="search")
    @get("/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms", limit="search")
    async def mutual_rooms(self, request: Request) -> Answer:
        other = user_id(request.query_required("user_id"))
        after = request.query_text("from") or request.query_text("batch_token")
        return await self._directory.mutual_rooms(request.requester.user_id, other, after)
