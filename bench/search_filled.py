"""Log and index filled from outside with messages as people say them, for `bench.search`.

Messages are made of two vocabularies, Korean and English, whose words are as frequent as words are
(Zipf), and put into the log and the index as the server's own follower would. Each processor fills
partitions of its own.
"""

import asyncio
import base64
import functools
import hashlib
import itertools
import multiprocessing
import os
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import asyncpg
import click
import orjson

from bongsu.log.position import PARTITIONS, partition_of
from bongsu.search.documents import Kind, Placing, Segment, first_key
from bongsu.search.terms import hash_of, hash_of_sender, terms_of

SEED = 1
WORDS = 20_000  # of each vocabulary
SYLLABLES = 600
KOREAN_SHARE = 0.7
PARTICLES = ("이", "가", "은", "는", "을", "를", "에서", "으로", "도", "")
MESSAGES_PER_COPY = 10_000
FIRST_TS = 1_600_000_000_000
MS_BETWEEN = 10_000
INDEXING = {"maintenance_work_mem": "1GB", "synchronous_commit": "off"}

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
_MOVE_HEAD = "UPDATE partition SET head = $2, durable_through = $2 WHERE partition = $1"
_MOVE_INDEX = "UPDATE search_progress SET position = $2, segments = $3 WHERE partition = $1"
_ENTRY = ["partition", "position", "kind", "key", "event_id", "request_id", "body", "facts"]
_DOCUMENT = ["partition", "position", "segment", "kind", "ts", "edit_position", "terms"]
_SIZES = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relname IN ('entry', 'search_document', 'search_document_terms', 'search_document_pkey')
"""


class Vocabulary:
    """Words by their frequency, and messages made of them; `share` has messages of its own."""

    def __init__(self, share: int = 0) -> None:
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
        if share:
            self._random = random.Random(SEED + share)

    def message(self) -> list[str]:
        """The words of one."""
        count = self._random.randint(3, 16)
        if self._random.random() > KOREAN_SHARE:
            return self._draw(self.english, count)
        particles = self._random.choices(PARTICLES, k=count)
        return list(map(str.__add__, self._draw(self.korean, count), particles))

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
    def _words(make: Callable[[], list[str]]) -> list[str]:
        words: dict[str, None] = {}
        while len(words) < WORDS:
            words["".join(make())] = None
        return list(words)


class Template(NamedTuple):
    """A room's last message, of which all others are copies with another text."""

    room_id: str
    body: bytes
    facts: bytes


class Share(NamedTuple):
    """What one processor fills: `messages` in these rooms, whose partitions nobody else fills."""

    number: int
    of: int
    messages: int
    templates: list[Template]
    heads: dict[int, int]  # by partition


class Filled(NamedTuple):
    """Where a share's partitions stand afterwards."""

    heads: Mapping[int, int]
    segment_counts: Mapping[int, int]


@functools.cache
def _hashes(word: str) -> frozenset[int]:
    """Of a word's terms: those of a message are the terms of its words."""
    return frozenset(map(hash_of, terms_of(word)))


