"""Room tags: account data `m.tag` of a room, changed one tag at a time. Spec: "Room Tagging"."""

from typing import Any, cast

import msgspec

from bongsu.errors import InvalidParam, NotFound
from bongsu.ids import RoomId, UserId
from bongsu.users.account_data import AccountDataService, Content

TAG_TYPE = "m.tag"
TAG_BYTES_MAX = 255
TAGS_PER_ROOM_MAX = 200

Tags = dict[str, Any]


class RoomTags:
    """Each change is made on the tags as they then are: two at once lose nothing."""

    def __init__(self, account_data: AccountDataService) -> None:
        self._account_data = account_data

    async def list_tags(self, user_id: UserId, room_id: RoomId) -> Tags:
        """What each tag carries, by tag."""
        try:
            content = await self._account_data.get(user_id, room_id, TAG_TYPE)
        except NotFound:
            return {}
        return _tags(msgspec.json.decode(bytes(content)))

    async def put(self, user_id: UserId, room_id: RoomId, tag: str, info: dict[str, Any]) -> None:
        _check_tag(tag)

        async def with_tag(content: Content) -> Content:
            tags = {**_tags(content), tag: info}
            if len(tags) > TAGS_PER_ROOM_MAX:
                raise InvalidParam(f"More than {TAGS_PER_ROOM_MAX} tags on one room")
            return {**content, "tags": tags}

        await self._account_data.update(user_id, room_id, TAG_TYPE, with_tag)

    async def delete(self, user_id: UserId, room_id: RoomId, tag: str) -> None:
        """Remove a tag; nothing happens if the room has no such tag."""
        _check_tag(tag)

        async def without_tag(content: Content) -> Content | None:
            tags = _tags(content)
            if tag not in tags:
                return None
            return {**content, "tags": {name: tags[name] for name in tags if name != tag}}

        await self._account_data.update(user_id, room_id, TAG_TYPE, without_tag)


def _check_tag(tag: str) -> None:
    if not tag or len(tag.encode("utf-8", "replace")) > TAG_BYTES_MAX:
        raise InvalidParam(f"A tag has 1 to {TAG_BYTES_MAX} bytes")


def _tags(content: Any) -> Tags:
    """The tags in a content that a client may have put there itself, in any shape."""
    tags = cast(Content, content).get("tags") if isinstance(content, dict) else None
    return cast(Tags, tags) if isinstance(tags, dict) else {}
