"""Keys of devices and people in PostgreSQL. All reads are confirmed at the primary."""

from collections.abc import Sequence
from time import time_ns
from typing import Any

from bongsu.errors import InvalidParam, TooLarge
from bongsu.ids import DeviceId, UserId
from bongsu.keys.cross_signing import SigningKeys
from bongsu.keys.device_keys import (
    Claim,
    ClaimedKey,
    KeyUpload,
    StoredCrossSigningKey,
    StoredDevice,
    StoredSignature,
    Uploaded,
)
from bongsu.keys.shapes import UploadedKey
from bongsu.postgres.database import Connection, Database
from bongsu.users.devices import no_such_device

ONE_TIME_KEYS_PER_DEVICE_MAX = 2_000
FALLBACK_KEYS_PER_DEVICE_MAX = 50
CLAIMED_KEPT_MS = 7 * 24 * 3600 * 1000  # so long a repeated upload is known to be one

_LOCK_DEVICE = "SELECT 1 FROM device WHERE user_id = $1 AND device_id = $2 FOR UPDATE"

_PUT_DEVICE_KEYS = """
INSERT INTO device_key (user_id, device_id, key_json) VALUES ($1, $2, $3)
ON CONFLICT (user_id, device_id) DO UPDATE SET key_json = excluded.key_json
 WHERE device_key.key_json <> excluded.key_json
RETURNING 1
"""

_FORGET_CLAIMED = """
DELETE FROM one_time_key WHERE user_id = $1 AND device_id = $2 AND claimed_at < $3
"""

_KNOWN_KEYS = """
SELECT algorithm, key_id, key_json FROM one_time_key
JOIN unnest($3::text[], $4::text[]) AS wish(algorithm, key_id) USING (algorithm, key_id)
WHERE user_id = $1 AND device_id = $2
"""

_ADD_ONE_TIME_KEYS = """
INSERT INTO one_time_key (user_id, device_id, algorithm, key_id, upload, key_json)
SELECT $1, $2, algorithm, key_id,
       (SELECT coalesce(max(upload), 0) + 1 FROM one_time_key
         WHERE user_id = $1 AND device_id = $2), key_json
FROM unnest($3::text[], $4::text[], $5::bytea[]) AS new(algorithm, key_id, key_json)
"""

_PUT_FALLBACK_KEYS = """
INSERT INTO fallback_key (user_id, device_id, algorithm, key_id, key_json)
SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bytea[])
ON CONFLICT (user_id, device_id, algorithm) DO UPDATE
   SET key_id = excluded.key_id, key_json = excluded.key_json, is_used = false
 WHERE fallback_key.key_id <> excluded.key_id OR fallback_key.key_json <> excluded.key_json
RETURNING 1
"""

_COUNT_FALLBACK_KEYS = "SELECT count(*) FROM fallback_key WHERE user_id = $1 AND device_id = $2"

_COUNT = """
SELECT algorithm, count(*) AS unclaimed FROM one_time_key
WHERE user_id = $1 AND device_id = $2 AND claimed_at IS NULL GROUP BY algorithm
"""

_DEVICES = """
SELECT user_id, device_id, display_name, key_json
  FROM device_key JOIN device USING (user_id, device_id)
 WHERE user_id = ANY($1::text[]) ORDER BY user_id, device_id
"""

_CROSS_SIGNING_KEYS = """
SELECT user_id, usage, public_key, key_json FROM cross_signing_key WHERE user_id = ANY($1::text[])
"""

# What others signed is for themselves alone: it says whom they trust.
_SIGNATURES = """
SELECT user_id, key_id, signer, signer_key_id, signature FROM key_signature
 WHERE user_id = ANY($1::text[]) AND (signer = user_id OR signer = $2)
"""

# Each wish takes the oldest key that nobody else is taking. The row stays until CLAIMED_KEPT_MS are
# over, so that a repeated upload cannot bring the key back.
_CLAIM = """
WITH next AS MATERIALIZED (
    SELECT wish.user_id, wish.device_id, wish.algorithm, key.key_id
    FROM unnest($1::text[], $2::text[], $3::text[]) AS wish(user_id, device_id, algorithm)
    CROSS JOIN LATERAL (
        SELECT key_id FROM one_time_key
        WHERE user_id = wish.user_id AND device_id = wish.device_id
          AND algorithm = wish.algorithm AND claimed_at IS NULL
        ORDER BY upload, key_id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS key
)
UPDATE one_time_key SET claimed_at = $4 FROM next
WHERE one_time_key.user_id = next.user_id AND one_time_key.device_id = next.device_id
  AND one_time_key.algorithm = next.algorithm AND one_time_key.key_id = next.key_id
RETURNING one_time_key.user_id, one_time_key.device_id, one_time_key.algorithm,
          one_time_key.key_id, one_time_key.key_json
"""

