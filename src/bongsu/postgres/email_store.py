"""E-mail addresses in PostgreSQL. Whose an address is, is decided by the primary key."""

from collections.abc import Sequence

from bongsu.ids import UserId
from bongsu.postgres.database import Connection, Database
from bongsu.users.emails import Threepid, Validation

_OWNER = "SELECT user_id FROM threepid WHERE medium = 'email' AND address = $1"
_LIST = """
SELECT medium, address, validated_at, added_at FROM threepid WHERE user_id = $1
 ORDER BY added_at, address LIMIT 1000
"""
_LOCK_ACCOUNT = "SELECT deactivated_at FROM account WHERE user_id = $1 FOR UPDATE"
_COUNT = "SELECT count(*) FROM threepid WHERE user_id = $1"
_ADD = """
INSERT INTO threepid (medium, address, user_id, validated_at, added_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (medium, address) DO UPDATE SET validated_at = EXCLUDED.validated_at
 WHERE threepid.user_id = EXCLUDED.user_id RETURNING address
"""
_REMOVE = "DELETE FROM threepid WHERE medium = 'email' AND address = $2 AND user_id = $1"

_COLUMNS = """sid, purpose, secret_hash, address, token_hash, send_attempt, expires_at, guesses,
       validated_at"""
_SWEEP = "DELETE FROM email_validation WHERE expires_at <= $1"
_FORMER = f"""
SELECT {_COLUMNS} FROM email_validation
 WHERE secret_hash = $1 AND purpose = $2 AND address = $3 FOR UPDATE
"""
_DROP = "DELETE FROM email_validation WHERE sid = $1"
_BEGIN = f"""
INSERT INTO email_validation ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, NULL)
ON CONFLICT (secret_hash, purpose, address) DO NOTHING
"""
_GET = f"SELECT {_COLUMNS} FROM email_validation WHERE sid = $1 AND expires_at > $2"
_GUESS = "UPDATE email_validation SET guesses = guesses + 1 WHERE sid = $1"
_VALIDATE = """
UPDATE email_validation SET validated_at = coalesce(validated_at, $2) WHERE sid = $1
"""
_SPEND = "DELETE FROM email_validation WHERE sid = $1 AND validated_at IS NOT NULL RETURNING sid"


class PostgresEmailStore:
    """Implements `users.emails.EmailStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owner(self, address: str) -> UserId | None:
        row = await self._database.fetchrow(_OWNER, address, confirmed=True)
        return UserId(row["user_id"]) if row else None

    async def list_of(self, user_id: UserId) -> Sequence[Threepid]:
        rows = await self._database.fetch(_LIST, user_id, confirmed=True)
        return [Threepid(*row) for row in rows]

    async def begin(self, validation: Validation, now: int) -> Validation | None:
        key = validation.secret_hash, validation.purpose, validation.address

        async def body(connection: Connection) -> Validation | None:
            await connection.execute(_SWEEP, now)
            former = await connection.fetchrow(_FORMER, *key)
            if former is not None:
                if former["send_attempt"] >= validation.send_attempt:
                    return Validation(*former)
                await connection.execute(_DROP, former["sid"])
            await connection.execute(
                _BEGIN, validation.sid, validation.purpose, validation.secret_hash,
                validation.address, validation.token_hash, validation.send_attempt,
                validation.expires_at,
            )  # fmt: skip
            return None

        return await self._database.write(body)

    async def get(self, sid: str, now: int) -> Validation | None:
        row = await self._database.fetchrow(_GET, sid, now, confirmed=True)
        return Validation(*row) if row else None

    async def guess(self, sid: str) -> None:
        await self._database.execute(_GUESS, sid)

    async def validate(self, sid: str, now: int) -> None:
        await self._database.execute(_VALIDATE, sid, now, idempotent=True)

    async def spend(self, sid: str) -> bool:
        async def body(connection: Connection) -> bool:
            return await connection.fetchrow(_SPEND, sid) is not None

        return await self._database.write(body)

    async def add(self, user_id: UserId, threepid: Threepid, addresses_max: int) -> bool:
        async def body(connection: Connection) -> bool:
            account = await connection.fetchrow(_LOCK_ACCOUNT, user_id)
            if account is None or account["deactivated_at"] is not None:
                return False
            if await connection.fetchval(_COUNT, user_id) >= addresses_max:
                return False
            row = await connection.fetchrow(
                _ADD, threepid.medium, threepid.address, user_id, threepid.validated_at,
                threepid.added_at,
            )  # fmt: skip
            return row is not None

        return await self._database.write(body)

    async def remove(self, user_id: UserId, address: str) -> None:
        await self._database.execute(_REMOVE, user_id, address, idempotent=True)
