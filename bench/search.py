"""How long a search takes over millions of messages: our own server, its tables filled outside.

python -m bench.search                       5,000,000 messages in 1,000 rooms, the account in 200
python -m bench.search --messages 200000     shows that it works

Messages are made of two vocabularies, Korean and English, whose words are as frequent as words are
(Zipf), and put into the log and the index as the server's own follower would. What is searched for
is drawn from the same words: what is said often is looked for often. Every kind of search
is asked in both orders, with the context that Element asks for. Synapse is not measured beside it:
it takes messages only one by one, and these would take it a day and a half.
"""

import base64
import hashlib
import itertools
import json
import math
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import click
import orjson
import uvloop
from harness.http import HttpClient
from harness.matrix import MatrixError, User, register
from harness.process import cpu_seconds

from bench import OUT, ours
from bench.load import gather_bounded, percentile
from bongsu.log.position import partition_of
from bongsu.search.documents import SEGMENT_DOCUMENTS_MAX, Kind, first_key
from bongsu.search.terms import hash_of, hash_of_sender, terms_of

SEED = 1
WORDS = 20_000  # of each vocabulary
SYLLABLES = 600
KOREAN_SHARE = 0.7
PARTICLES = ("이", "가", "은", "는", "을", "를", "에서", "으로", "도", "")
MESSAGES_PER_COPY = 10_000
FIRST_TS = 1_600_000_000_000
MS_BETWEEN = 10_000
LIMIT_MS = 300.0

_INDEXES = """
SELECT indexdef FROM pg_indexes WHERE tablename IN ('entry', 'search_document')
  AND indexname NOT IN ('entry_pkey', 'search_document_pkey')
"""
_DROP_INDEXES = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT indexname FROM pg_indexes WHERE tablename IN ('entry', 'search_document')
        AND indexname NOT IN ('entry_pkey', 'search_document_pkey')
    LOOP EXECUTE 'DROP INDEX ' || quote_ident(name); END LOOP;
END $$
"""
_TEMPLATES = """
SELECT DISTINCT ON (key) key, body, facts FROM entry
WHERE event_id IS NOT NULL ORDER BY key, position DESC
"""
_ENTRY = ["partition", "position", "kind", "key", "event_id", "request_id", "body", "facts"]
_DOCUMENT = ["partition", "position", "segment", "kind", "ts", "edit_position", "terms"]
_SEGMENT = ["room_id", "segment", "documents", "oldest_ts", "newest_ts"]
_SIZES = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relname IN ('entry', 'search_document', 'search_document_terms', 'search_document_pkey')
"""


class Vocabulary:
    """Words by their frequency, and messages made of them."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)
        common = self._random.sample([chr(code) for code in range(0xAC00, 0xD7A4)], SYLLABLES)
        weights = [1 / (rank + 1) ** 0.7 for rank in range(SYLLABLES)]
        letters = "etaoinshrdlcumwfgypbvk"
        self.korean = self._words(
            lambda: self._random.choices(common, weights, k=self._random.choice((2, 2, 3, 4)))
        )
        self.english = self._words(
            lambda: self._random.choices(letters, k=self._random.randint(3, 9))
        )
        self._frequency = list(itertools.accumulate(1 / (rank + 1) for rank in range(WORDS)))

    def message(self) -> str:
        count = self._random.randint(3, 16)
        if self._random.random() > KOREAN_SHARE:
            return " ".join(self._draw(self.english, count))
        return " ".join(
            word + self._random.choice(PARTICLES) for word in self._draw(self.korean, count)
        )

    def searches(self, count: int) -> dict[str, list[str]]:
        """Search terms by kind."""

        def drawn(words: list[str], size: int) -> list[str]:
            return [" ".join(self._draw(words, size)) for _ in range(count)]

        rare = self._random.sample(range(WORDS // 2, WORDS), count)
        return {
            "a Korean word": drawn(self.korean, 1),
            "an English word": drawn(self.english, 1),
            "two Korean words": drawn(self.korean, 2),
            "a syllable": [word[0] for word in self._draw(self.korean, count)],
            "a rare word": [self.korean[rank] for rank in rare],
            "nothing said": [f"{word}zzz" for word in self._draw(self.english, count)],
        }

    def _draw(self, words: list[str], count: int) -> list[str]:
        return self._random.choices(words, cum_weights=self._frequency, k=count)

    @staticmethod
    def _words(make: Any) -> list[str]:
        words: dict[str, None] = {}
        while len(words) < WORDS:
            words["".join(make())] = None
        return list(words)


class Template(NamedTuple):
    """A room's last message, of which all others are copies with another text."""

    room_id: str
    body: dict[str, Any]
    facts: bytes


