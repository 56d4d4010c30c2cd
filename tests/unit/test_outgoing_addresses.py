"""Which addresses a server may be talked into connecting to."""

import pytest

from bongsu.outgoing.addresses import AllowedAddresses


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "100.64.0.1", "100.100.100.200", "169.254.169.254", "192.0.0.192", "168.63.129.16",
        "192.88.99.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "2002:7f00:1::1", "2002:808:808::1", "2001:0:5ef5:79fb::1", "2001:db8::1", "fe80::1",
        "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "5f00::1",
        "4000::1", "localhost", "", "1.1.1.1.1", "0x7f.1", "8.8.8.8\x00",
    ],
)  # fmt: skip
def test_refused(address: str) -> None:
    assert not AllowedAddresses().allow(address, 443)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public(address: str) -> None:
    assert AllowedAddresses().allow(address, 443)
    assert not AllowedAddresses().allow(address, 443, public=False)


def test_ports_where_other_services_listen() -> None:
    allowed = AllowedAddresses()
    assert [p for p in (22, 25, 80, 443, 587, 1024, 8448) if allowed.allow("8.8.8.8", p)] == [
        80, 443, 1024, 8448,
    ]  # fmt: skip


def test_networks_of_the_operator() -> None:
    allowed = AllowedAddresses(["10.0.0.0/8", "fd00::/8"])
    assert allowed.allow("10.1.2.3", 25)
    assert allowed.allow("::ffff:10.1.2.3", 80)
    assert allowed.allow("fd12::1", 80, public=False)
    assert not allowed.allow("192.168.0.1", 80)
