"""Changes of device lists, and who shares rooms with whom, at given positions."""

from collections.abc import Sequence
from typing import Any

from bongsu.log.position import Vector, partition_of
from bongsu.postgres.database import Database
from bongsu.sync.sources import MemberChange, Span

# $1: positions by partition, from 0. Only the latest change of each user is known, so there is no
# upper bound: a change that comes later still is said too early rather than never.
_CHANGED = """
SELECT DISTINCT device_list.user_id FROM unnest($1::bigint[]) WITH ORDINALITY AS since(position, n)
JOIN device_list ON device_list.partition = since.n - 1 AND device_list.position > since.position
WHERE device_list.user_id = $2 OR EXISTS (
    SELECT FROM unnest($3::text[]) AS shared(room_id)
    CROSS JOIN LATERAL (
        SELECT membership FROM membership
        WHERE user_id = device_list.user_id AND room_id = shared.room_id
        ORDER BY position DESC LIMIT 1
    ) AS latest WHERE latest.membership = 'join'
)
UNION
SELECT signed FROM signed_user WHERE user_id = $2 AND position > $4
"""

_MEMBER_CHANGES = """
SELECT changed.user_id, coalesce(before.membership, 'leave') AS before,
       changed.memberships[cardinality(changed.memberships)] AS membership,
       'join' = ANY(changed.memberships) AS joined
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS span(room_id, after, through)
CROSS JOIN LATERAL (
    SELECT user_id, array_agg(membership ORDER BY position) AS memberships FROM membership
    WHERE room_id = span.room_id AND position > span.after AND position <= span.through
    GROUP BY user_id
) AS changed
LEFT JOIN LATERAL (
    SELECT membership FROM membership
    WHERE user_id = changed.user_id AND room_id = span.room_id AND position <= span.after
    ORDER BY position DESC LIMIT 1
) AS before ON true
"""

_JOINED = """
SELECT DISTINCT member.user_id
FROM unnest($1::text[], $2::bigint[]) AS wish(room_id, at)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (user_id) user_id, membership FROM membership
    WHERE room_id = wish.room_id AND position <= wish.at ORDER BY user_id, position DESC
) AS member WHERE member.membership = 'join'
"""

_SHARING_AT = """
SELECT candidate.user_id FROM unnest($1::text[]) AS candidate(user_id)
WHERE EXISTS (
    SELECT FROM unnest($2::text[], $3::bigint[]) AS wish(room_id, at)
    CROSS JOIN LATERAL (
        SELECT membership FROM membership
        WHERE user_id = candidate.user_id AND room_id = wish.room_id AND position <= wish.at
        ORDER BY position DESC LIMIT 1
    ) AS latest WHERE latest.membership = 'join'
)
"""


class PostgresDeviceListStore:
    """Implements `sync.sources.DeviceListStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_changed(self, since: Vector, user_id: str, rooms: Sequence[str]) -> set[str]:
        rows = await self._database.fetch(
            _CHANGED, list(since), user_id, list(rooms), since[partition_of(user_id)]
        )
        return {row["user_id"] for row in rows}

    async def load_member_changes(self, spans: Sequence[Span]) -> Sequence[MemberChange]:
        if not spans:
            return []
        rows = await self._database.fetch(_MEMBER_CHANGES, *_columns(spans))
        return [MemberChange(*row) for row in rows]

    async def load_joined(self, rooms: Sequence[tuple[str, int]]) -> set[str]:
        if not rooms:
            return set()
        rows = await self._database.fetch(_JOINED, *_columns(rooms))
        return {row["user_id"] for row in rows}

    async def load_sharing_at(
        self, user_ids: Sequence[str], rooms: Sequence[tuple[str, int]]
    ) -> set[str]:
        if not user_ids or not rooms:
            return set()
        rows = await self._database.fetch(_SHARING_AT, list(user_ids), *_columns(rooms))
        return {row["user_id"] for row in rows}


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
