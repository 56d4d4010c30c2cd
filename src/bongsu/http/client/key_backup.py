"""Backups of room keys. Spec: Client-Server API, "Server-side key backups"."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, delete, get, post, put
from bongsu.keys.backup import (
    Backup,
    Contents,
    KeyBackupData,
    KeyBackups,
    RoomKey,
    RoomKeyBackup,
)

VERSION = "/_matrix/client/v3/room_keys/version"
KEYS = "/_matrix/client/v3/room_keys/keys"
ROOM = f"{KEYS}/{{room_id}}"
SESSION = f"{ROOM}/{{session_id}}"
KEYS_BYTES_MAX = 16 * 1024 * 1024
KEYS_PER_PIECE = 1_000


class VersionBody(msgspec.Struct, frozen=True):
    algorithm: str
    auth_data: dict[str, Any]
    version: str | None = None


class KeysBody(msgspec.Struct, frozen=True):
    rooms: dict[str, RoomKeyBackup]


class KeyBackupEndpoints:
    def __init__(self, backups: KeyBackups) -> None:
        self._backups = backups

    @post(VERSION, limit="other")
    async def create_version(self, request: Request) -> Answer:
        body = request.json(VersionBody)
        user_id = request.requester.user_id
        version = await self._backups.create(user_id, body.algorithm, body.auth_data)
        return {"version": version}

    @get(VERSION)
    async def latest_version(self, request: Request) -> Answer:
        return _shown(await self._backups.get(request.requester.user_id, None))

    @get(f"{VERSION}/{{version}}")
    async def get_version(self, request: Request) -> Answer:
        user_id = request.requester.user_id
        return _shown(await self._backups.get(user_id, request.path["version"]))

    @put(f"{VERSION}/{{version}}", limit="other")
    async def update_version(self, request: Request) -> Answer:
        body = request.json(VersionBody)
        await self._backups.update(
            request.requester.user_id,
            request.path["version"],
            body.algorithm,
            body.auth_data,
            body.version,
        )
        return {}

    @delete(f"{VERSION}/{{version}}", limit="other")
    async def delete_version(self, request: Request) -> Answer:
        await self._backups.delete(request.requester.user_id, request.path["version"])
        return {}

    @put(KEYS, limit="other", body_bytes_max=KEYS_BYTES_MAX)
    async def put_keys(self, request: Request) -> Answer:
        return await self._put(request, request.json(KeysBody).rooms)

    @put(ROOM, limit="other", body_bytes_max=KEYS_BYTES_MAX)
    async def put_room_keys(self, request: Request) -> Answer:
        return await self._put(request, {request.path["room_id"]: request.json(RoomKeyBackup)})

    @put(SESSION, limit="other")
    async def put_key(self, request: Request) -> Answer:
        sessions = {request.path["session_id"]: request.json(KeyBackupData)}
        return await self._put(request, {request.path["room_id"]: RoomKeyBackup(sessions)})

    @get(KEYS, limit="other")
    async def get_keys(self, request: Request) -> Response:
        return Response(stream=_rooms(await self._pages(request, None)))

    @get(ROOM, limit="other")
    async def get_room_keys(self, request: Request) -> Response:
        return Response(stream=_sessions(await self._pages(request, request.path["room_id"])))

    @get(SESSION)
    async def get_key(self, request: Request) -> Response:
        key = await self._backups.key(
            request.requester.user_id,
            request.query_required("version"),
            request.path["room_id"],
            request.path["session_id"],
        )
        return Response(_key(key))

    @delete(KEYS, limit="other")
    @delete(ROOM, limit="other")
    @delete(SESSION, limit="other")
    async def delete_keys(self, request: Request) -> Answer:
        left = await self._backups.delete_keys(
            request.requester.user_id,
            request.query_required("version"),
            request.path.get("room_id"),
            request.path.get("session_id"),
        )
        return _contents(left)

    async def _put(self, request: Request, rooms: dict[str, RoomKeyBackup]) -> Answer:
        version = request.query_required("version")
        return _contents(await self._backups.put_keys(request.requester.user_id, version, rooms))

    async def _pages(
        self, request: Request, room_id: str | None
    ) -> AsyncIterator[Sequence[RoomKey]]:
        return await self._backups.stream_keys(
            request.requester.user_id, request.query_required("version"), room_id, KEYS_PER_PIECE
        )


def _contents(contents: Contents) -> dict[str, Any]:
    return {"count": contents.key_count, "etag": str(contents.etag)}


def _shown(backup: Backup) -> dict[str, Any]:
    return {
        "algorithm": backup.algorithm,
        "auth_data": msgspec.Raw(backup.auth_data),
        "count": backup.key_count,
        "etag": str(backup.etag),
        "version": str(backup.version),
    }


def _key(key: RoomKey) -> bytes:
    return b'{"first_message_index":%d,"forwarded_count":%d,"is_verified":%b,"session_data":%b}' % (
        key.first_message_index,
        key.forwarded_count,
        b"true" if key.is_verified else b"false",
        key.session_data,
    )


def _session(key: RoomKey) -> bytes:
    return msgspec.json.encode(key.session_id) + b":" + _key(key)


async def _sessions(pages: AsyncIterator[Sequence[RoomKey]]) -> AsyncIterator[bytes]:
    yield b'{"sessions":{'
    separator = b""
    async for page in pages:
        yield separator + b",".join(map(_session, page))
        separator = b","
    yield b"}}"


async def _rooms(pages: AsyncIterator[Sequence[RoomKey]]) -> AsyncIterator[bytes]:
    yield b'{"rooms":{'
    room_id: str | None = None
    async for page in pages:
        parts: list[bytes] = []
        for key in page:
            if key.room_id == room_id:
                parts.append(b",")
            else:
                parts.append(b"" if room_id is None else b"}},")
                parts.append(msgspec.json.encode(key.room_id) + b':{"sessions":{')
                room_id = key.room_id
            parts.append(_session(key))
        yield b"".join(parts)
    yield b"}}" if room_id is None else b"}}}}"
