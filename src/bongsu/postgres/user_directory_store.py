"""Who can be found by whom. Names are looked for as their JSON, which is how profiles hold them."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.postgres.database import Database
from bongsu.users.directory import Found

ROOMS_SEARCHED_MAX = 500  # of the searcher, for people to share them with
MEMBERS_SEARCHED_MAX = 5_000  # of each such room
FOUND_MAX = 300  # matches looked at, of those who share a room and of all others

_JOINED = """
    SELECT room_id FROM (
        SELECT DISTINCT ON (room_id) room_id, membership FROM membership
        WHERE user_id = {user} ORDER BY room_id, position DESC
    ) AS latest WHERE membership = 'join'
"""

_MATCHES = """
    account.deactivated_at IS NULL AND account.user_id <> $1
    AND (lower(account.user_id) LIKE ANY($2::text[])
         OR lower(convert_from(name.value, 'UTF8')) LIKE ANY($2::text[]))
"""

_WITH_PROFILE = """
    LEFT JOIN profile AS name
           ON name.user_id = account.user_id AND name.field = 'displayname'
    LEFT JOIN profile AS avatar
           ON avatar.user_id = account.user_id AND avatar.field = 'avatar_url'
"""

# Whoever shares a room with the searcher, room by room, so that a common name is found among them.
COMPANIONS = f"""
WITH mine AS ({_JOINED.format(user="$1")} LIMIT {ROOMS_SEARCHED_MAX}),
companion AS (
    SELECT DISTINCT member.user_id FROM mine CROSS JOIN LATERAL (
        SELECT user_id FROM (
            SELECT DISTINCT ON (user_id) user_id, membership FROM membership
            WHERE room_id = mine.room_id ORDER BY user_id, position DESC
        ) AS latest WHERE membership = 'join' LIMIT {MEMBERS_SEARCHED_MAX}
    ) AS member
)
SELECT account.user_id, name.value AS name, avatar.value AS avatar
FROM companion JOIN account USING (user_id) {_WITH_PROFILE}
WHERE {_MATCHES} LIMIT {FOUND_MAX}
"""

# Whoever has the name and is in a room of the searcher, or in one that is open to everybody. The
# canonical JSON of an event holds no spaces, and quotes within its texts are escaped.
OTHERS = f"""
WITH mine AS ({_JOINED.format(user="$1")}),
named AS MATERIALIZED (
    SELECT account.user_id, name.value AS name, avatar.value AS avatar
    FROM account {_WITH_PROFILE}
    WHERE {_MATCHES} LIMIT {FOUND_MAX}
)
SELECT * FROM named WHERE EXISTS (
    SELECT 1 FROM ({_JOINED.format(user="named.user_id")}) AS theirs
    WHERE theirs.room_id IN (SELECT room_id FROM mine) OR EXISTS (
        SELECT 1 FROM (
            SELECT DISTINCT ON (type) event_id FROM state
            WHERE state.room_id = theirs.room_id AND state_key = ''
              AND type IN ('m.room.join_rules', 'm.room.history_visibility')
            ORDER BY type, position DESC
        ) AS rules JOIN entry USING (event_id)
        WHERE position('"join_rule":"public"'::bytea IN entry.body) > 0
           OR position('"history_visibility":"world_readable"'::bytea IN entry.body) > 0
    )
)
"""

MUTUAL_ROOMS = f"""
SELECT room_id FROM ({_JOINED.format(user="$1")}) AS mine
JOIN ({_JOINED.format(user="$2")}) AS theirs USING (room_id) ORDER BY room_id
"""


class PostgresUserDirectory:
    """Implements `users.directory.DirectoryStore` and `presence.presence.Sharing`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, searcher: str, texts: Sequence[str]) -> tuple[list[Found], bool]:
        patterns = [_pattern(text) for text in texts]
        companions = await self._database.fetch(COMPANIONS, searcher, patterns)
        others = await self._database.fetch(OTHERS, searcher, patterns)
        found = {row["user_id"]: _found(row) for row in [*companions, *others]}
        return list(found.values()), max(len(companions), len(others)) >= FOUND_MAX

    async def list_mutual_rooms(self, user_id: str, other: str) -> list[str]:
        rows = await self._database.fetch(MUTUAL_ROOMS, user_id, other, confirmed=True)
        return [row["room_id"] for row in rows]

    async def shares_room(self, user_id: str, other: str) -> bool:
        query = f"{MUTUAL_ROOMS} LIMIT 1"
        return bool(await self._database.fetch(query, user_id, other, confirmed=True))


def _pattern(text: str) -> str:
    """A LIKE pattern for the text anywhere in a JSON string."""
    encoded = msgspec.json.encode(text)[1:-1].decode()
    escaped = encoded.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def _found(row: asyncpg.Record) -> Found:
    name, avatar = (_text(row[column]) for column in ("name", "avatar"))
    return Found(row["user_id"], name, avatar)


def _text(value: bytes | None) -> str | None:
    decoded = None if value is None else msgspec.json.decode(value)
    return decoded if isinstance(decoded, str) else None