_LOCK_FALLBACK_KEYS = """
SELECT user_id, device_id, algorithm, key_id, key_json, is_used FROM fallback_key
JOIN unnest($1::text[], $2::text[], $3::text[]) AS wish(user_id, device_id, algorithm)
     USING (user_id, device_id, algorithm)
ORDER BY user_id, device_id, algorithm FOR UPDATE OF fallback_key
"""

_USE_FALLBACK_KEYS = """
UPDATE fallback_key SET is_used = true
FROM unnest($1::text[], $2::text[], $3::text[]) AS used(user_id, device_id, algorithm)
WHERE fallback_key.user_id = used.user_id AND fallback_key.device_id = used.device_id
  AND fallback_key.algorithm = used.algorithm
"""

_DEVICE_IDS = "SELECT device_id FROM device WHERE user_id = $1"

_LOCK_ACCOUNT = "SELECT 1 FROM account WHERE user_id = $1 FOR UPDATE"

_OWN_SIGNING_KEYS = "SELECT usage, public_key FROM cross_signing_key WHERE user_id = $1"

# Signatures on a key that is replaced, and by it, say nothing any more.
_FORGET_SIGNATURES = """
DELETE FROM key_signature
WHERE user_id = $1 AND key_id = ANY($2::text[]) OR signer = $1 AND signer_key_id = ANY($3::text[])
"""

_PUT_SIGNING_KEYS = """
INSERT INTO cross_signing_key (user_id, usage, public_key, key_json)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[])
ON CONFLICT (user_id, usage) DO UPDATE
   SET public_key = excluded.public_key, key_json = excluded.key_json
"""

_PUT_SIGNATURES = """
INSERT INTO key_signature (user_id, key_id, signer, signer_key_id, signature)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
ON CONFLICT (user_id, key_id, signer, signer_key_id) DO UPDATE SET signature = excluded.signature
"""

_FORGET_DEVICE_SIGNATURES = "DELETE FROM key_signature WHERE user_id = $1 AND key_id = $2"

_DELETE_OF_DEVICES = (
    "DELETE FROM device_key WHERE user_id = $1 AND device_id = ANY($2::text[])",
    "DELETE FROM one_time_key WHERE user_id = $1 AND device_id = ANY($2::text[])",
    "DELETE FROM fallback_key WHERE user_id = $1 AND device_id = ANY($2::text[])",
    "DELETE FROM key_signature WHERE user_id = $1 AND key_id = ANY($2::text[])",
    "DELETE FROM to_device WHERE user_id = $1 AND device_id = ANY($2::text[])",
    "DELETE FROM dehydrated_device WHERE user_id = $1 AND device_id = ANY($2::text[])",
)


