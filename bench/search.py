"""How long a search takes over millions of messages: our own server, its tables filled outside.

python -m bench.search                       5,000,000 messages in 1,000 rooms, the account in 200
python -m bench.search --messages 200000     shows that it works

What is searched for is drawn from the words that the messages are made of: what is said often is
looked for often. Every kind of search is asked in both orders, with the context that Element asks
for. Synapse is not measured beside it: it takes messages only one by one, and these would take it a
day and a half.
"""

import json
import math
import shutil
import tempfile
import time
from pathlib import Path

import click
import uvloop
from harness.http import HttpClient
from harness.matrix import MatrixError, User, register
from harness.process import cpu_seconds

from bench import OUT, ours
from bench.load import gather_bounded, percentile
from bench.search_filled import Vocabulary, fill

LIMIT_MS = 300.0


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
            sizes = uvloop.run(fill(server.postgres.url(server.database), messages))
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
