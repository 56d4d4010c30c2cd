"""Typing notifications. Spec: "Typing Notifications"."""

import msgspec

from bongsu.errors import Forbidden
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, put
from bongsu.ids import room_id
from bongsu.presence.typing import TypingService

BODY_BYTES_MAX = 4 * 1024


class TypingBody(msgspec.Struct, frozen=True):
    typing: bool
    timeout: int | None = None


class TypingEndpoints:
    def __init__(self, typing: TypingService) -> None:
        self._typing = typing

    @put(
        "/_matrix/client/v3/rooms/{room_id}/typing/{user_id}",
        auth=Auth.GUEST,
        limit="other",
        body_bytes_max=BODY_BYTES_MAX,
    )
    async def set_typing(self, request: Request) -> Answer:
        body = request.json(TypingBody)
        user = request.requester.user_id
        if request.path["user_id"] != user:
            raise Forbidden("Nobody types for somebody else")
        await self._typing.set_typing(
            room_id(request.path["room_id"]), user, body.typing, body.timeout
        )
        return {}
