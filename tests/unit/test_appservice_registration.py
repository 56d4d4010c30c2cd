"""Registration files: what they may say, and what is told of one that is wrong."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bongsu.appservices.namespaces import Service
from bongsu.appservices.registration import parse
from bongsu.appservices.services import Services
from bongsu.errors import OperatorError, Refused
from bongsu.files.registrations import load_registrations

IRC: dict[str, Any] = {
    "id": "irc",
    "url": "http://127.0.0.1:1234/path",
    "as_token": "as",
    "hs_token": "hs",
    "sender_localpart": "_irc_bot",
    "namespaces": {
        "users": [{"exclusive": True, "regex": "@_irc_.*"}],
        "aliases": [{"exclusive": False, "regex": "#_irc_.*"}],
        "rooms": [],
    },
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": 3}, "field id"),
        ({"id": ""}, "field id"),
        ({"url": "ftp://x"}, "field url"),
        ({"url": "http://x?y=z"}, "field url"),
        ({"url": "http://x:99999"}, "field url"),
        ({"as_token": "a b"}, "field as_token"),
        ({"hs_token": "a\nb"}, "field hs_token"),
        ({"sender_localpart": "a:b"}, "field sender_localpart"),
        ({"sender_localpart": ""}, "field sender_localpart"),
        ({"rate_limited": "no"}, "field rate_limited"),
        ({"namespaces": {"users": [{"regex": "("}]}}, r"field namespaces.users\[0\]"),
        (
            {"namespaces": {"users": [{"regex": "(", "exclusive": True}]}},
            r"field namespaces.users\[0\].regex",
        ),
        ({"namespaces": {"users": {}}}, "field namespaces.users"),
        ({"protocols": [""]}, r"field protocols\[0\]"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(OperatorError, match=f"irc.yaml: .*{told}"):
        parse("irc.yaml", {**IRC, **change}, "x")


@pytest.mark.parametrize("field", ["id", "url", "as_token", "hs_token", "namespaces"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(OperatorError, match=field):
        parse("irc.yaml", {key: value for key, value in IRC.items() if key != field}, "x")


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_it_is_an_object(document: Any) -> None:
    with pytest.raises(OperatorError, match=r"irc\.yaml"):
        parse("irc.yaml", document, "x")


def test_older_names_and_strange_fields() -> None:
    more = {"de.sorunome.msc2409.push_ephemeral": True, "io.element.msc4190": True, "url": None}
    found = parse("irc.yaml", {**IRC, **more}, "x")
    assert found.wants_ephemeral
    assert not found.receive_ephemeral
    assert found.url is None


def test_files(tmp_path: Path) -> None:
    first, second, broken = (tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml"))
    first.write_text(yaml.safe_dump(IRC))
    second.write_text(yaml.safe_dump({**IRC, "id": "other", "sender_localpart": "_other"}))
    broken.write_text("id: [")
    assert [each.id for each in load_registrations([str(first)], "x")] == ["irc"]
    with pytest.raises(OperatorError, match=r"b\.yaml: field as_token: the same as in .*a\.yaml"):
        load_registrations([str(first), str(second)], "x")
    with pytest.raises(OperatorError, match=r"c\.yaml: no valid YAML"):
        load_registrations([str(broken)], "x")
    with pytest.raises(OperatorError, match=r"none\.yaml: cannot be read"):
        load_registrations([str(tmp_path / "none.yaml")], "x")


def test_whose_names_are_whose() -> None:
    irc = Service(parse("a", IRC, "x"), "x")
    assert irc.has_user("@_irc_ann:x")
    assert irc.has_user("@_irc_bot:x")
    assert not irc.has_user("@_irc_ann:elsewhere"), "only local users are a service's"
    assert not irc.has_user("@ann:x")
    assert not irc.has_user("@_irc_" + "a" * 300 + ":x")
    assert irc.owns_user("@_irc_ann:x")
    assert not irc.aliases.is_exclusive("#_irc_hill:x")


def test_names_are_kept_for_their_service() -> None:
    everybody = {"users": [{"exclusive": False, "regex": "@.*"}]}
    other = {
        **IRC,
        "id": "all",
        "as_token": "t",
        "sender_localpart": "all",
        "namespaces": everybody,
    }
    services = Services([parse("a", IRC, "x"), parse("b", other, "x")], "x")
    services.check_user("@_irc_ann:x", "irc")
    services.check_user("@ann:x", None)
    services.check_user("@ann:x", "all")
    services.check_alias("#_irc_hill:x", None)
    for user, by in (("@_irc_ann:x", None), ("@_irc_ann:x", "all"), ("@ann:x", "irc")):
        with pytest.raises(Refused) as refused:
            services.check_user(user, by)
        assert refused.value.code == "M_EXCLUSIVE"
    with pytest.raises(Refused):
        services.check_alias("#hill:x", "irc")


def test_tokens() -> None:
    services = Services([parse("a", IRC, "x")], "x")
    found = services.of_token("as")
    assert found is not None
    assert found.id == "irc"
    assert services.of_token("hs") is None
    assert services.of_token("\ud800") is None
