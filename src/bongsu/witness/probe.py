"""Signs of life: does the primary's postmaster or its Patroni answer?

A TCP connection is no sign, for the kernel accepts it on behalf of a stopped process; a byte is.
The postmaster itself answers an SSLRequest, without a login and without a backend's help.
"""

import asyncio
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from bongsu.tasks import TaskOwner
from bongsu.witness.config import Config
from bongsu.witness.model import Address
from bongsu.witness.pulse import Pulse

EVERY_SECONDS = 0.25
ANSWER_SECONDS_MAX = 1.0
UNDER_WAY_MAX = 16
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])  # length 8, code 80877103


class Probe:
    """Feeds `pulse`, each quarter of a second, with what the leader answers."""

    def __init__(self, config: Config, pulse: Pulse) -> None:
        self._config = config
        self._pulse = pulse
        self._target: tuple[str, int] | None = None  # leader and revision
        self._probes = TaskOwner("probe", limit=UNDER_WAY_MAX)

    def watch(self, leader: str, revision: int) -> None:
        """Probe this leader from now on; an unknown one gives no sign, and no silence either."""
        self._target = (leader, revision) if leader in self._config.postgres else None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                if self._target is not None:
                    self._pulse.beat(self._target[1], loop.time())
                    self._probes.start(self._ask_postmaster(*self._target))
                    self._probes.start(self._ask_patroni(*self._target))
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            await self._probes.stop()

    async def _ask_postmaster(self, leader: str, revision: int) -> None:
        address = self._config.postgres[leader]
        await self._ask(address, None, SSL_REQUEST, revision, lambda byte: byte in (b"S", b"N"))

    async def _ask_patroni(self, leader: str, revision: int) -> None:
        parts = urlsplit(self._config.patroni[leader])
        tls = (
            (self._config.tls or ssl.create_default_context()) if parts.scheme == "https" else None
        )
        address = parts.hostname or "", parts.port or (443 if tls else 80)
        request = f"GET /liveness HTTP/1.0\r\nHost: {address[0]}\r\n\r\n".encode()
        await self._ask(address, tls, request, revision, lambda byte: byte == b"H")

    async def _ask(
        self,
        address: Address,
        tls: ssl.SSLContext | None,
        request: bytes,
        revision: int,
        is_sign: Callable[[bytes], bool],
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                reader, writer = await asyncio.open_connection(*address, ssl=tls)
                try:
                    writer.write(request)
                    if is_sign(await reader.read(1)):
                        self._pulse.answered(revision, loop.time())
                finally:
                    writer.close()
        except (OSError, TimeoutError, EOFError):
            return
