"""A device that receives room keys while its owner has no other. MSC3814, not yet in the spec.

Its private keys lie here, encrypted by the client. It is a device like any other, but nobody is
logged in on it: whoever logs in next reads its messages, and then deletes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from bongsu.errors import InvalidParam, NotFound, TooLarge
from bongsu.ids import UserId
from bongsu.keys import shapes
from bongsu.keys.device_keys import KeyUpload
from bongsu.keys.inbox import MESSAGES_PER_ANSWER_MAX, MESSAGES_PER_ENTRY_MAX, Inbox, StoredMessage
from bongsu.keys.shapes import JsonObject
from bongsu.rooms.canonical_json import encode
from bongsu.users import text
from bongsu.users.completion import complete
from bongsu.users.devices import DeviceListAnnouncer

DEVICE_DATA_BYTES_MAX = 256 * 1024
TOKEN_DIGITS_MAX = 18
EVERYTHING = 2**63 - 1  # past every position


class DehydratedDevice(NamedTuple):
    device_id: str
    device_data: bytes


class DehydrationStore(Protocol):
    async def put_dehydrated(
        self, user_id: str, device: DehydratedDevice, display_name: str | None, keys: KeyUpload
    ) -> None:
        """Replace the user's dehydrated device, with its keys."""
        ...

    async def dehydrated(self, user_id: str) -> DehydratedDevice | None: ...

    async def delete_dehydrated(self, user_id: str) -> str | None: ...


class MessageReader(Protocol):
    async def read(self, inbox: Inbox, limit: int) -> Sequence[StoredMessage]: ...


class Dehydration:
    def __init__(
        self, store: DehydrationStore, messages: MessageReader, announcer: DeviceListAnnouncer
    ) -> None:
        self._store = store
        self._messages = messages
        self._announcer = announcer

    async def put(
        self,
        user_id: UserId,
        device_id: str,
        device_data: Mapping[str, Any],
        display_name: str | None,
        keys: tuple[JsonObject, JsonObject | None, JsonObject | None],
    ) -> None:
        """Keep a device with its device keys, one-time keys and fallback keys."""
        data = encode(device_data)
        if len(data) > DEVICE_DATA_BYTES_MAX:
            raise TooLarge("The device data is too large")
        upload = KeyUpload(
            shapes.device_keys(keys[0], user_id, text.device_id(device_id)),
            shapes.uploaded_keys(keys[1]),
            shapes.fallback_keys(keys[2]),
        )
        device = DehydratedDevice(device_id, data)
        await complete(self._put(user_id, device, text.display_name(display_name), upload))

    async def _put(
        self,
        user_id: UserId,
        device: DehydratedDevice,
        display_name: str | None,
        upload: KeyUpload,
    ) -> None:
        await self._store.put_dehydrated(user_id, device, display_name, upload)
        await self._announcer.device_list_changed(user_id)

    async def get(self, user_id: str) -> DehydratedDevice:
        device = await self._store.dehydrated(user_id)
        if device is None:
            raise NotFound("No dehydrated device")
        return device

    async def delete(self, user_id: UserId) -> str:
        """Delete it; gives its id."""
        device_id = await complete(self._store.delete_dehydrated(user_id))
        if device_id is None:
            raise NotFound("No dehydrated device")
        await self._announcer.device_list_changed(user_id)
        return device_id

    async def messages(
        self, user_id: str, device_id: str, token: str | None
    ) -> tuple[list[bytes], str]:
        """Messages after a token (None: from the first), and the token behind them. They are
        deleted with the device."""
        if (await self.get(user_id)).device_id != device_id:
            raise NotFound("No such dehydrated device")
        after = _position(token)
        limit = MESSAGES_PER_ANSWER_MAX + MESSAGES_PER_ENTRY_MAX
        rows = await self._messages.read(Inbox(user_id, device_id, after, EVERYTHING), limit)
        if len(rows) > MESSAGES_PER_ANSWER_MAX:
            end = rows[MESSAGES_PER_ANSWER_MAX].position
            rows = [row for row in rows if row.position < end]
        return [row.body for row in rows], str(rows[-1].position if rows else after)


def _position(token: str | None) -> int:
    if not token:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) <= TOKEN_DIGITS_MAX):
        raise InvalidParam("Not a valid token")
    return int(token)
