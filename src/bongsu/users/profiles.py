"""Profiles: display name, avatar, custom fields. Spec: "Profiles" (custom fields since v1.16)."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from bongsu.errors import BadJson, Forbidden, NotFound, Refused, TooLarge
from bongsu.ids import RoomId, UserId, localpart_of
from bongsu.log.gateway import Log
from bongsu.log.intents import STEP_SECONDS, Intent, Intents
from bongsu.log.proposal import fresh_request_id
from bongsu.rooms.proposals import SendEvent
from bongsu.rooms.reading import RoomReader
from bongsu.users.accounts import Account
from bongsu.users.proposals import PutProfileField
from bongsu.users.requester import Requester

PROFILE_BYTES_MAX = 64 * 1024
FIELD_NAME_BYTES_MAX = 255
DISPLAYNAME_CHARACTERS_MAX = 256
AVATAR_URL_CHARACTERS_MAX = 1000
PROFILE_CHANGE = "profile_change"
CHANGES_MAX = 5  # of a profile while one room is told of it: each has an intent of its own

# Common Namespaced Identifier Grammar.
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_.\-]*\Z")
MEMBER_FIELDS = ("displayname", "avatar_url")


class ProfileStore(Protocol):
    async def profile(self, user_id: str) -> dict[str, msgspec.Raw]: ...


class AccountReader(Protocol):
    async def get(self, user_id: UserId) -> Account | None: ...


class Profiles:
    """Reads from the store, writes through the log; joined rooms are told in the background."""

    def __init__(
        self,
        log: Log,
        intents: Intents,
        store: ProfileStore,
        rooms: RoomReader,
        accounts: AccountReader,
    ) -> None:
        self._log = log
        self._store = store
        self._rooms = rooms
        self._accounts = accounts
        self._intents = intents
        intents.register(PROFILE_CHANGE, self.tell_rooms)

    async def get(self, user_id: UserId) -> dict[str, msgspec.Raw]:
        """All fields as JSON; `NotFound` for who has no account here."""
        profile = await self._store.profile(user_id)
        if "displayname" not in profile:
            account = await self._accounts.get(user_id)
            if account is None or account.deactivated_at is not None:
                raise NotFound("No such user")
            name = msgspec.json.encode(localpart_of(user_id))
            profile = {"displayname": msgspec.Raw(name), **profile}
        return {name: value for name, value in profile.items() if not _is_cleared(name, value)}

    async def get_field(self, user_id: UserId, field: str) -> msgspec.Raw:
        """One field as JSON; `NotFound` without one."""
        _check_name(field)
        value = (await self.get(user_id)).get(field)
        if value is None:
            raise NotFound("The profile has no such field")
        return value

    async def member_profile(self, user_id: str) -> Mapping[str, Any]:
        """What member events carry of a profile. Implements `rooms.reading.Profiles`."""
        profile = await self._store.profile(user_id)
        found = {name: _decoded(profile[name]) for name in MEMBER_FIELDS if name in profile}
        found.setdefault("displayname", localpart_of(user_id))
        return {name: value for name, value in found.items() if value is not None}

    async def set_field(
        self, requester: Requester, user_id: UserId, field: str, value: Any
    ) -> None:
        """Set a field. None is a value of custom fields, and clears the two known ones, as does
        an empty text, which many clients send for that."""
        _check_own(requester, user_id)
        _check_name(field)
        _check_value(field, value)
        if field in MEMBER_FIELDS and not value:
            return await self.delete_field(requester, user_id, field)
        encoded = msgspec.json.encode(value)
        await self._check_size(user_id, field, len(encoded))
        await self._put(user_id, field, encoded)

    async def delete_field(self, requester: Requester, user_id: UserId, field: str) -> None:
        _check_own(requester, user_id)
        _check_name(field)
        removed = b"null" if field == "displayname" else None
        await self._put(user_id, field, removed)

    async def _put(self, user_id: UserId, field: str, value: bytes | None) -> None:
        change = PutProfileField(
            key=user_id, request_id=fresh_request_id(), field=field, value=value
        )
        if field not in MEMBER_FIELDS:
            await self._log.propose(change)
            return
        async with self._intents.followed_by(PROFILE_CHANGE, user_id):
            await self._log.propose(change)

    async def _check_size(self, user_id: UserId, field: str, value_bytes: int) -> None:
        profile = await self._store.profile(user_id)
        others = sum(len(name) + len(bytes(v)) for name, v in profile.items() if name != field)
        if others + len(field) + value_bytes > PROFILE_BYTES_MAX:
            raise TooLarge("The profile is too large", code="M_PROFILE_TOO_LARGE", status=400)

    async def tell_rooms(self, intent: Intent) -> None:
        """Bring the member events of all joined rooms up to date, one room after the other."""
        for room_id, member in await self._rooms.list_rooms_of(intent.key):
            if member.membership == "join" and await self._tell_room(intent, RoomId(room_id)):
                await asyncio.sleep(STEP_SECONDS)

    async def _tell_room(self, intent: Intent, room_id: RoomId) -> bool:
        """Say in one room what is true now, again until it still is; whether anything was said.

        Each step replaces one certain member event: repeated, by two at once, it is one.
        """
        user = UserId(intent.key)
        for changes in range(CHANGES_MAX):
            current = await self._rooms.state_event(room_id, "m.room.member", user)
            if current is None or current.facts.membership != "join":
                return changes > 0
            kept = {k: v for k, v in current.content.items() if k not in (*MEMBER_FIELDS, "reason")}
            content = {**kept, **await self.member_profile(user)}
            if content == current.content:
                return changes > 0
            try:
                await self._log.propose(
                    SendEvent(
                        key=room_id,
                        request_id=intent.request_id("member", room_id, str(current.position)),
                        sender=user,
                        type="m.room.member",
                        content=content,
                        state_key=user,
                    )
                )
            except Refused:
                break  # no longer a member, or the rules changed: nothing to bring up to date
        return True


def _check_own(requester: Requester, user_id: UserId) -> None:
    if requester.user_id != user_id:
        raise Forbidden("A profile is its owner's to change")


def _check_name(field: str) -> None:
    if len(field.encode("utf-8", "replace")) > FIELD_NAME_BYTES_MAX:
        raise TooLarge("The field's name is too long", code="M_KEY_TOO_LARGE", status=400)
    if not _FIELD_NAME.match(field):
        raise Refused("Not a valid field name", code="M_INVALID_PARAM")


def _is_cleared(field: str, value: msgspec.Raw) -> bool:
    return field in MEMBER_FIELDS and bytes(value) == b"null"


def _check_value(field: str, value: Any) -> None:
    if field not in MEMBER_FIELDS:
        return
    if value is not None and not isinstance(value, str):
        raise BadJson(f"{field} is not a string")
    limit = DISPLAYNAME_CHARACTERS_MAX if field == "displayname" else AVATAR_URL_CHARACTERS_MAX
    if value is not None and (len(value) > limit or "\x00" in value):
        raise TooLarge(f"{field} is too long or holds a NUL", code="M_TOO_LARGE", status=400)


def _decoded(value: msgspec.Raw) -> Any:
    return msgspec.json.decode(bytes(value))