class PostgresKeyStore:
    """Implements `keys.device_keys.KeyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def upload(self, user_id: str, device_id: str, upload: KeyUpload) -> Uploaded:
        async def body(connection: Connection) -> Uploaded:
            return await upload_in(connection, (user_id, device_id), upload)

        return await self._database.write(body)

    async def devices(self, user_ids: Sequence[str]) -> Sequence[StoredDevice]:
        rows = await self._database.fetch(_DEVICES, user_ids, confirmed=True)
        return [StoredDevice(*row) for row in rows]

    async def cross_signing_keys(self, user_ids: Sequence[str]) -> Sequence[StoredCrossSigningKey]:
        rows = await self._database.fetch(_CROSS_SIGNING_KEYS, user_ids, confirmed=True)
        return [StoredCrossSigningKey(*row) for row in rows]

    async def signatures(self, user_ids: Sequence[str], reader: str) -> Sequence[StoredSignature]:
        rows = await self._database.fetch(_SIGNATURES, user_ids, reader, confirmed=True)
        return [StoredSignature(*row) for row in rows]

    async def claim(self, claims: Sequence[Claim]) -> Sequence[ClaimedKey]:
        async def body(connection: Connection) -> list[ClaimedKey]:
            rows = await connection.fetch(_CLAIM, *zip(*claims, strict=True), _now_ms())
            found = [ClaimedKey(*row) for row in rows]
            served = {key[:3] for key in found}
            rest = [claim for claim in claims if claim not in served]
            return found + await _claim_fallback(connection, rest) if rest else found

        return await self._database.write(body)


class PostgresCrossSigningStore(PostgresKeyStore):
    """Implements `keys.cross_signing.CrossSigningStore`."""

    async def device_ids(self, user_id: str) -> set[str]:
        rows = await self._database.fetch(_DEVICE_IDS, user_id, confirmed=True)
        return {row["device_id"] for row in rows}

    async def put_cross_signing_keys(
        self, user_id: str, keys: SigningKeys, *, replace: bool
    ) -> bool:
        async def body(connection: Connection) -> bool:
            await connection.execute(_LOCK_ACCOUNT, user_id)
            rows = await connection.fetch(_OWN_SIGNING_KEYS, user_id)
            old = {row["usage"]: row["public_key"] for row in rows}
            gone = [
                old[usage]
                for usage, key in keys.items()
                if old.get(usage, key.public_key) != key.public_key
            ]
            new = [(usage, *key) for usage, key in keys.items() if replace or usage not in old]
            if gone and not replace:
                return False
            if gone:
                key_ids = [f"ed25519:{public_key}" for public_key in gone]
                await connection.execute(_FORGET_SIGNATURES, user_id, gone, key_ids)
            if new:
                await connection.execute(_PUT_SIGNING_KEYS, user_id, *_columns(new))
            return True

        return await self._database.write(body)

    async def put_signatures(self, signatures: Sequence[StoredSignature]) -> None:
        await self._database.execute(_PUT_SIGNATURES, *_columns(signatures))


async def delete_keys_of(
    connection: Connection, user_id: UserId, device_ids: Sequence[DeviceId]
) -> None:
    """Keys and messages end with their device. A `device_store.DeletionHook`."""
    for statement in _DELETE_OF_DEVICES:
        await connection.execute(statement, user_id, device_ids)


async def upload_in(connection: Connection, device: tuple[str, str], upload: KeyUpload) -> Uploaded:
    # A device that is being deleted at this moment gets no keys that would outlive it.
    if await connection.fetchval(_LOCK_DEVICE, *device) is None:
        raise no_such_device()
    changed = False
    if upload.device_keys is not None:
        changed = bool(await connection.fetchval(_PUT_DEVICE_KEYS, *device, upload.device_keys))
    if changed:
        await connection.execute(_FORGET_DEVICE_SIGNATURES, *device)
    added = await _add_one_time_keys(connection, device, upload.one_time_keys)
    replaced = await _put_fallback_keys(connection, device, upload.fallback_keys)
    counts = {row["algorithm"]: row["unclaimed"] for row in await connection.fetch(_COUNT, *device)}
    if added and sum(counts.values()) > ONE_TIME_KEYS_PER_DEVICE_MAX:
        raise TooLarge(f"A device has at most {ONE_TIME_KEYS_PER_DEVICE_MAX} one-time keys")
    return Uploaded(counts, changed, added or replaced)


async def _add_one_time_keys(
    connection: Connection, device: tuple[str, str], keys: Sequence[UploadedKey]
) -> bool:
    if not keys:
        return False
    await connection.execute(_FORGET_CLAIMED, *device, _now_ms() - CLAIMED_KEPT_MS)
    names = _columns(keys)[:2]
    known = {row[:2]: row[2] for row in await connection.fetch(_KNOWN_KEYS, *device, *names)}
    for key in keys:
        if known.get(key[:2], key.key_json) != key.key_json:
            raise InvalidParam(f"One-time key {key.algorithm}:{key.key_id} already exists")
    new = [key for key in keys if key[:2] not in known]
    if new:
        await connection.execute(_ADD_ONE_TIME_KEYS, *device, *_columns(new))
    return bool(new)


async def _put_fallback_keys(
    connection: Connection, device: tuple[str, str], keys: Sequence[UploadedKey]
) -> bool:
    if not keys:
        return False
    replaced = await connection.fetch(_PUT_FALLBACK_KEYS, *device, *_columns(keys))
    held = await connection.fetchval(_COUNT_FALLBACK_KEYS, *device)
    if held > FALLBACK_KEYS_PER_DEVICE_MAX:
        raise TooLarge(f"A device has at most {FALLBACK_KEYS_PER_DEVICE_MAX} fallback keys")
    return bool(replaced)


async def _claim_fallback(connection: Connection, claims: Sequence[Claim]) -> list[ClaimedKey]:
    rows = await connection.fetch(_LOCK_FALLBACK_KEYS, *zip(*claims, strict=True))
    fresh = [row[:3] for row in rows if not row["is_used"]]
    if fresh:
        await connection.execute(_USE_FALLBACK_KEYS, *zip(*fresh, strict=True))
    return [ClaimedKey(*row[:5]) for row in rows]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _now_ms() -> int:
    return time_ns() // 1_000_000
