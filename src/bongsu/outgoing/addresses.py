"""Which addresses are the public internet's: pure, and strict when in doubt."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

# Below 1024 there are services that would take an HTTP request for a command of their own.
PORTS = frozenset({80, 443})
PORT_MIN = 1024

_UNICAST = IPv6Network("2000::/3")  # all that is given out
_NAT64 = IPv6Network("64:ff9b::/96")  # the last 32 bits are where it goes
_REFUSED = (
    IPv4Network("192.0.0.0/24"),  # protocols' own; metadata of Oracle's machines
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("168.63.129.16/32"),  # metadata of Azure's machines
    IPv6Network("2001::/23"),  # protocols' own; Teredo, which leads to an IPv4 address
    IPv6Network("2002::/16"),  # 6to4: the same
)


class AllowedAddresses:
    """The public internet, and the networks that the operator added (CIDR, any ports)."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = [ip_network(network, strict=False) for network in networks]

    def allow(self, address: str, port: int, *, public: bool = True) -> bool:
        """Whether one may connect there; without `public`, only to the operator's networks."""
        parsed = _parse(address)
        if parsed is None:
            return False
        if any(parsed in network for network in self._networks):
            return True
        return public and is_public(parsed) and (port in PORTS or port >= PORT_MIN)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is a single machine's address on the internet, that of no special service."""
    if address.is_multicast or not address.is_global:
        return False
    if address.version == 6 and address not in _UNICAST:
        return False
    return not any(address in network for network in _REFUSED)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address; the IPv4 address that an IPv6 one merely wraps; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