class Filling:
    """Rows of messages in rooms taken by chance, with the positions and segments they get."""

    def __init__(self, share: Share) -> None:
        self.heads = dict(share.heads)
        self.placings = {partition: Placing([], 0) for partition in share.heads}
        self._share = share
        self._rooms = [(t, orjson.loads(t.body)) for t in share.templates]
        self._random = random.Random(SEED + share.number)
        self._vocabulary = Vocabulary(1 + share.number)

    def rows(self, first: int, count: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """(entry, document) of each message."""
        for number in range(first, first + count):
            template, body = self._random.choice(self._rooms)
            partition = partition_of(template.room_id)
            position = self.heads[partition] = self.heads[partition] + 1
            identity = number * self._share.of + self._share.number
            ts, words = FIRST_TS + identity * MS_BETWEEN, self._vocabulary.message()
            placing = self.placings[partition]
            segment = placing.segment_for(template.room_id)
            placing.add(template.room_id, ts)
            body["content"] = {"body": " ".join(words), "msgtype": "m.text"}
            body["origin_server_ts"] = ts
            digest = hashlib.sha256(b"%d" % identity).digest()
            event_id = "$" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            hashes = {hash_of_sender(body["sender"])}.union(*map(_hashes, words))
            base = first_key(partition, segment)
            yield (
                (partition, position, 1, template.room_id, event_id, digest[:16],
                 orjson.dumps(body, option=orjson.OPT_SORT_KEYS), template.facts),
                (partition, position, segment, Kind.BODY, ts, None,
                 [base + each for each in sorted(hashes)]),
            )  # fmt: skip


async def fill(dsn: str, messages: int) -> dict[str, float]:
    """Fill log and index; bytes a message of each."""
    connection = await asyncpg.connect(dsn, server_settings=INDEXING)
    indexes = [row["indexdef"] for row in await connection.fetch(_INDEXES)]
    await connection.execute(_DROP_INDEXES)
    await connection.execute("TRUNCATE search_document, search_segment")
    loop = asyncio.get_running_loop()
    shares = await _shares(connection, messages)
    with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as pool:
        filled = await asyncio.gather(
            *(loop.run_in_executor(pool, _fill_share, dsn, share) for share in shares)
        )
    for heads, segment_counts in filled:
        moves = [(partition, head, segment_counts[partition]) for partition, head in heads.items()]
        await connection.executemany(_MOVE_HEAD, [move[:2] for move in moves])
        await connection.executemany(_MOVE_INDEX, moves)
    click.echo("making the indexes", err=True)
    for index in indexes:
        await connection.execute(index, timeout=7200)
    await connection.execute("VACUUM ANALYZE entry, search_document, search_segment", timeout=3600)
    await connection.execute("CHECKPOINT", timeout=600)
    sizes = {f"{row[0]}_bytes": row[1] / messages for row in await connection.fetch(_SIZES)}
    await connection.close()
    return sizes


async def _shares(connection: "asyncpg.Connection[asyncpg.Record]", messages: int) -> list[Share]:
    """Partitions in turn, with their rooms' part of the messages; none without a room."""
    count = min(os.cpu_count() or 1, PARTITIONS)
    templates = [Template(*row) for row in await connection.fetch(_TEMPLATES)]
    heads = dict(await connection.fetch("SELECT partition, head FROM partition"))
    shares: list[Share] = []
    for number in range(count):
        own = [t for t in templates if partition_of(t.room_id) % count == number]
        part = round(messages * len(own) / len(templates))
        mine = {partition: head for partition, head in heads.items() if partition % count == number}
        shares.append(Share(number, count, part, own, mine))
    return [share for share in shares if share.templates]


def _fill_share(dsn: str, share: Share) -> Filled:
    return asyncio.run(_copy(dsn, share))


async def _copy(dsn: str, share: Share) -> Filled:
    connection = await asyncpg.connect(dsn, server_settings=INDEXING)
    filling = Filling(share)
    for first in range(0, share.messages, MESSAGES_PER_COPY):
        rows = list(filling.rows(first, min(MESSAGES_PER_COPY, share.messages - first)))
        for table, columns, part in (("entry", _ENTRY, 0), ("search_document", _DOCUMENT, 1)):
            records = [row[part] for row in rows]
            await connection.copy_records_to_table(table, records=records, columns=columns)
        if share.number == 0 and first % (50 * MESSAGES_PER_COPY) == 0:
            click.echo(f"{first * share.of:,} messages", err=True)
    segments = [each for placing in filling.placings.values() for each in placing.changed]
    await connection.copy_records_to_table(
        "search_segment", records=segments, columns=list(Segment._fields)
    )
    await connection.close()
    counts = {partition: placing.segments for partition, placing in filling.placings.items()}
    return Filled(filling.heads, counts)
