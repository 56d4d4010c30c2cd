"""How a server starts, stops and fails: engines around a node that we can watch.

The node here is a few lines that say what happens to them; the real one is driven in tests/e2e.
"""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from bongsu.postgres.embedded import running_dsn

NODE = """
import asyncio, sys
from pathlib import Path
from bongsu import supervisor
from bongsu.errors import OperatorError
from bongsu.settings import Settings

async def run_node(settings, dsn, nats_url, ready):
    import asyncpg
    connection = await asyncpg.connect(dsn)
    assert nats_url is None
    if sys.argv[2] == "refuses":
        await connection.close()
        raise OperatorError("no port")
    ready("http://here")
    try:
        await asyncio.sleep(600)
    finally:
        answer = await connection.fetchval("SELECT 'answered'")  # still possible
        print(answer, flush=True)
        await connection.close()
        if sys.argv[2] == "hangs":
            await asyncio.sleep(600)

settings = Settings(data=Path(sys.argv[1]), listen="127.0.0.1:0", postgres_memory_mb=16)
announce = lambda url: print(url, flush=True)
try:
    asyncio.run(supervisor.serve(settings, run_node, announce))
except OperatorError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_the_node_answer_then_stops_postgresql(
    data_folder: Path, number: signal.Signals
) -> None:
    process = await _start(data_folder, "serves")
    assert await _line(process) == "http://here"
    assert running_dsn(data_folder) is not None
    process.send_signal(number)
    assert await _line(process) == "answered"
    assert await asyncio.wait_for(process.wait(), 90) == 0
    assert running_dsn(data_folder) is None


async def test_second_signal_leaves_at_once(data_folder: Path) -> None:
    process = await _start(data_folder, "hangs")
    await _line(process)
    process.send_signal(signal.SIGINT)
    assert await _line(process) == "answered"
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 90) == 130


async def test_node_that_refuses_to_start_leaves_nothing_behind(data_folder: Path) -> None:
    process = await _start(data_folder, "refuses")
    assert await asyncio.wait_for(process.wait(), 90) == 1
    assert running_dsn(data_folder) is None


async def _start(data: Path, behaviour: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", NODE, str(data), behaviour, stdout=asyncio.subprocess.PIPE
    )


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 90)
    return line.decode().strip()
