"""A way to a server that can be lost: what stands for a data centre's own address in a browser.

It passes bytes on, and may be told to freeze (connections stay, nobody answers), to be shut
(everything is refused), to cut every connection at the moment its answer comes (the server has done
what was asked, and nobody hears of it), or to say 503 itself, as a balancer does.
"""

import asyncio
import contextlib
from typing import Literal

BYTES_MAX = 65536
Mode = Literal["open", "frozen", "shut", "cutting", "busy"]


class FrontDoor:
    """`seen` counts the requests that came to it, by the first line's path without its query."""

    def __init__(self, port: int, server_port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.mode: Mode = "open"
        self.retry_after_seconds = 1
        self.polled = asyncio.Event()  # a sync came since this was cleared
        self._server_port = server_port
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self.mode = "open"
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Refuse, and break off what is there, as a kernel does for a process that was killed."""
        self.mode = "shut"
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in self._writers:
            writer.transport.abort()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _accept(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._writers.add(back)
        try:
            await self._serve(client, back)
        except OSError:
            pass  # somebody hung up, or the server is dead
        finally:
            back.transport.abort()
            self._writers.discard(back)
            self._connections.discard(task)

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, out = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers.add(out)
        try:
            ways = {
                asyncio.create_task(self._ask(client, out, back)),
                asyncio.create_task(self._answer(server, back)),
            }
            _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in rest:
                way.cancel()
            for way in ways:
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await way
        finally:
            self._writers.discard(out)
            out.transport.abort()

    async def _ask(
        self, client: asyncio.StreamReader, out: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while data := await client.read(BYTES_MAX):
            if self.mode == "frozen":
                await asyncio.Event().wait()
            if b"/sync?" in data:
                self.polled.set()
            if self.mode == "busy" and data.startswith((b"GET ", b"PUT ", b"POST ", b"OPTIONS ")):
                back.write(self._busy())
                continue
            out.write(data)
            await out.drain()

    async def _answer(self, server: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await server.read(BYTES_MAX):
            if self.mode == "frozen":
                await asyncio.Event().wait()
            if self.mode == "cutting":
                return
            back.write(data)
            await back.drain()

    def _busy(self) -> bytes:
        return (
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n"
            b"access-control-allow-origin: *\r\naccess-control-allow-headers: *, Authorization\r\n"
            b"access-control-expose-headers: Retry-After\r\n"
            b"content-type: application/json\r\nretry-after: %d\r\n\r\n{}"
            % self.retry_after_seconds
        )
