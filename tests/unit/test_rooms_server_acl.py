"""Server ACLs: globs, ports, IP literals, and that nobody locks this server out."""

from typing import Any

import pytest

from bongsu.errors import BadJson
from bongsu.rooms.server_acl import ServerAcl, check_server_acl


@pytest.mark.parametrize(
    ("server", "allowed"),
    [
        ("example.org", True), ("EXAMPLE.org:8448", True), ("a.evil.com", False),
        ("EVIL.com", False), ("evil.com:1234", False), ("eviL.comx", True), ("x1.bad", False),
        ("x12.bad", True), ("1.2.3.4", False), ("1.2.3.4:80", False), ("[::1]", False),
        ("[2001:db8::1]:8448", False), ("1.2.3.4.example.org", True), ("[abc]", True),
    ],
)  # fmt: skip
def test_is_allowed(server: str, allowed: bool) -> None:
    acl = ServerAcl({
        "allow_ip_literals": False, "allow": ["*", 5], "deny": ["*.evil.com", "evil.COM", "x?.bad"],
    })  # fmt: skip
    assert acl.is_allowed(server) is allowed


def test_defaults_and_odd_shapes() -> None:
    assert not ServerAcl({}).is_allowed("example.org")
    assert ServerAcl({"allow": ["*"], "allow_ip_literals": "no"}).is_allowed("1.2.3.4")
    assert not ServerAcl({"allow": "*"}).is_allowed("example.org")


def test_brackets_and_regular_expressions_mean_themselves() -> None:
    acl = ServerAcl({"allow": ["[ab].org", "a+.org", "(x|y)"]})
    assert acl.is_allowed("[ab].org")
    assert acl.is_allowed("a+.org")
    assert not any(acl.is_allowed(name) for name in ("a.org", "aa.org", "x", "[ab]xorg"))


def test_many_stars_take_no_time() -> None:
    assert not ServerAcl({"allow": ["*a" * 100 + "b"]}).is_allowed("a" * 230)


@pytest.mark.parametrize(
    "content",
    [
        {}, {"allow": []}, {"allow": "*"}, {"allow": ["*", 1]}, {"allow": ["*"], "deny": {}},
        {"allow": ["*"], "deny": ["example.*"]}, {"allow": ["elsewhere.org"]},
        {"allow": ["*"], "allow_ip_literals": None},
    ],
)  # fmt: skip
def test_malformed_or_self_denying_acls_are_refused(content: dict[str, Any]) -> None:
    with pytest.raises(BadJson):
        check_server_acl(content, "example.org")


def test_a_good_acl_passes() -> None:
    check_server_acl({"allow": ["*"], "deny": ["evil.com"]}, "example.org:8448")
