"""Clients are told every data centre's address, and only addresses that they can use."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from bongsu import cli
from bongsu.errors import OperatorError
from bongsu.http.browser.serving import content_security_policy
from bongsu.http.client.server_info import ServerFacts, ServerInfo
from bongsu.http.message import Request
from bongsu.settings import Settings
from bongsu.settings_sources import load_settings

SITES = ("seoul=https://seoul.example.org", "busan=https://busan.example.org:8448")


async def well_known(facts: ServerFacts) -> object:
    request = Request("GET", b"/.well-known/matrix/client", b"", {}, "127.0.0.1", "1")
    return await ServerInfo(facts).well_known_client(request)


async def test_all_of_them_are_told_in_their_order() -> None:
    urls = Settings(client_sites=SITES).client_site_urls
    assert await well_known(ServerFacts(base_url="https://example.org", site_urls=urls)) == {
        "m.homeserver": {"base_url": "https://example.org"},
        "org.bongsu.sites": [
            {"name": "seoul", "base_url": "https://seoul.example.org"},
            {"name": "busan", "base_url": "https://busan.example.org:8448"},
        ],
    }


async def test_a_single_machine_tells_of_none() -> None:
    answer = await well_known(ServerFacts(base_url="http://127.0.0.1:8008"))
    assert answer == {"m.homeserver": {"base_url": "http://127.0.0.1:8008"}}


@pytest.mark.parametrize(
    "site",
    ["https://a.example.org", "a=", "a=ftp://a", "a=https://a.example.org/chat", "=https://a"],
)
def test_what_is_no_address_is_refused(site: str) -> None:
    with pytest.raises(OperatorError, match="client_sites: "):
        Settings(client_sites=(site,))


def test_a_page_may_speak_to_every_sites_desk() -> None:
    own, other = "https://desk.a.example.org", "https://desk.b.example.org"
    settings = Settings(desk_public_url=f"{own}/", client_desks=(other,))
    assert settings.desks_of_pages == (own, other)
    policy = content_security_policy([], settings.desks_of_pages).decode()
    for directive in ("connect-src", "form-action"):
        assert f"{directive} 'self' {own} {other};" in policy
    with pytest.raises(OperatorError, match="client_desks: "):
        Settings(client_desks=(f"{other}/status",))


def site_init(out: Path, public_site_url: str) -> str:
    sites = [f"--site={name}=10.0.{n}.5" for n, name in enumerate("abc")]
    flags = ["--server-name=example.org", f"--public-site-url={public_site_url}"]
    result = CliRunner().invoke(cli.main, ["site", "init", f"--out={out}", *sites, *flags])
    return result.output if result.exit_code == 0 else f"{result.output}{result.exception}"


def test_real_sites_all_tell_the_same(tmp_path: Path) -> None:
    site_init(tmp_path, "https://{site}.example.org")
    for name in "abc":
        config = tmp_path / name / "etc" / "bongsu.toml"
        settings = load_settings({}, {}, config)
        assert settings.client_site_urls == {n: f"https://{n}.example.org" for n in "abc"}
        assert tomllib.loads(config.read_text())["site"] == name


def test_one_address_for_all_sites_is_no_address_of_a_site(tmp_path: Path) -> None:
    assert "write {site} where" in site_init(tmp_path, "https://example.org")
