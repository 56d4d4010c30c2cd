"""Keys of devices. Spec: Client-Server API, "End-to-End Encryption", "Key management API"."""

from typing import Any

import msgspec

from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.keys.device_keys import DeviceKeyService
from bongsu.rooms.client_event import Device
from bongsu.sync.v2 import SyncService

QUERY_BYTES_MAX = 2 * 1024 * 1024


class UploadBody(msgspec.Struct, frozen=True):
    device_keys: dict[str, Any] | None = None
    one_time_keys: dict[str, Any] | None = None
    fallback_keys: dict[str, Any] | None = None
    unstable_fallback_keys: dict[str, Any] | None = msgspec.field(
        default=None, name="org.matrix.msc2732.fallback_keys"
    )


class QueryBody(msgspec.Struct, frozen=True):
    device_keys: dict[str, list[str]]


class ClaimBody(msgspec.Struct, frozen=True):
    one_time_keys: dict[str, dict[str, str]]


class KeyEndpoints:
    def __init__(self, keys: DeviceKeyService, sync: SyncService) -> None:
        self._keys = keys
        self._sync = sync

    @post("/_matrix/client/v3/keys/upload", limit="other")
    async def upload(self, request: Request) -> Answer:
        body = request.json(UploadBody)
        counts = await self._keys.upload(
            request.requester,
            body.device_keys,
            body.one_time_keys,
            body.fallback_keys or body.unstable_fallback_keys,
        )
        return {"one_time_key_counts": {"signed_curve25519": 0, **counts}}

    @post("/_matrix/client/v3/keys/query", limit="other", body_bytes_max=QUERY_BYTES_MAX)
    async def query(self, request: Request) -> Answer:
        wanted = request.json(QueryBody).device_keys
        return await self._keys.query(request.requester.user_id, wanted)

    @post("/_matrix/client/v3/keys/claim", limit="other", body_bytes_max=QUERY_BYTES_MAX)
    async def claim(self, request: Request) -> Answer:
        return await self._keys.claim(request.json(ClaimBody).one_time_keys)

    @get("/_matrix/client/v3/keys/changes", auth=Auth.GUEST, limit="other")
    async def changes(self, request: Request) -> Answer:
        requester = request.requester
        lists = await self._sync.device_lists(
            Device(requester.user_id, requester.device_id),
            request.query_required("from"),
            request.query_required("to"),
        )
        return {"changed": sorted(lists.changed), "left": sorted(lists.left)}
