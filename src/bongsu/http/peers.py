"""Who is at the other end, when proxies that we trust stand between."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network

ADDRESSES_MAX = 4096


class Peers:
    """Finds the client's address. `trusted_proxies` are addresses or networks."""

    def __init__(self, trusted_proxies: Sequence[str] = ()) -> None:
        self._networks = [ip_network(each, strict=False) for each in trusted_proxies]
        self._is_trusted = lru_cache(ADDRESSES_MAX)(self._look_up)

    def address(self, client: tuple[str, int] | None, headers: Mapping[bytes, bytes]) -> str:
        """The nearest address that is not a trusted proxy; "" on a Unix socket without one."""
        nearest = client[0] if client is not None else ""
        forwarded = headers.get(b"x-forwarded-for")
        if forwarded is None or not self._networks:
            return nearest
        for hop in reversed(forwarded.split(b",")):
            if nearest and not self._is_trusted(nearest):
                break
            nearest = hop.strip().decode("latin-1")
        return nearest

    def _look_up(self, address: str) -> bool:
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._networks)
