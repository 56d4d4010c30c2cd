"""A device's keys: uploaded by it, queried by whoever writes to it, claimed one by one.

Keys are never served from a cache or a replica: a stale answer loses a device for ever, and a key
handed out twice ruins both sessions. Spec: Client-Server API, "Key management API".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from bongsu import ids
from bongsu.errors import InvalidParam
from bongsu.ids import UserId
from bongsu.keys import shapes
from bongsu.keys.shapes import JsonObject, UploadedKey
from bongsu.users.completion import complete
from bongsu.users.devices import DeviceListAnnouncer
from bongsu.users.requester import NO_DEVICE, Requester
from bongsu.users.text import DEVICE_ID_BYTES_MAX

QUERIED_USERS_MAX = 5_000
QUERIED_DEVICES_MAX = 20_000
CLAIMS_MAX = 5_000

UNREACHABLE = {"errcode": "M_UNREACHABLE", "error": "This server does not talk to others"}


class KeyUpload(NamedTuple):
    device_keys: bytes | None
    one_time_keys: Sequence[UploadedKey]
    fallback_keys: Sequence[UploadedKey]


class Uploaded(NamedTuple):
    """`counts` of unclaimed one-time keys by algorithm; what of it changed anything."""

    counts: Mapping[str, int]
    device_keys_changed: bool
    one_time_keys_changed: bool


class StoredDevice(NamedTuple):
    user_id: str
    device_id: str
    display_name: str | None
    key_json: bytes


class StoredCrossSigningKey(NamedTuple):
    user_id: str
    usage: str
    public_key: str
    key_json: bytes


class StoredSignature(NamedTuple):
    user_id: str
    key_id: str
    signer: str
    signer_key_id: str
    signature: str


class Claim(NamedTuple):
    user_id: str
    device_id: str
    algorithm: str


class ClaimedKey(NamedTuple):
    user_id: str
    device_id: str
    algorithm: str
    key_id: str
    key_json: bytes


class KeyStore(Protocol):
    """Reads are confirmed at the primary; writes are committed when they return."""

    async def upload(self, user_id: str, device_id: str, upload: KeyUpload) -> Uploaded: ...

    async def devices(self, user_ids: Sequence[str]) -> Sequence[StoredDevice]: ...

    async def cross_signing_keys(
        self, user_ids: Sequence[str]
    ) -> Sequence[StoredCrossSigningKey]: ...

    async def signatures(
        self, user_ids: Sequence[str], reader: str
    ) -> Sequence[StoredSignature]: ...

    async def claim(self, claims: Sequence[Claim]) -> Sequence[ClaimedKey]: ...


class KeyChanges(Protocol):
    """Tells sync that one-time or fallback keys of (user, device) came or went."""

    async def one_time_keys_uploaded(self, user_id: str, device_id: str) -> None: ...

    def one_time_keys_claimed(self, devices: Sequence[tuple[str, str]]) -> None: ...


class DeviceKeyService:
    def __init__(
        self,
        store: KeyStore,
        announcer: DeviceListAnnouncer,
        changes: KeyChanges,
        *,
        server_name: str,
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._changes = changes
        self._server_name = server_name

    async def upload(
        self,
        requester: Requester,
        device_keys: JsonObject | None,
        one_time_keys: Mapping[str, Any] | None,
        fallback_keys: Mapping[str, Any] | None,
    ) -> Mapping[str, int]:
        """Keep keys of the requester's own device; gives its counts of one-time keys."""
        if requester.device_id == NO_DEVICE:
            raise InvalidParam("Keys are those of a device")
        user_id, device_id = requester.user_id, requester.device_id
        upload = KeyUpload(
            None if device_keys is None else shapes.device_keys(device_keys, user_id, device_id),
            shapes.uploaded_keys(one_time_keys),
            shapes.fallback_keys(fallback_keys),
        )
        return await complete(self._upload(user_id, device_id, upload))

    async def _upload(
        self, user_id: UserId, device_id: str, upload: KeyUpload
    ) -> Mapping[str, int]:
        uploaded = await self._store.upload(user_id, device_id, upload)
        if uploaded.one_time_keys_changed:
            await self._changes.one_time_keys_uploaded(user_id, device_id)
        # A repeat may be the retry of an upload whose announcement was lost with its process.
        if upload.device_keys is not None:
            await self._announcer.device_list_changed(user_id)
        return uploaded.counts

    async def query(self, reader: str, wanted: Mapping[str, Sequence[str]]) -> JsonObject:
        """Device and cross-signing keys of users, as far as `reader` may see them."""
        if len(wanted) > QUERIED_USERS_MAX or _count(wanted) > QUERIED_DEVICES_MAX:
            raise InvalidParam("Too many users or devices at once")
        local, failures = self._split(wanted)
        users = {user_id: wanted[user_id] for user_id in local}
        signatures = _Signatures(await self._store.signatures(local, reader))
        devices = _devices(await self._store.devices(local), users, signatures)
        answer: JsonObject = {"device_keys": devices, "failures": failures}
        for key in await self._store.cross_signing_keys(local):
            if key.usage == "user_signing" and key.user_id != reader:
                continue
            shown = signatures.add(key.user_id, key.public_key, key.key_json)
            answer.setdefault(f"{key.usage}_keys", {})[key.user_id] = shown
        return answer

    async def claim(self, wanted: Mapping[str, Mapping[str, str]]) -> JsonObject:
        """One key for each device, of the algorithm asked for, as long as there is one."""
        local, failures = self._split(wanted)
        claims = [
            Claim(user_id, device_id, algorithm)
            for user_id in local
            for device_id, algorithm in wanted[user_id].items()
            if _is_plain(device_id, DEVICE_ID_BYTES_MAX) and _is_plain(algorithm, 255)
        ]
        if len(claims) > CLAIMS_MAX:
            raise InvalidParam(f"More than {CLAIMS_MAX} keys at once")
        found = await complete(self._claim(claims)) if claims else ()
        keys: dict[str, dict[str, JsonObject]] = {}
        for key in found:
            name = f"{key.algorithm}:{key.key_id}"
            device = keys.setdefault(key.user_id, {}).setdefault(key.device_id, {})
            device[name] = msgspec.Raw(key.key_json)
        return {"one_time_keys": keys, "failures": failures}

    async def _claim(self, claims: Sequence[Claim]) -> Sequence[ClaimedKey]:
        found = await self._store.claim(claims)
        self._changes.one_time_keys_claimed([(key.user_id, key.device_id) for key in found])
        return found

    def _split(self, users: Iterable[str]) -> tuple[list[str], dict[str, Any]]:
        """Users of this server, and a failure for each other server."""
        local: list[str] = []
        failures: dict[str, Any] = {}
        for user in users:
            if not ids.is_user_id(user):
                continue
            domain = ids.domain_of(user)
            if domain == self._server_name:
                local.append(user)
            else:
                failures[domain] = UNREACHABLE
        return local, failures


