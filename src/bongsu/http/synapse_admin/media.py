"""Media: shown, quarantined, protected, deleted. Synapse: "Querying media", "Statistics"."""

from collections.abc import Sequence
from typing import Any, get_args

from bongsu.errors import InvalidParam, NotFound
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, delete, get, post
from bongsu.http.synapse_admin.parameters import Local, is_backwards, page_of, room_of
from bongsu.media.content import MediaId
from bongsu.media.moderation import MediaInfo, MediaModeration, Order

V1 = "/_synapse/admin/v1"
MEDIA = V1 + "/media/{server_name}/{media_id}"
USER_MEDIA = V1 + "/users/{user_id}/media"
ORDERS: dict[str, Order] = {order: order for order in get_args(Order)}
BEFORE_TS_MIN = 30_000_000_000  # 1970: less is a time in seconds by mistake
INT_MAX = 2**53


class AdminMedia:
    def __init__(self, media: MediaModeration, *, server_name: str) -> None:
        self._media = media
        self._local = Local(server_name)

    @get(MEDIA, auth=Auth.ADMIN)
    async def get_media(self, request: Request) -> Answer:
        found = await self._media.info(request.path["server_name"], request.path["media_id"])
        whole = {
            **_shown(found),
            "media_origin": None,
            "user_id": found.uploader,
            "filesystem_id": None,
            "url_cache": None,
            "authenticated": found.authenticated,
            "sha256": found.sha256.hex() if found.sha256 else None,
        }
        return {"media_info": whole}

    @delete(MEDIA, auth=Auth.ADMIN)
    async def delete_media(self, request: Request) -> Answer:
        if request.path["server_name"] != self._local.server_name:
            raise InvalidParam("Can only delete local media")
        deleted = await self._media.delete([request.path["media_id"]])
        if not deleted:
            raise NotFound("Unknown media")
        return _deleted(deleted)

    @post(V1 + "/media/delete", auth=Auth.ADMIN)
    @post(V1 + "/media/{server_name}/delete", auth=Auth.ADMIN)
    async def delete_older(self, request: Request) -> Answer:
        request.query_required("before_ts")
        before_ts = request.query_int("before_ts", 0, minimum=BEFORE_TS_MIN, maximum=INT_MAX)
        larger_than = request.query_int("size_gt", 0, maximum=INT_MAX)
        if request.path.get("server_name", self._local.server_name) != self._local.server_name:
            raise InvalidParam("Can only delete local media")
        return _deleted(
            await self._media.delete_older(
                before_ts, larger_than, keep_profiles=request.query_bool("keep_profiles", True)
            )
        )

    @post(V1 + "/media/quarantine/{server_name}/{media_id}", auth=Auth.ADMIN)
    async def quarantine(self, request: Request) -> Answer:
        await self._media.quarantine(*_named(request), request.requester.user_id)
        return {}

    @post(V1 + "/media/unquarantine/{server_name}/{media_id}", auth=Auth.ADMIN)
    async def unquarantine(self, request: Request) -> Answer:
        await self._media.unquarantine(*_named(request))
        return {}

    @post(V1 + "/room/{room_id}/media/quarantine", auth=Auth.ADMIN)
    @post(V1 + "/quarantine_media/{room_id}", auth=Auth.ADMIN)
    async def quarantine_room(self, request: Request) -> Answer:
        by = request.requester.user_id
        return {"num_quarantined": await self._media.quarantine_room(room_of(request), by)}

    @post(V1 + "/user/{user_id}/media/quarantine", auth=Auth.ADMIN)
    async def quarantine_user(self, request: Request) -> Answer:
        uploader, by = self._local.user(request), request.requester.user_id
        return {"num_quarantined": await self._media.quarantine_user(uploader, by)}

    @post(V1 + "/media/protect/{media_id}", auth=Auth.ADMIN)
    async def protect(self, request: Request) -> Answer:
        await self._media.protect(request.path["media_id"], True)
        return {}

    @post(V1 + "/media/unprotect/{media_id}", auth=Auth.ADMIN)
    async def unprotect(self, request: Request) -> Answer:
        await self._media.protect(request.path["media_id"], False)
        return {}

    @get(V1 + "/room/{room_id}/media", auth=Auth.ADMIN)
    async def list_in_room(self, request: Request) -> Answer:
        local, remote = await self._media.list_in_room(room_of(request))
        return {"local": local, "remote": remote}

    @get(USER_MEDIA, auth=Auth.ADMIN)
    async def list_of_user(self, request: Request) -> Answer:
        found, offset, total = await self._page(request)
        answer: dict[str, Any] = {"media": [_shown(each) for each in found], "total": total}
        if found and offset + len(found) < total:
            answer["next_token"] = offset + len(found)
        return answer

    @delete(USER_MEDIA, auth=Auth.ADMIN)
    async def delete_of_user(self, request: Request) -> Answer:
        found, _, _ = await self._page(request)
        return _deleted(await self._media.delete([each.media_id for each in found]))

    @post(V1 + "/purge_media_cache", auth=Auth.ADMIN)
    async def purge_cache(self, request: Request) -> Answer:
        """No media of other servers is kept here."""
        return {"deleted": 0}

    async def _page(self, request: Request) -> tuple[Sequence[MediaInfo], int, int]:
        """By default the latest first, as in Synapse."""
        offset, limit = page_of(request)
        order = ORDERS.get(request.query_text("order_by", "created_ts") or "")
        if order is None:
            raise InvalidParam("Query parameter order_by is none of the columns")
        backwards = is_backwards(request) if "dir" in request.query else order == "created_ts"
        found, total = await self._media.list_of_user(
            self._local.user(request), order, backwards=backwards, offset=offset, limit=limit
        )
        return found, offset, total


def _named(request: Request) -> tuple[str, str]:
    return request.path["server_name"], request.path["media_id"]


def _shown(media: MediaInfo) -> dict[str, Any]:
    """`quarantined_by` says whether at all: of an upload of quarantined bytes nobody in person."""
    return {
        "media_id": media.media_id,
        "media_type": media.content_type,
        "media_length": media.size,
        "upload_name": media.upload_name,
        "created_ts": media.created_ts,
        "last_access_ts": None,
        "quarantined_by": media.quarantined_by or ("system" if media.quarantined else None),
        "safe_from_quarantine": media.protected,
    }


def _deleted(media_ids: Sequence[MediaId]) -> dict[str, Any]:
    return {"deleted_media": media_ids, "total": len(media_ids)}
