"""A node started while its sites have no primary waits, and says so."""

import asyncio
import contextlib
from pathlib import Path

import orjson
from harness.http import ConnectionLost, HttpClient
from harness.postgres import Postgres
from harness.process import free_port

from bongsu.settings import Settings
from bongsu.waiting import primary_of


async def test_it_lives_is_not_ready_and_goes_on_by_itself(data_folder: Path) -> None:
    engine = Postgres(data_folder / "postgres")
    port = free_port()
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{engine.port}"
    settings = Settings(listen=f"127.0.0.1:{port}")
    waiting = asyncio.create_task(primary_of(settings, f"postgresql://postgres@{hosts}/postgres"))
    client = HttpClient(f"http://127.0.0.1:{port}")
    async with asyncio.timeout(120):
        while True:
            with contextlib.suppress(ConnectionLost):
                if (await client.request("GET", "/health")).status == 200:
                    break
            await asyncio.sleep(0.05)
        ready = await client.request("GET", "/ready")
        assert ready.status == 503
        assert "waiting for a primary" in orjson.loads(ready.body)["reasons"][0]
        for verb, path in (("GET", "/_matrix/client/v3/sync"), ("POST", "/nowhere")):
            answer = await client.request(verb, path, b"{}" if verb == "POST" else b"")
            assert answer.status == 503
            assert orjson.loads(answer.body)["retry_after_ms"] > 0
        await asyncio.to_thread(engine.start)
        try:
            assert await waiting == f"postgresql://postgres@127.0.0.1:{engine.port}/postgres"
        finally:
            engine.stop()
    await client.close()
