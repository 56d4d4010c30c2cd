"""`bongsu serve`: the engines, then one node in this process or N as its children, and the desk.

    serve ── PostgreSQL, schema ─┬─ processes=1: run_node here, bus in memory
                                 ├─ processes=N: nats-server, N × `bongsu node`
                                 └─ one desk, always a process of its own: a burst of reports must
                                    not slow the messenger, nor the other way round

What starts last stops first: nodes answer what they have in hand, then the bus goes, then
PostgreSQL. The first SIGTERM or Ctrl-C asks for that; a second one leaves at once (the kernel then
tells the children, and what was acknowledged is on disk all the same).
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import msgspec
import structlog

from bongsu.engines import bus, own_database
from bongsu.errors import OperatorError
from bongsu.host.child_process import ChildProcess, Command
from bongsu.host.kept_process import KeptProcess
from bongsu.postgres.migrate import migrate
from bongsu.settings import Settings
from bongsu.settings_sources import NODE_VARIABLE

NODE_STOP_SECONDS = 20.0
READY_LINE_BYTES_MAX = 1000

Ready = Callable[[str], None]
"""Told once, when a node serves: the URL under which clients reach it."""

RunNode = Callable[[Settings, str, str | None, Ready], Awaitable[None]]
"""`run_node(settings, dsn, nats_url, ready)`: serves until cancelled, then lets go of its port,
answers what is running and returns. An exception before `ready` is a failed start."""

RunDesk = Callable[[Settings, str, Ready], Awaitable[None]]
"""The same for the desk: `run_desk(settings, dsn, ready)`."""

_log = structlog.get_logger()


class NodeOrders(msgspec.Struct, frozen=True):
    """What a child is told, in its environment: only its own user and root can read that."""

    settings: Settings
    dsn: str
    nats_url: str | None
    ready_file: int  # the file descriptor on which it says that it serves

    def to_json(self) -> str:
        return msgspec.json.encode(self, enc_hook=str).decode()

    @staticmethod
    def from_json(text: str) -> "NodeOrders":
        return msgspec.json.decode(text, type=NodeOrders, dec_hook=_make)


async def serve(settings: Settings, run_node: RunNode, announce: Ready) -> None:
    """Everything, until a signal. `announce` hears the URL once all nodes serve."""
    await until_signalled(_serve(settings, run_node, announce))


async def run_ordered_node(orders: NodeOrders, run_node: RunNode) -> None:
    """A child's whole life."""

    def ready(url: str) -> None:
        os.write(orders.ready_file, url.encode() + b"\n")

    await until_signalled(run_node(orders.settings, orders.dsn, orders.nats_url, ready))


async def run_ordered_desk(orders: NodeOrders, run_desk: RunDesk) -> None:
    """The desk's whole life as a child."""

    def ready(url: str) -> None:
        os.write(orders.ready_file, url.encode() + b"\n")

    await until_signalled(run_desk(orders.settings, orders.dsn, ready))


def read_orders() -> NodeOrders:
    """The orders in this child's environment."""
    return NodeOrders.from_json(os.environ.pop(NODE_VARIABLE))


async def until_signalled(work: Awaitable[None]) -> None:
    """Run `work` until it ends or the first SIGTERM or SIGINT, then let it finish its cancel."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    signalled = False

    def on_signal() -> None:
        nonlocal signalled
        if signalled:
            _leave_at_once()
        signalled = True
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        if not signalled:
            raise
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _serve(settings: Settings, run_node: RunNode, announce: Ready) -> None:
    with held_port(settings) as settings:
        async with own_database(settings) as dsn:
            await migrate(dsn)
            async with _desk(settings, dsn), bus(settings) as nats_url:
                if settings.processes == 1:
                    await run_node(settings, dsn, nats_url, announce)
                else:
                    await _run_children(settings, dsn, nats_url, announce)


@asynccontextmanager
async def _desk(settings: Settings, dsn: str) -> AsyncGenerator[None]:
    """The desk, if the settings want one, started first and stopped last of our own processes."""
    if not settings.has_desk:
        yield
        return
    desk = _Node("desk", "desk-child", settings, dsn, None)
    keeper: asyncio.Task[None] | None = None
    try:
        desk.kept.start()
        await _until_ready([desk])
        keeper = asyncio.create_task(desk.kept.run())
        yield
    finally:
        if keeper is not None:
            keeper.cancel()
        await asyncio.gather(desk.kept.stop(), return_exceptions=True)
        desk.close()


async def _run_children(
    settings: Settings, dsn: str, nats_url: str | None, announce: Ready
) -> None:
    nodes = [
        _Node(f"node {number}", "node", settings.of_process(number), dsn, nats_url)
        for number in range(settings.processes)
    ]
    tasks: list[asyncio.Task[None]] = []
    try:
        for node in nodes:
            node.kept.start()
        await _until_ready(nodes)
        announce(settings.base_url)
        tasks = [asyncio.create_task(node.kept.run()) for node in nodes]
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(node.kept.stop() for node in nodes), return_exceptions=True)
        for node in nodes:
            node.close()


class _Node:
    """One child: how it is started, and the pipe on which it says that it serves."""

    def __init__(
        self, name: str, command: str, settings: Settings, dsn: str, nats_url: str | None
    ) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        orders = NodeOrders(settings, dsn, nats_url, self._writer)
        self._command = Command(
            argv=[sys.executable, "-m", "bongsu.cli", command],
            environment={NODE_VARIABLE: orders.to_json()},
            inherited=[self._writer],
            stop_steps=((signal.SIGTERM, NODE_STOP_SECONDS), (signal.SIGKILL, 5.0)),
        )
        self.kept = KeptProcess(name, lambda: ChildProcess(self._command), self._drain)

    def has_said_ready(self) -> bool:
        return bool(self._drain())

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)

    def _drain(self) -> bytes:
        """What it said since; a restarted child says it again, and nobody waits for that."""
        try:
            return os.read(self._reader, READY_LINE_BYTES_MAX)
        except BlockingIOError:
            return b""


async def _until_ready(nodes: list[_Node]) -> None:
    """A child that dies before it serves ends the start: its reason stands in the log above."""
    for node in nodes:
        while not node.has_said_ready():
            if await node.kept.process.wait(0.05):
                code = node.kept.process.exit_code
                raise OperatorError(f"A server process ended at its start (exit code {code})")


@contextmanager
def held_port(settings: Settings) -> Generator[Settings]:
    """Keep the port of several processes ours, without listening; port 0 becomes a real one.

    Each node binds the same port with SO_REUSEPORT and the kernel spreads connections over those
    that listen. One process alone needs nothing of this.
    """
    if settings.processes == 1:
        yield settings
        return
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            holder.bind((settings.listen_host, settings.listen_port))
        except OSError as error:
            raise OperatorError(
                f"Cannot listen on {settings.listen} ({error.strerror}): "
                "stop what uses it, or choose another with BONGSU_LISTEN"
            ) from None
        host = settings.listen.rpartition(":")[0]
        yield replace(settings, listen=f"{host}:{holder.getsockname()[1]}")


def _make(kind: type, value: Any) -> Any:
    """A type that JSON does not know (Path) from its text."""
    return kind(value)


def _leave_at_once() -> NoReturn:
    os._exit(130)
