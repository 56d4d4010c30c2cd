"""The search index: written behind the log at the primary, read wherever reads go."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bongsu.log.entry import Entry, LoggedEvent, decode_facts
from bongsu.log.position import partition_of
from bongsu.postgres import search_sql as sql
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.history_store import PostgresHistoryStore, logged_event
from bongsu.rooms.access import Standing
from bongsu.rooms.visibility import JOINED, SHARED
from bongsu.search.criteria import Spot
from bongsu.search.documents import Segment, Sought, first_key
from bongsu.search.finding import Hit, Hits, Span, Wish
from bongsu.search.indexer import Progress, Update
from bongsu.search.service import Part

VISIBILITY_CHANGES_MAX = 1_000  # of one room; before those, only what was said in one's presence


class PostgresIndexStore:
    """Implements `search.indexer.IndexStore`. All is read at the primary: what another server
    lacked yet of an edit would be lacking in the index for ever."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_progress(self, partition: int) -> Progress:
        row = await self._database.fetchrow(sql.PROGRESS, partition, confirmed=True)
        assert row is not None, "every partition has its row"
        return Progress(*row)

    async def list_entries(
        self, partition: int, after: int, through: int, limit: int
    ) -> list[Entry]:
        rows = await self._fetch(sql.ENTRIES, partition, after, through, limit)
        return [
            Entry(partition, r["position"], r["kind"], r["key"], r["event_id"] or "",
                  r["body"], r["facts"])
            for r in rows
        ]  # fmt: skip

    async def list_touched(self, partition: int, event_ids: Collection[str]) -> list[LoggedEvent]:
        rows = await self._fetch(sql.TOUCHED, partition, list(event_ids))
        return [logged_event(row) for row in rows]

    async def load_edits(self, events: Sequence[LoggedEvent]) -> dict[str, LoggedEvent]:
        columns = zip(
            *((e.room_id, e.event_id, e.facts.sender, e.facts.type) for e in events), strict=True
        )
        rows = await self._fetch(sql.EDITS, *map(list, columns))
        return {row["parent_id"]: logged_event(row) for row in rows}

    async def load_segments_of(self, partition: int, positions: Sequence[int]) -> Mapping[int, int]:
        rows = await self._fetch(sql.SEGMENTS_OF, partition, list(positions))
        return {row["position"]: row["segment"] for row in rows}

    async def load_last_segments(self, room_ids: Collection[str]) -> list[Segment]:
        return [Segment(*row) for row in await self._fetch(sql.LAST_SEGMENTS, list(room_ids))]

    async def write(self, update: Update) -> bool:
        async def body(connection: Connection) -> bool:
            await connection.execute(sql.DO_NOT_WAIT)
            moved = await connection.fetchval(
                sql.MOVE, update.partition, update.before.position, *update.after
            )
            if moved is None:
                return False
            if update.gone:
                await connection.execute(sql.REMOVE, update.partition, update.gone)
            if update.documents:
                await connection.executemany(sql.PUT, update.documents)
            if update.segments:
                await connection.executemany(sql.PUT_SEGMENT, update.segments)
            return True

        return await self._database.write(body)

    async def _fetch(self, query: str, *arguments: Any) -> Sequence[Any]:
        return await self._database.fetch(query, *arguments, confirmed=True)


class PostgresSearchStore:
    """Implements `search.service.SearchReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.with_children = PostgresHistoryStore(database).with_children

    async def list_parts(self, user_id: str, room_ids: Sequence[str] | None) -> list[Part]:
        rooms = None if room_ids is None else list(room_ids)
        ignored = await self._database.fetchrow(sql.IGNORED, user_id)
        rows = await self._database.fetch(sql.PARTS, user_id, rooms, VISIBILITY_CHANGES_MAX)
        return [_part(row, ignored["content"] if ignored else None) for row in rows]

    async def list_segments(self, room_ids: Sequence[str], limit: int) -> list[Segment]:
        rows = await self._database.fetch(sql.SEGMENTS, list(room_ids), limit)
        return [Segment(*row) for row in rows]

    async def find(self, spans: Sequence[Span], wish: Wish, below: Spot | None, limit: int) -> Hits:
        bases = [first_key(partition_of(s.segment.room_id), s.segment.segment) for s in spans]
        rows = await self._database.fetch(
            sql.FIND,
            _keys(bases, wish.hashes),
            " ".join([_multirange(span.visible) for span in spans]),
            None if wish.senders is None else _keys(bases, wish.senders),
            list(wish.kinds),
            *((None, None, None) if below is None else below),
            limit,
        )
        return Hits([Hit(*row[:4]) for row in rows], rows[0]["total"] if rows else 0)

    async def load_sought(self, places: Sequence[tuple[int, int]]) -> list[Sought]:
        if not places:
            return []
        rows = await self._database.fetch(sql.SOUGHT, *map(list, zip(*places, strict=True)))
        return [Sought(logged_event(row), _edit(row)) for row in rows]


def _part(row: Any, ignored: bytes | None) -> Part:
    positions = row["change_positions"] or ()
    visibilities = [decode_facts(facts).visibility for facts in row["change_facts"] or ()]
    changes: list[tuple[int, str]] = list(zip(positions, visibilities, strict=True))
    visibility = visibilities[-1] if visibilities else SHARED
    if len(changes) == VISIBILITY_CHANGES_MAX:
        changes[0] = (0, JOINED)
    own = list(zip(row["positions"], row["memberships"], strict=True))
    return Part(row["room_id"], Standing(own, row["forgotten"], visibility, ignored), changes)


def _keys(bases: Sequence[int], hashes: Sequence[int]) -> str:
    """Arrays of the keys in each segment."""
    return " ".join(["{" + ",".join([str(base + hash) for hash in hashes]) + "}" for base in bases])


@lru_cache(1_024)  # of a room for its segments
def _multirange(stretches: Sequence[tuple[int, int]]) -> str:
    return "{" + ",".join([f"[{first},{last}]" for first, last in stretches]) + "}"


def _edit(row: Any) -> LoggedEvent | None:
    if row["edit_id"] is None:
        return None
    facts = decode_facts(row["edit_facts"])
    return LoggedEvent(row["key"], row["edit_position"], row["edit_id"], row["edit_body"], facts)
