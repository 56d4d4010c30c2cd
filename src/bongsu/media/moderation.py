"""What administrators do to media: look at them, quarantine them, delete them.

A quarantined content is kept and served to nobody, under whatever id it was uploaded; a deleted one
is gone from every store.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from bongsu.errors import NotFound
from bongsu.ids import RoomId, UserId
from bongsu.media.content import MediaId, is_media_id

DELETED_AT_ONCE_MAX = 1000
SCANNED_AT_ONCE_MAX = 1000

Order = Literal[
    "media_id", "upload_name", "created_ts", "last_access_ts", "media_length", "media_type",
    "quarantined_by", "safe_from_quarantine",
]  # fmt: skip


class MediaInfo(msgspec.Struct, frozen=True):
    """A row as administrators see it. Times in ms."""

    media_id: MediaId
    uploader: UserId
    created_ts: int
    content_type: str | None
    size: int | None
    upload_name: str | None
    quarantined: bool
    quarantined_by: str | None
    protected: bool
    authenticated: bool
    sha256: bytes | None


class MediaModerationStore(Protocol):
    async def info(self, media_id: MediaId) -> MediaInfo | None: ...

    async def quarantine(self, media_ids: Sequence[str], by: UserId) -> int:
        """Quarantine these and all with the same bytes, protected ones left out; how many."""
        ...

    async def unquarantine(self, media_id: MediaId) -> bool: ...

    async def quarantine_user(self, uploader: UserId, by: UserId) -> int: ...

    async def protect(self, media_id: MediaId, protected: bool) -> bool: ...

    async def list_of_user(
        self, uploader: UserId, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[MediaInfo], int]: ...

    async def list_older(
        self, before_ts: int, larger_than: int, limit: int, *, keep_profiles: bool
    ) -> Sequence[MediaId]:
        """Made before and larger than that; with `keep_profiles` nobody's and no room's avatar."""
        ...

    async def list_uris_in(
        self, room_id: str, after: int, limit: int
    ) -> tuple[Sequence[str], int | None]:
        """mxc URIs in a page of a room's events; its last position, None after the last."""
        ...

    async def delete(self, media_ids: Sequence[MediaId]) -> tuple[list[MediaId], list[bytes]]:
        """Delete rows: those that were there, and the hashes that no row names any more."""
        ...


class Deleter(Protocol):
    async def delete(self, sha256: bytes) -> None: ...


class MediaModeration:
    def __init__(self, store: MediaModerationStore, blobs: Deleter, server_name: str) -> None:
        self._store = store
        self._blobs = blobs
        self._server_name = server_name

    async def info(self, server_name: str, media_id: str) -> MediaInfo:
        found = None
        if server_name == self._server_name and is_media_id(media_id):
            found = await self._store.info(MediaId(media_id))
        if found is None:
            raise NotFound("Unknown media")
        return found

    async def quarantine(self, server_name: str, media_id: str, by: UserId) -> int:
        """How many were quarantined; none if there is no such media, as Synapse has it."""
        if server_name != self._server_name or not is_media_id(media_id):
            return 0
        return await self._store.quarantine([media_id], by)

    async def unquarantine(self, server_name: str, media_id: str) -> None:
        if server_name == self._server_name and is_media_id(media_id):
            await self._store.unquarantine(MediaId(media_id))

    async def quarantine_room(self, room_id: RoomId, by: UserId) -> int:
        local, _ = await self.list_in_room(room_id)
        return await self._store.quarantine([_media_id(uri) for uri in local], by)

    async def quarantine_user(self, uploader: UserId, by: UserId) -> int:
        return await self._store.quarantine_user(uploader, by)

    async def protect(self, media_id: str, protected: bool) -> None:
        if is_media_id(media_id):
            await self._store.protect(MediaId(media_id), protected)

    async def list_in_room(self, room_id: RoomId) -> tuple[list[str], list[str]]:
        """mxc URIs in a room's events that anybody can read: of this server, of others."""
        own = f"mxc://{self._server_name}/"
        found: dict[str, None] = {}
        position: int | None = 0
        while position is not None:
            uris, position = await self._store.list_uris_in(room_id, position, SCANNED_AT_ONCE_MAX)
            found.update(dict.fromkeys(uris))
        return [u for u in found if u.startswith(own)], [u for u in found if not u.startswith(own)]

    async def list_of_user(
        self, uploader: UserId, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[MediaInfo], int]:
        return await self._store.list_of_user(
            uploader, order, backwards=backwards, offset=offset, limit=limit
        )

    async def delete(self, media_ids: Sequence[str]) -> list[MediaId]:
        """Delete media for good; those that were there."""
        known = [MediaId(each) for each in media_ids if is_media_id(each)]
        deleted, orphans = await self._store.delete(known)
        for sha256 in orphans:
            await self._blobs.delete(sha256)
        return deleted

    async def delete_older(
        self, before_ts: int, larger_than: int, *, keep_profiles: bool
    ) -> list[MediaId]:
        """The first `DELETED_AT_ONCE_MAX` of them: who wants more asks again."""
        found = await self._store.list_older(
            before_ts, larger_than, DELETED_AT_ONCE_MAX, keep_profiles=keep_profiles
        )
        return await self.delete(found)


def _media_id(uri: str) -> str:
    return uri.rpartition("/")[2]
