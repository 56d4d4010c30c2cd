"""The search index: written behind the log at the primary, read wherever reads go."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bongsu.log.entry import Entry, LoggedEvent, decode_facts
from bongsu.log.position import partition_of
from bongsu.postgres import search_sql as sql
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.history_store import PostgresHistoryStore, logged_event, visibility_in
from bongsu.rooms.access import Standing
from bongsu.search.criteria import Place
from bongsu.search.documents import Segment, Sought, first_key
from bongsu.search.finding import Hit, Hits, Span, Wish
from bongsu.search.indexer import Progress, Update


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

    async def list_standings(
        self, user_id: str, room_ids: Sequence[str] | None
    ) -> list[tuple[str, Standing]]:
        rooms = None if room_ids is None else list(room_ids)
        ignored = await self._database.fetchrow(sql.IGNORED, user_id)
        rows = await self._database.fetch(sql.STANDINGS, user_id, rooms)
        return [
            (
                row["room_id"],
                Standing(
                    list(zip(row["positions"], row["memberships"], strict=True)),
                    row["forgotten"],
                    visibility_in(row["visibility"]),
                    ignored["content"] if ignored else None,
                ),
            )
            for row in rows
        ]

    async def list_segments(self, room_ids: Sequence[str], limit: int) -> list[Segment]:
        rows = await self._database.fetch(sql.SEGMENTS, list(room_ids), limit)
        return [Segment(*row) for row in rows]

    async def find(
        self, spans: Sequence[Span], wish: Wish, below: Place | None, limit: int
    ) -> Hits:
        keys = [first_key(partition_of(s.segment.room_id), s.segment.segment) for s in spans]
        rows = await self._database.fetch(
            sql.FIND,
            keys,
            [span.through for span in spans],
            list(wish.hashes),
            None if wish.senders is None else list(wish.senders),
            list(wish.kinds),
            *((None, None, None) if below is None else below[1:]),
            limit,
        )
        return Hits([Hit(*row[:4]) for row in rows], rows[0]["total"] if rows else 0)

    async def load_sought(self, places: Sequence[tuple[int, int]]) -> list[Sought]:
        if not places:
            return []
        rows = await self._database.fetch(sql.SOUGHT, *map(list, zip(*places, strict=True)))
        return [Sought(logged_event(row), _edit(row)) for row in rows]


def _edit(row: Any) -> LoggedEvent | None:
    if row["edit_id"] is None:
        return None
    facts = decode_facts(row["edit_facts"])
    return LoggedEvent(row["key"], row["edit_position"], row["edit_id"], row["edit_body"], facts)