class _Signatures:
    """Signatures that one reader may see, put back into what they sign."""

    def __init__(self, rows: Iterable[StoredSignature]) -> None:
        self._by_key: dict[tuple[str, str], list[StoredSignature]] = {}
        for row in rows:
            self._by_key.setdefault((row.user_id, row.key_id), []).append(row)

    def add(self, user_id: str, key_id: str, key_json: bytes) -> JsonObject:
        """The key with the signatures that came after it."""
        key: JsonObject = msgspec.json.decode(key_json)
        signatures = cast(JsonObject, key.get("signatures") or {})
        for row in self._by_key.get((user_id, key_id), ()):
            signatures.setdefault(row.signer, {})[row.signer_key_id] = row.signature
        key["signatures"] = signatures
        return key

    def show(self, device: StoredDevice) -> JsonObject | msgspec.Raw:
        """The keys of a device with their signatures, and with what others may call it.

        Few have signatures from others: the rest go out as they are stored, without `unsigned`.
        """
        name = device.display_name
        added = {} if name is None else {"device_display_name": name}
        if (device.user_id, device.device_id) in self._by_key:
            keys = self.add(device.user_id, device.device_id, device.key_json)
            return {**keys, "unsigned": added} if added else keys
        if not added:
            return msgspec.Raw(device.key_json)
        unsigned = msgspec.json.encode({"unsigned": added})
        return msgspec.Raw(device.key_json[:-1] + b"," + unsigned[1:])


def _devices(
    stored: Iterable[StoredDevice], users: Mapping[str, Sequence[str]], signatures: _Signatures
) -> dict[str, dict[str, JsonObject | msgspec.Raw]]:
    """Every user asked for is named, even without devices: clients take that for an answer."""
    devices: dict[str, dict[str, JsonObject | msgspec.Raw]] = {user_id: {} for user_id in users}
    for device in stored:
        wanted = users[device.user_id]
        if wanted and device.device_id not in wanted:
            continue
        devices[device.user_id][device.device_id] = signatures.show(device)
    return devices


def _count(wanted: Mapping[str, Sequence[str]]) -> int:
    return sum(map(len, wanted.values()))


def _is_plain(text: str, bytes_max: int) -> bool:
    if len(text) > bytes_max or "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