class Filling:
    """Rows of messages in rooms taken by chance, with the positions and segments they get."""

    def __init__(self, templates: list[Template], heads: dict[int, int]) -> None:
        self.heads = heads
        self.segments: dict[
            str, tuple[int, int, int, int]
        ] = {}  # number, documents, oldest, newest
        self.full: list[tuple[str, int, int, int, int]] = []
        self.segment_counts = dict.fromkeys(heads, 0)
        self._templates = templates
        self._random = random.Random(SEED + 1)
        self._vocabulary = Vocabulary()

    def rows(self, first: int, count: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """(entry, document) of each message."""
        for number in range(first, first + count):
            template = self._random.choice(self._templates)
            partition = partition_of(template.room_id)
            position = self.heads[partition] = self.heads[partition] + 1
            ts, text = FIRST_TS + number * MS_BETWEEN, self._vocabulary.message()
            segment = self._segment(partition, template.room_id, ts)
            body = template.body
            body["content"] = {"body": text, "msgtype": "m.text"}
            body["origin_server_ts"] = ts
            digest = hashlib.sha256(b"%d" % number).digest()
            event_id = "$" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            base = first_key(partition, segment)
            hashes = {hash_of_sender(body["sender"]), *map(hash_of, terms_of(text))}
            keys = sorted(base + each for each in hashes)
            yield (
                (partition, position, 1, template.room_id, event_id, digest[:16],
                 orjson.dumps(body, option=orjson.OPT_SORT_KEYS), template.facts),
                (partition, position, segment, Kind.BODY, ts, None, keys),
            )  # fmt: skip

    def _segment(self, partition: int, room_id: str, ts: int) -> int:
        number, documents, oldest, _ = self.segments.get(room_id, (-1, 0, ts, ts))
        if number < 0 or documents >= SEGMENT_DOCUMENTS_MAX:
            if number >= 0:
                self.full.append((room_id, *self.segments[room_id]))
            number, documents, oldest = self.segment_counts[partition], 0, ts
            self.segment_counts[partition] += 1
        self.segments[room_id] = (number, documents + 1, oldest, ts)
        return number


async def _fill(dsn: str, messages: int) -> dict[str, float]:
    """Fill log and index; bytes a message of each."""
    connection = await asyncpg.connect(dsn)
    indexes = [row["indexdef"] for row in await connection.fetch(_INDEXES)]
    await connection.execute(_DROP_INDEXES)
    await connection.execute("TRUNCATE search_document, search_segment")
    templates = [
        Template(row["key"], orjson.loads(row["body"]), row["facts"])
        for row in await connection.fetch(_TEMPLATES)
    ]
    heads = dict(await connection.fetch("SELECT partition, head FROM partition"))
    filling = Filling(templates, heads)
    for first in range(0, messages, MESSAGES_PER_COPY):
        rows = list(filling.rows(first, min(MESSAGES_PER_COPY, messages - first)))
        for table, columns, part in (("entry", _ENTRY, 0), ("search_document", _DOCUMENT, 1)):
            records = [row[part] for row in rows]
            await connection.copy_records_to_table(table, records=records, columns=columns)
        if first % (50 * MESSAGES_PER_COPY) == 0:
            click.echo(f"{first:,} messages", err=True)
    segments = [*filling.full, *((room, *rest) for room, rest in filling.segments.items())]
    await connection.copy_records_to_table("search_segment", records=segments, columns=_SEGMENT)
    for partition, head in filling.heads.items():
        await connection.execute(
            "UPDATE partition SET head = $2, durable_through = $2 WHERE partition = $1",
            partition, head,
        )  # fmt: skip
        await connection.execute(
            "UPDATE search_progress SET position = $2, segments = $3 WHERE partition = $1",
            partition, head, filling.segment_counts[partition],
        )  # fmt: skip
    click.echo("making the indexes", err=True)
    for index in indexes:
        await connection.execute(index, timeout=7200)
    await connection.execute("VACUUM ANALYZE entry, search_document, search_segment", timeout=3600)
    await connection.execute("CHECKPOINT", timeout=600)
    sizes = {f"{row[0]}_bytes": row[1] / messages for row in await connection.fetch(_SIZES)}
    await connection.close()
    return sizes


async def _make_rooms(url: str, rooms: int, account_rooms: int) -> User:
    """The searcher is in `account_rooms` of the rooms, somebody else in all others."""
    client = HttpClient(url)
    searcher, other = await register(client, "searcher"), await register(client, "other")
    makers = [searcher if number < account_rooms else other for number in range(rooms)]

    async def make(user: User) -> None:
        await user.send_text(await user.create_room(preset="public_chat"), "the first message")

    await gather_bounded([make(user) for user in makers])
    return searcher


async def _measure(searcher: User, each: int, pids: list[int]) -> dict[str, dict[str, float]]:
    """Milliseconds by kind of search: percentiles of the wait, and CPU of server and database."""
    found: dict[str, dict[str, float]] = {}
    everything: list[float] = []
    for order in ("recent", "rank"):
        for kind, terms in Vocabulary().searches(each).items():
            latencies: list[float] = []
            found_none = 0
            before = cpu_seconds(pids)
            for term in terms:
                criteria = {
                    "search_term": term, "order_by": order, "filter": {"limit": 10},
                    "event_context": {
                        "before_limit": 1, "after_limit": 1, "include_profile": True,
                    },
                }  # fmt: skip
                body = {"search_categories": {"room_events": criteria}}
                began = time.monotonic()
                try:
                    answer = await searcher.call("POST", "/search", body)
                except MatrixError as error:  # it took too long, and says so
                    if error.status != 503:
                        raise
                    latencies.append(math.inf)
                    continue
                latencies.append((time.monotonic() - began) * 1000)
                results = answer["search_categories"]["room_events"]["results"]
                found_none += not results
            # Among few messages a rare word may not be said, and seldom two together.
            if kind != "two Korean words":
                is_said = kind != "nothing said"
                assert found_none <= each / 2 if is_said else found_none == each, kind
            cpu_ms = (cpu_seconds(pids) - before) * 1000 / len(terms)
            found[f"{kind}, {order}"] = _figures(latencies) | {"cpu_ms": round(cpu_ms, 1)}
            everything += latencies
    found["all"] = _figures(everything)
    return found


def _figures(latencies: list[float]) -> dict[str, float]:
    shares = {f"p{percent}_ms": percentile(latencies, percent) for percent in (50, 95, 99)}
    return {name: round(value, 1) for name, value in shares.items()}


@click.command(help=__doc__)
@click.option("--messages", default=5_000_000)
@click.option("--rooms", default=1_000)
@click.option("--account-rooms", default=200)
@click.option("--each", default=50, help="Searches of each kind in each order.")
@click.option("--output", default=OUT / "search.json", type=click.Path(path_type=Path))
def main(messages: int, rooms: int, account_rooms: int, each: int, output: Path) -> None:
    directory = Path(tempfile.mkdtemp(prefix="bench-search-"))
    directory.chmod(0o755)  # PostgreSQL runs as another user
    try:
        with ours.running(directory) as server:
            searcher = uvloop.run(_make_rooms(server.url, rooms, account_rooms))
            server.bongsu.stop()
            sizes = uvloop.run(_fill(server.postgres.url(server.database), messages))
            server.bongsu.start()
            click.echo("searching", err=True)

            async def measured() -> dict[str, dict[str, float]]:
                searcher.client = HttpClient(server.url)
                pids = [*server.server_pids, *server.database_pids]
                return await _measure(searcher, each, pids)

            found = uvloop.run(measured())
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    for name, figures in found.items():
        click.echo(f"{name:32}" + "".join(f"{k} {v:8.1f}  " for k, v in figures.items()))
    for name, size in sizes.items():
        click.echo(f"{name:32}{size:8.0f} a message")
    kept = found["all"]["p95_ms"] <= LIMIT_MS
    click.echo(f"p95 of all at most {LIMIT_MS:g} ms: {'kept' if kept else 'MISSED'}")
    output.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "messages": messages, "rooms": rooms, "account_rooms": account_rooms,
        "searches": found, "bytes_a_message": sizes,
    }  # fmt: skip
    output.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
