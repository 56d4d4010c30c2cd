"""Settings: which source wins, and what each mistake is told."""

from pathlib import Path
from typing import Any

import pytest

from bongsu.errors import OperatorError
from bongsu.settings import Settings
from bongsu.settings_sources import OPTIONS, load_settings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bongsu.toml"


def test_later_source_wins(config: Path) -> None:
    config.write_text('log_level = "debug"\nprocesses = 2\nlisten = "127.0.0.1:1"\n')
    environment = {"BONGSU_PROCESSES": "3", "BONGSU_LISTEN": "127.0.0.1:2", "HOME": "/"}
    settings = load_settings({"listen": "[::1]:3"}, environment)
    assert (settings.log_level, settings.processes) == ("debug", 3)
    assert (settings.listen_host, settings.listen_port) == ("::1", 3)
    assert settings.base_url == "http://[::1]:3"


@pytest.mark.parametrize(
    ("listen", "registration"),
    [
        ("127.0.0.1:8008", "open"),
        ("localhost:8008", "open"),
        ("[::1]:8008", "open"),
        ("0.0.0.0:8008", "closed"),
        ("[::]:8008", "closed"),
        ("chat.example.org:8008", "closed"),
    ],
)
def test_registration_is_open_on_loopback_only(listen: str, registration: str) -> None:
    assert Settings(listen=listen).registration == registration
    assert Settings(listen=listen, registration="open").registration == "open"


@pytest.mark.parametrize(
    ("toml", "environment", "complaint"),
    [
        ("lisen = '::1'", {}, "lisen in bongsu.toml: no such setting; did you mean listen?"),
        ("", {"BONGSU_LISTN": "x"}, "no such setting; did you mean BONGSU_LISTEN?"),
        ("processes = 'two'", {}, "processes in bongsu.toml: must be a whole number, is 'two'"),
        ("processes = true", {}, "must be a whole number"),
        ("processes = 0", {}, "processes: must be between 1 and 64"),
        ("rate_limits = 3", {}, "rate_limits in bongsu.toml: must be on or off, is 3"),
        ("listen = 8008", {}, "listen in bongsu.toml: must be text in quotes, is 8008"),
        ("listen = '8008'", {}, "listen: '8008' is not host:port"),
        ("listen = '::1:8008'", {}, "listen: write an IPv6 address in brackets"),
        ("registration = 'all'", {}, "must be one of open, token, closed, is 'all'"),
        ("registration = 'token'", {}, "registration_tokens: registration=token needs"),
        ("trusted_proxies = ['x']", {}, "trusted_proxies: 'x' is no address"),
        ("trusted_proxies = [1]", {}, "must be a list of texts"),
        ("server_name = 'a b'", {}, "server_name: 'a b' is no server name"),
        ("listen = ", {}, "bongsu.toml: no valid TOML"),
        ("", {"BONGSU_CONFIG": "gone.toml"}, "gone.toml: cannot be read"),
    ],
)  # fmt: skip
def test_mistakes_name_their_source(
    config: Path, toml: str, environment: dict[str, str], complaint: str
) -> None:
    config.write_text(toml)
    with pytest.raises(OperatorError) as caught:
        load_settings({}, environment)
    assert complaint in str(caught.value)


def test_all_mistakes_are_told_at_once(config: Path) -> None:
    config.write_text("a_setting_of_mine = 1\nprocesses = 'x'\n")
    with pytest.raises(OperatorError) as caught:
        load_settings({"rate_limits": "maybe"}, {})
    assert len(str(caught.value).splitlines()) == 3


def test_every_setting_has_a_meaning_and_a_kind() -> None:
    for option in OPTIONS.values():
        assert option.meaning.endswith(".")
        assert option.kind in (str, int, bool, tuple, Path)


def test_lists_and_switches_from_text(config: Path) -> None:
    environment = {
        "BONGSU_TRUSTED_PROXIES": "10.0.0.1, 192.168.0.0/16",
        "BONGSU_RATE_LIMITS": "off",
    }
    settings = load_settings({}, environment)
    assert settings.trusted_proxies == ("10.0.0.1", "192.168.0.0/16")
    assert settings.rate_limits is False


def test_variables_that_kubernetes_sets_are_left_alone(config: Path) -> None:
    load_settings({}, {"BONGSU_SERVICE_HOST": "10.0.0.1", "BONGSU_PORT_8008_TCP": "tcp://x"})


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ({}, {"http://127.0.0.1:8008", "http://localhost:8008", "http://[::1]:8008"}),
        ({"public_base_url": "https://Chat.example.org/"}, {"https://chat.example.org"}),
        (
            {"public_base_url": "https://a.org", "desk_client_origins": ("https://b.org:8443",)},
            {"https://a.org", "https://b.org:8443"},
        ),
    ],
)
def test_the_desk_answers_clients_of_these_origins(
    given: dict[str, Any], origins: set[str]
) -> None:
    assert Settings(**given).desk_origins == origins


@pytest.mark.parametrize("origin", ["*", "null", "https://a.org/", "a.org", "https://A.org"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(OperatorError, match="desk_client_origins"):
        Settings(desk_client_origins=(origin,))


def test_clients_are_told_of_a_desk_that_they_can_find() -> None:
    assert Settings().told_desk_url == "http://127.0.0.1:8009"
    assert Settings(desk_listen="0.0.0.0:80").told_desk_url == "http://127.0.0.1:80"
    assert Settings(desk_listen="off").told_desk_url is None
    told = Settings(desk_listen="off", desk_public_url="https://desk.example.org/")
    assert told.told_desk_url == "https://desk.example.org"
