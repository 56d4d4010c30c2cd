"""The bus over NATS core. It reconnects for ever; while it is gone, followers read the log."""

from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from bongsu.log.bus import BusUnavailable, Listener, NobodyServes, Responder
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

PENDING_BYTES_MAX = 64 * 1024 * 1024  # of one slow subscription, before NATS drops
PENDING_MESSAGES_MAX = 100_000
RESPONDERS_MAX = 10_000  # requests answered at once


class NatsBus:
    """`prefix` keeps deployments that share a server apart."""

    def __init__(self, client: Client, prefix: str = "bongsu") -> None:
        self._client = client
        self._prefix = prefix
        self._tasks = TaskOwner("nats responders", limit=RESPONDERS_MAX)

    @classmethod
    async def connect(cls, url: str, **options: Any) -> "NatsBus":
        """`url` may name several servers, commas between them: the first one's is the nearest."""
        client = Client()
        await client.connect(
            url.split(","),
            dont_randomize=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # pyright: ignore[reportArgumentType]  # floats do
            connect_timeout=1,
            ping_interval=0.5,  # pyright: ignore[reportArgumentType]  # a silent server is left
            max_outstanding_pings=3,
            **options,
        )
        return cls(client)

    async def publish(self, subject: str, payload: bytes) -> None:
        self._check_connected()
        try:
            await self._client.publish(self._name(subject), payload)
        except (NatsError, OSError) as error:
            raise BusUnavailable(str(error)) from error

    async def subscribe(self, subject: str, listener: Listener) -> None:
        async def on_message(message: Msg) -> None:
            try:
                listener(message.data)
            except Exception:
                log.exception("a listener failed", subject=subject)

        await self._client.subscribe(  # pyright: ignore[reportUnknownMemberType]  # untyped there
            self._name(subject),
            cb=on_message,
            pending_msgs_limit=PENDING_MESSAGES_MAX,
            pending_bytes_limit=PENDING_BYTES_MAX,
        )

    async def serve(self, subject: str, responder: Responder) -> None:
        async def answer(message: Msg) -> None:
            reply = await responder(message.data)
            try:
                await message.respond(reply)
            except (NatsError, OSError):
                return  # the asker times out, and asks again with the same id

        async def on_message(message: Msg) -> None:
            self._tasks.start(answer(message))

        await self._client.subscribe(  # pyright: ignore[reportUnknownMemberType]  # untyped there
            self._name(subject), cb=on_message
        )

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        self._check_connected()
        try:
            reply = await self._client.request(
                self._name(subject), payload, timeout=timeout_seconds
            )
        except NoRespondersError as error:
            raise NobodyServes(f"Nobody serves {subject}") from error
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable(f"No answer on {subject}: {type(error).__name__}") from error
        return reply.data

    async def close(self) -> None:
        await self._tasks.stop()
        await self._client.close()

    def _check_connected(self) -> None:
        """The client would keep messages for the next connection: late ones are worse than lost."""
        if not self._client.is_connected:
            raise BusUnavailable("Not connected to NATS")

    def _name(self, subject: str) -> str:
        return f"{self._prefix}.{subject}"
