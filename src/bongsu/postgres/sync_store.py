"""What sync reads: the log's tables, for many rooms in one query, never beyond a pinned vector.

Each query takes a set of (room, interval) as arrays and runs one index scan for each inside the
engine (LATERAL), so an answer over a thousand rooms is a handful of round trips.
"""

from collections.abc import Collection, Sequence
from typing import Any

from bongsu.log.entry import LoggedEvent, decode_facts
from bongsu.log.position import Vector
from bongsu.postgres import sync_sql as sql
from bongsu.postgres.database import Database
from bongsu.rooms.extras import ChildGroup
from bongsu.sync.sources import (
    AccountDataRecord,
    Counts,
    ForgottenRecord,
    MembershipRecord,
    ReceiptRecord,
    Span,
    StateWish,
)

RECEIPTS_PER_ROOM_MAX = 200
HEROES_MAX = 6  # the spec's five, and the reader who is not shown


class PostgresSyncStore:
    """Implements `sync.sources.SyncStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reach(self, vector: Vector) -> None:
        """The bus may be ahead of the replica: see that whoever answers reads is not behind."""
        await self._database.reach(vector)

    async def load_memberships(self, user_id: str) -> list[MembershipRecord]:
        rows = await self._database.fetch(sql.MEMBERSHIPS, user_id)
        return [MembershipRecord(*row) for row in rows]

    async def load_forgotten(self, user_id: str) -> list[ForgottenRecord]:
        rows = await self._database.fetch(sql.FORGOTTEN, user_id)
        return [ForgottenRecord(*row) for row in rows]

    async def load_account_data(
        self, user_id: str, after: int, types: Sequence[str] | None = None
    ) -> list[AccountDataRecord]:
        rows = await self._database.fetch(
            sql.ACCOUNT_DATA, user_id, after, None if types is None else list(types)
        )
        return [AccountDataRecord(*row) for row in rows]

    async def load_account_data_position(self, user_id: str) -> int:
        rows = await self._database.fetch(sql.ACCOUNT_DATA_POSITION, user_id)
        return rows[0]["position"]

    async def load_stripped_state(
        self, user_id: str, memberships: Sequence[tuple[str, int]]
    ) -> dict[str, bytes]:
        if not memberships:
            return {}
        rows = await self._database.fetch(sql.STRIPPED_STATE, user_id, *_columns(memberships))
        return {row["room_id"]: row["stripped_state"] for row in rows}

    async def load_changed_rooms(self, spans: Sequence[Span]) -> set[str]:
        if not spans:
            return set()
        rows = await self._database.fetch(sql.CHANGED_ROOMS, *_columns(spans))
        return {row["room_id"] for row in rows}

    async def load_timelines(
        self, spans: Sequence[Span], limit: int
    ) -> dict[str, list[LoggedEvent]]:
        return await self._load_spans(sql.TIMELINES, spans, limit)

    async def load_facts(self, spans: Sequence[Span], limit: int) -> dict[str, list[LoggedEvent]]:
        return await self._load_spans(sql.FACTS, spans, limit)

    async def load_state(self, wishes: Sequence[StateWish]) -> dict[str, list[LoggedEvent]]:
        whole = [wish[:3] for wish in wishes if wish.members is None]
        lazy = [wish[:3] for wish in wishes if wish.members is not None]
        members = [
            (wish.room_id, user_id, wish.after, wish.through)
            for wish in wishes
            for user_id in wish.members or ()
        ]
        state: dict[str, list[LoggedEvent]] = {wish.room_id: [] for wish in wishes}
        queries = ((sql.STATE, whole), (sql.STATE_WITHOUT_MEMBERS, lazy), (sql.MEMBERS, members))
        for query, spans in queries:
            if spans:
                for row in await self._database.fetch(query, *_columns(spans)):
                    state[row["key"]].append(_event(row))
        return state

    async def load_members(self, wishes: Sequence[tuple[str, str, int, int]]) -> list[LoggedEvent]:
        """Member events of (room id, user id), the latest at after < position <= through."""
        if not wishes:
            return []
        return [_event(row) for row in await self._database.fetch(sql.MEMBERS, *_columns(wishes))]

    async def load_events(
        self, event_ids: Collection[str], vector: Vector
    ) -> dict[str, LoggedEvent]:
        if not event_ids:
            return {}
        rows = await self._database.fetch(sql.EVENTS, list(event_ids), list(vector))
        return {row["event_id"]: _event(row) for row in rows}

    async def load_children(
        self, parents: Sequence[tuple[str, str]], vector: Vector
    ) -> list[ChildGroup]:
        if not parents:
            return []
        rows = await self._database.fetch(sql.CHILDREN, *_columns(parents), list(vector))
        return [ChildGroup(*row) for row in rows]

    async def load_receipts(self, spans: Sequence[Span], user_id: str) -> list[ReceiptRecord]:
        if not spans:
            return []
        rows = await self._database.fetch(
            sql.RECEIPTS, *_columns(spans), user_id, RECEIPTS_PER_ROOM_MAX
        )
        return [ReceiptRecord(*row) for row in rows]

    async def load_own_receipts(self, user_id: str, rooms: Sequence[str]) -> list[ReceiptRecord]:
        if not rooms:
            return []
        rows = await self._database.fetch(sql.OWN_RECEIPTS, user_id, list(rooms))
        return [ReceiptRecord(*row) for row in rows]

    async def load_counts(self, rooms: Sequence[tuple[str, int]]) -> dict[str, Counts]:
        """Stored with the room; counted afresh where the room has moved on past the position."""
        if not rooms:
            return {}
        counts: dict[str, Counts] = {}
        moved: list[tuple[str, int]] = []
        for row in await self._database.fetch(sql.COUNTS, *_columns(rooms)):
            if row["position"] <= row["at"]:
                counts[row["room_id"]] = Counts(row["joined_count"], row["invited_count"])
            else:
                moved.append((row["room_id"], row["at"]))
        if moved:
            for row in await self._database.fetch(sql.COUNTS_AFRESH, *_columns(moved)):
                counts[row["room_id"]] = Counts(row["joined"], row["invited"])
        return counts

    async def load_heroes(self, rooms: Sequence[tuple[str, int]]) -> dict[str, list[str]]:
        heroes: dict[str, list[str]] = {room_id: [] for room_id, _ in rooms}
        if rooms:
            for row in await self._database.fetch(sql.HEROES, *_columns(rooms), HEROES_MAX):
                heroes[row["room_id"]].append(row["user_id"])
        return heroes

    async def count_mentions(self, user_id: str, spans: Sequence[Span]) -> dict[str, int]:
        if not spans:
            return {}
        rows = await self._database.fetch(sql.MENTIONS, user_id, *_columns(spans))
        return {row["room_id"]: row["mentions"] for row in rows}

    async def load_sharing(self, user_ids: Sequence[str], rooms: Sequence[str]) -> set[str]:
        if not user_ids or not rooms:
            return set()
        rows = await self._database.fetch(sql.SHARING, list(user_ids), list(rooms))
        return {row["user_id"] for row in rows}

    async def load_joined_rooms(self, user_id: str) -> list[str]:
        rows = await self._database.fetch(sql.JOINED_ROOMS, user_id)
        return [row["room_id"] for row in rows]

    async def _load_spans(
        self, query: str, spans: Sequence[Span], limit: int
    ) -> dict[str, list[LoggedEvent]]:
        timelines: dict[str, list[LoggedEvent]] = {span.room_id: [] for span in spans}
        if spans:
            for row in reversed(await self._database.fetch(query, *_columns(spans), limit)):
                timelines[row["key"]].append(_event(row))
        return timelines


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _event(row: Any) -> LoggedEvent:
    facts = decode_facts(row["facts"])
    return LoggedEvent(row["key"], row["position"], row["event_id"], row["body"], facts)
