"""A person's signing keys, and who signed what. Spec: Client-Server API, "Cross-signing"."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from bongsu import ids
from bongsu.errors import Forbidden, InvalidParam, MissingParam, NotFound, Refused
from bongsu.ids import UserId
from bongsu.keys import shapes
from bongsu.keys.device_keys import StoredCrossSigningKey, StoredDevice, StoredSignature
from bongsu.keys.shapes import JsonObject, PublicKey
from bongsu.keys.signing import is_signed, signatures_of, unsigned_json
from bongsu.users.completion import complete

MASTER, SELF_SIGNING, USER_SIGNING = "master", "self_signing", "user_signing"
USAGES = (MASTER, SELF_SIGNING, USER_SIGNING)
SIGNED_KEYS_MAX = 1_000  # in one request
DEVICE_SIGNATURES_MAX = 10  # on a master key, tried in one request

Signed = Mapping[str, Mapping[str, JsonObject]]
SigningKeys = Mapping[str, PublicKey]  # by usage


class SigningUpload(NamedTuple):
    """Keys that are fit to be kept. `needs_auth`: they would replace or join others."""

    keys: SigningKeys
    needs_auth: bool


class CrossSigningStore(Protocol):
    async def devices(self, user_ids: Sequence[str]) -> Sequence[StoredDevice]: ...

    async def device_ids(self, user_id: str) -> set[str]: ...

    async def cross_signing_keys(
        self, user_ids: Sequence[str]
    ) -> Sequence[StoredCrossSigningKey]: ...

    async def put_cross_signing_keys(
        self, user_id: str, keys: SigningKeys, *, replace: bool
    ) -> bool:
        """Keep keys; without `replace` only where there are none. False: there are others."""
        ...

    async def put_signatures(self, signatures: Sequence[StoredSignature]) -> None: ...


class KeyAnnouncer(Protocol):
    async def device_list_changed(self, user_id: UserId) -> None: ...

    async def users_signed(self, user_id: UserId, signed: Sequence[str]) -> None:
        """To `user_id` alone the keys of these users look different now."""
        ...


class CrossSigning:
    def __init__(self, store: CrossSigningStore, announcer: KeyAnnouncer) -> None:
        self._store = store
        self._announcer = announcer

    async def check(self, user_id: UserId, uploaded: Mapping[str, JsonObject]) -> SigningUpload:
        """Keys by usage, their shapes and signatures held against each other and what is kept."""
        if not uploaded:
            raise MissingParam("No keys given")
        keys = {
            usage: shapes.cross_signing_key(key, user_id, usage) for usage, key in uploaded.items()
        }
        stored = await self._stored(user_id)
        master = keys.get(MASTER) or stored.get(MASTER)
        if master is None:
            raise MissingParam("No master signing key is available")
        for usage, signed in uploaded.items():
            if usage != MASTER and not is_signed(signed, user_id, master.key_id, master.public_key):
                raise invalid_signature()
        if {key.public_key for key in keys.values()} & await self._store.device_ids(user_id):
            raise Forbidden("Key ID in use")
        is_new = any(not _is_same(key, stored.get(usage)) for usage, key in keys.items())
        return SigningUpload(keys, MASTER in stored and is_new)

    async def put(self, user_id: UserId, upload: SigningUpload) -> None:
        """Keep checked keys. Who had to be authenticated for it was."""
        await complete(self._put(user_id, upload))

    async def _put(self, user_id: UserId, upload: SigningUpload) -> None:
        kept = await self._store.put_cross_signing_keys(
            user_id, upload.keys, replace=upload.needs_auth
        )
        if not kept:
            raise Forbidden("Other keys were uploaded meanwhile")
        await self._announcer.device_list_changed(user_id)

    async def add_signatures(self, user_id: UserId, signed: Signed) -> JsonObject:
        """Keep new signatures by this user; gives an error for each key whose were not kept."""
        if sum(map(len, signed.values())) > SIGNED_KEYS_MAX:
            raise InvalidParam(f"More than {SIGNED_KEYS_MAX} keys at once")
        known = await self._known(user_id, [each for each in signed if ids.is_user_id(each)])
        kept: list[StoredSignature] = []
        failures: dict[str, dict[str, JsonObject]] = {}
        for owner, keys in signed.items():
            for key_id, key in keys.items():
                try:
                    kept += known.signatures(owner, key_id, key)
                except Refused as refused:
                    error = {"errcode": refused.code, "error": refused.message}
                    failures.setdefault(owner, {})[key_id] = error
        if kept:
            await complete(self._keep(user_id, kept))
        return failures

    async def _keep(self, user_id: UserId, kept: Sequence[StoredSignature]) -> None:
        await self._store.put_signatures(kept)
        owners = {signature.user_id for signature in kept}
        if user_id in owners:
            await self._announcer.device_list_changed(user_id)
        if others := sorted(owners - {user_id}):
            await self._announcer.users_signed(user_id, others)

    async def _known(self, user_id: UserId, owners: Sequence[str]) -> "_Known":
        devices = await self._store.devices([user_id])
        keys = await self._store.cross_signing_keys([*owners, user_id])
        return _Known(
            user_id,
            {device.device_id: msgspec.json.decode(device.key_json) for device in devices},
            {(key.user_id, key.usage): PublicKey(key.public_key, key.key_json) for key in keys},
        )

    async def _stored(self, user_id: str) -> dict[str, PublicKey]:
        return {
            key.usage: PublicKey(key.public_key, key.key_json)
            for key in await self._store.cross_signing_keys([user_id])
        }


class _Known(NamedTuple):
    """What one signer's signatures are held against."""

    user_id: str
    devices: Mapping[str, JsonObject]  # the signer's own
    keys: Mapping[tuple[str, str], PublicKey]  # by owner and usage

    def signatures(self, owner: str, key_id: str, key: JsonObject) -> list[StoredSignature]:
        """The signatures on one key that are to be kept; `Refused` if there are none."""
        master = self.keys.get((owner, MASTER))
        if master is not None and key_id == master.public_key:
            _check_same(key, msgspec.json.decode(master.key_json))
            signers = (
                self._device_signers(key) if owner == self.user_id else self._own(USER_SIGNING)
            )
        elif owner == self.user_id and key_id in self.devices:
            _check_same(key, self.devices[key_id])
            signers = self._own(SELF_SIGNING)
        else:
            raise NotFound("No such key")
        found = [
            StoredSignature(owner, key_id, self.user_id, signer, _signature(key, self, signer))
            for signer, public_key in signers
            if is_signed(key, self.user_id, signer, public_key)
        ]
        if not found:
            raise invalid_signature()
        return found

    def _own(self, usage: str) -> list[tuple[str, str]]:
        key = self.keys.get((self.user_id, usage))
        return [(key.key_id, key.public_key)] if key else []

    def _device_signers(self, key: JsonObject) -> list[tuple[str, str]]:
        return list(self._devices_of(key))[:DEVICE_SIGNATURES_MAX]

    def _devices_of(self, key: JsonObject) -> Iterator[tuple[str, str]]:
        for name in signatures_of(key, self.user_id):
            device = self.devices.get(name.removeprefix("ed25519:"), {})
            public_key = cast(Mapping[str, Any], device.get("keys") or {}).get(name)
            if isinstance(public_key, str):
                yield name, public_key


def invalid_signature() -> Refused:
    return Refused("Invalid signature", code="M_INVALID_SIGNATURE")


def _signature(key: JsonObject, known: _Known, signer: str) -> str:
    return str(signatures_of(key, known.user_id)[signer])


def _check_same(given: JsonObject, stored: JsonObject) -> None:
    if unsigned_json(given) != unsigned_json(stored):
        raise InvalidParam("This is not the key that was uploaded")


def _is_same(key: PublicKey, stored: PublicKey | None) -> bool:
    if stored is None or key.public_key != stored.public_key:
        return False
    given, kept = msgspec.json.decode(key.key_json), msgspec.json.decode(stored.key_json)
    return unsigned_json(given) == unsigned_json(kept)
