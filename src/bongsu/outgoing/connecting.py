"""Name resolution with threads of its own, and sockets only to allowed addresses."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from bongsu.outgoing.addresses import AllowedAddresses

CONNECTIONS_MAX = 200
CONNECTIONS_PER_HOST_MAX = 8
KEEPALIVE_SECONDS = 30.0
RESOLVING_MAX = 8  # threads; a name whose servers are silent holds one for some seconds
ADDRESSES_MAX = 8  # of one name

AddressInfo = tuple[int, int, int, str, Any]


class AddressRefused(OSError):
    """Nothing about the address: who asked shall not learn what a name means to this server."""

    def __init__(self) -> None:
        super().__init__("the address is not one of the public internet")


class Resolver(AbstractResolver):
    """The operating system's resolver, apart from the threads that files and media need."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVING_MAX, thread_name_prefix="resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=each_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for each_family, _, protocol, _, address in found[:ADDRESSES_MAX]
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def guarded_connector(
    allowed: AllowedAddresses, resolver: AbstractResolver, *, public: bool
) -> TCPConnector:
    """A connector that asks `allowed` about each address at the last moment before it connects.

    Whether the address was written in the URL, came from DNS, or from DNS asked a second time:
    the socket is made here, for the address that was checked.
    """

    def make_socket(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allowed.allow(address[0], address[1], public=public):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    return TCPConnector(
        resolver=resolver,
        socket_factory=make_socket,
        limit=CONNECTIONS_MAX,
        limit_per_host=CONNECTIONS_PER_HOST_MAX,
        keepalive_timeout=KEEPALIVE_SECONDS,
    )
