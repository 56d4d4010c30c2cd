"""Sealing: personal data is encrypted field by field before any store sees it.

    key file (DATA/desk/keys)  ──wraps──▶  data keys (table sealing_key)  ──seal──▶  fields

A sealed field begins with one byte and the id of its key:
    1 ‖ key_id (8 bytes) ‖ nonce (24) ‖ ciphertext    a data key: the normal case
    2 ‖ file key (8 bytes) ‖ nonce ‖ ciphertext       a key of the file itself, while this process
                                                      has not been able to read the data keys
The context (table, column, row) is authenticated with it: a field moved elsewhere does not open.
XChaCha20-Poly1305 by libsodium; nonces are random, 192 bits.
"""

import hashlib
import hmac
import struct
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError
from nacl.utils import random

from bongsu.errors import BongsuError

KEY_BYTES = 32
NONCE_BYTES = 24
TEXT_BYTES_MAX = 1024 * 1024

_DATA_KEY, _FILE_KEY = 1, 2
_HEAD = struct.Struct(">B8s")
_WRAPPING = ("sealing_key", "wrapped", "")


class Context(NamedTuple):
    """Where a sealed field belongs."""

    table: str
    column: str
    row_id: str


class SealBroken(BongsuError):
    """It was changed, belongs elsewhere, or its key is not known here. One line for the log."""


class KeyUnknown(SealBroken):
    """The key is not known here (yet): another process may have made it a moment ago."""


class FileKeys:
    """The keys of the key file, oldest first. Each is named by the beginning of its hash."""

    def __init__(self, keys: list[bytes]) -> None:
        assert keys, "a key file has a key"
        self._keys = {_name(key): key for key in keys}
        self.latest = _name(keys[-1])

    def wrap(self, data_key: bytes) -> tuple[bytes, str]:
        """`data_key` sealed with the latest key, and that one's name."""
        return _encrypt(self._keys[self.latest], data_key, _WRAPPING), self.latest

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        return _decrypt(self.key(name), wrapped, _WRAPPING)

    def key(self, name: str) -> bytes:
        if name not in self._keys:
            raise KeyUnknown(f"the key file has no key {name}: copy it from where it was rotated")
        return self._keys[name]

    def derive(self, purpose: str) -> bytes:
        """32 bytes for something else, equal wherever this key file is; of the oldest key, so
        that they outlive a rotation."""
        oldest = next(iter(self._keys.values()))
        return hmac.new(oldest, b"bongsu desk " + purpose.encode(), hashlib.sha256).digest()


class Sealer:
    """Seals with the latest data key that it knows; `learn` tells it of those in the table."""

    def __init__(self, file_keys: FileKeys) -> None:
        self.file_keys = file_keys
        self._data_keys: Mapping[int, bytes] = {}
        self._latest = 0

    @property
    def latest_key_id(self) -> int:
        """0 before any data key is known."""
        return self._latest

    def learn(self, data_keys: Mapping[int, bytes]) -> None:
        self._data_keys = dict(data_keys)
        self._latest = max(data_keys, default=0)

    def seal(self, text: str, context: Context) -> bytes:
        plain = text.encode()
        assert len(plain) <= TEXT_BYTES_MAX, "bounded where it came in"
        if self._latest:
            head = _HEAD.pack(_DATA_KEY, self._latest.to_bytes(8, "big"))
            return head + _encrypt(self._data_keys[self._latest], plain, context)
        name = self.file_keys.latest
        head = _HEAD.pack(_FILE_KEY, bytes.fromhex(name))
        return head + _encrypt(self.file_keys.key(name), plain, context)

    def open(self, blob: bytes, context: Context) -> str:
        """What was sealed; `SealBroken`."""
        if len(blob) < _HEAD.size + NONCE_BYTES:
            raise SealBroken("too short")
        kind, name = _HEAD.unpack_from(blob)
        return _decrypt(self._key(kind, name), blob[_HEAD.size :], context).decode()

    def is_current(self, blob: bytes) -> bool:
        """Whether `blob` is sealed with the latest data key."""
        return blob[: _HEAD.size] == _HEAD.pack(_DATA_KEY, self._latest.to_bytes(8, "big"))

    def _key(self, kind: int, name: bytes) -> bytes:
        if kind == _FILE_KEY:
            return self.file_keys.key(name.hex())
        key = self._data_keys.get(int.from_bytes(name, "big")) if kind == _DATA_KEY else None
        if key is None:
            raise KeyUnknown(f"no data key {int.from_bytes(name, 'big')} is known here")
        return key


def new_key() -> bytes:
    return random(KEY_BYTES)


def _name(key: bytes) -> str:
    return hashlib.sha256(b"bongsu desk key name " + key).hexdigest()[:16]


def _encrypt(key: bytes, plain: bytes, context: tuple[str, str, str]) -> bytes:
    nonce = random(NONCE_BYTES)
    bound = msgspec.json.encode(tuple(context))
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, bound, nonce, key)


def _decrypt(key: bytes, blob: bytes, context: tuple[str, str, str]) -> bytes:
    nonce, sealed = blob[:NONCE_BYTES], blob[NONCE_BYTES:]
    bound = msgspec.json.encode(tuple(context))
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, bound, nonce, key)
    except (CryptoError, ValueError):
        raise SealBroken("it was changed, or belongs elsewhere") from None
