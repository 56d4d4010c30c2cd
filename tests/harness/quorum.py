"""When a change of `synchronous_standby_names` is in force."""

import asyncio

import asyncpg

SECONDS_MAX = 60.0
_WAITS = "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $1"
_WRITE = "SELECT pg_logical_emit_message(true, 'probe', '')"


async def until_commits_wait(dsn: str) -> None:
    """For the checkpointer, who tells the backends: until it has, a commit waits for nobody."""
    probe, watcher = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    pid = probe.get_server_pid()
    try:
        async with asyncio.timeout(SECONDS_MAX):
            while True:
                writing = asyncio.create_task(probe.execute(_WRITE))
                while not writing.done() and not await watcher.fetchval(_WAITS, pid):
                    await asyncio.sleep(0.01)
                if not writing.done():
                    break
                await writing
            await watcher.execute("SELECT pg_cancel_backend($1)", pid)
            await writing
    finally:
        for connection in (probe, watcher):
            await connection.close()
