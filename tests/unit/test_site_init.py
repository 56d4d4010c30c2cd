"""`bongsu site init`: what it writes can be read by whom it is for, and it destroys nothing."""

import json
import ssl
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from bongsu import cli
from bongsu.errors import OperatorError
from bongsu.files.desk_keys import load_file_keys
from bongsu.settings_sources import load_settings
from bongsu.sites.description import describe
from bongsu.witness import config as witness_config

SITES = {"a": "10.0.1.5", "b": "10.0.2.5", "c": "fd00::5"}
SECRET_WORD_LENGTH = 48


def run(out: Path, *more: str, sites: dict[str, str] = SITES) -> Result:
    flags = [f"--site={name}={ip}" for name, ip in sites.items()]
    if not (out / "sites.toml").exists():
        flags.append("--server-name=example.org")
    return CliRunner().invoke(cli.main, ["site", "init", f"--out={out}", *flags, *more])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    result = run(tmp_path / "sites")
    assert result.exit_code == 0, result.output
    return tmp_path / "sites"


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in files(out)}


def files(out: Path) -> list[Path]:
    return [path for path in sorted(out.rglob("*")) if path.is_file()]


def test_nobody_else_may_read_any_of_it(out: Path):
    for path in [out, *out.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o077, f"{path} {mode:o}"
        is_program = path.is_file() and path.read_bytes().startswith(b"#!")
        assert path.is_dir() or bool(mode & 0o100) == is_program, path


def test_no_secret_is_printed(tmp_path: Path):
    result = run(tmp_path / "sites")
    words = json.loads((tmp_path / "sites" / "secrets.json").read_text()).values()
    assert len(set(words)) == len(list(words))
    assert all(len(word) == SECRET_WORD_LENGTH for word in words)
    assert not any(word in result.output for word in words)


def test_a_second_run_changes_nothing(out: Path):
    before = contents(out)
    result = run(out)
    assert (result.exit_code, result.output) == (0, "Nothing to do.\n")
    assert contents(out) == before


def test_one_more_site_keeps_the_authority_the_secrets_and_the_certificates(out: Path):
    before = contents(out)
    result = run(out, "--site=d=10.0.4.5", sites={})
    assert result.exit_code == 0, result.output
    after = contents(out)
    for name in ("ca/ca.pem", "ca/ca.key", "secrets.json", "a/etc/site.pem", "a/etc/site.key"):
        assert after[name] == before[name]
    assert b"10.0.4.5/32" in after["a/etc/patroni.yml"]
    assert b"ETCD_INITIAL_CLUSTER_STATE=new" in after["a/etc/etcd.env"]
    assert b"ETCD_INITIAL_CLUSTER_STATE=existing" in after["d/etc/etcd.env"]
    assert run(out, sites={}).output == "Nothing to do.\n"  # it still is a site that joined


def test_a_file_edited_by_hand_is_overwritten_only_by_force(out: Path):
    edited = out / "a" / "etc" / "nats.conf"
    made = edited.read_text()
    edited.write_text(made + "# mine\n")
    before = contents(out)
    result = run(out, "--site=d=10.0.4.5", sites={})
    assert result.exit_code == 1
    assert str(edited) in result.output
    assert contents(out) == before
    assert run(out, "--force").exit_code == 0
    assert edited.read_text() == made


def test_a_site_moves_only_by_force(out: Path):
    before = contents(out)
    assert "say --force" in run(out, "--site=a=10.9.9.9", sites={}).output
    assert contents(out) == before
    assert run(out, "--site=a=10.9.9.9", "--force", sites={}).exit_code == 0
    assert contents(out)["a/etc/site.pem"] != before["a/etc/site.pem"]
    assert contents(out)["ca/ca.key"] == before["ca/ca.key"]


def test_an_authority_without_its_key_is_not_replaced(out: Path):
    (out / "ca" / "ca.key").unlink()
    result = run(out)
    assert result.exit_code == 1
    assert "ca.key is missing" in result.output


@pytest.mark.parametrize("site", SITES)
def test_a_certificate_is_of_the_authority_and_for_its_site(out: Path, site: str):
    etc = out / site / "etc"
    authority = x509.load_pem_x509_certificate((out / "ca" / "ca.pem").read_bytes())
    certificate = x509.load_pem_x509_certificate((etc / "site.pem").read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(ip) for ip in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {SITES[site], "127.0.0.1"}
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_two_sites_shake_hands_and_a_wrong_address_is_refused(out: Path):
    _shake_hands(out, server="a", client="b", address=SITES["a"])
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(out, server="a", client="b", address=SITES["b"])


def _shake_hands(out: Path, *, server: str, client: str, address: str) -> None:
    """Both with certificates, strictly checked, over memory."""
    sides: list[ssl.SSLObject] = []
    pipes = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    for purpose, name in ((ssl.Purpose.CLIENT_AUTH, server), (ssl.Purpose.SERVER_AUTH, client)):
        etc = out / name / "etc"
        context = ssl.create_default_context(purpose, cafile=str(etc / "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(etc / "site.pem", etc / "site.key")
        is_server = purpose is ssl.Purpose.CLIENT_AUTH
        incoming, outgoing = pipes if is_server else reversed(pipes)
        host = None if is_server else address
        sides.append(context.wrap_bio(incoming, outgoing, is_server, host))
    waiting = [sides[1], sides[0]]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert not waiting


@pytest.mark.parametrize("site", SITES)
def test_every_configuration_is_read_by_whom_it_is_for(out: Path, site: str):
    etc = out / site / "etc"
    patroni = yaml.safe_load((etc / "patroni.yml").read_text())
    assert patroni["name"] == site
    assert patroni["restapi"]["verify_client"] == "required"
    assert all(line.startswith("hostssl ") for line in patroni["postgresql"]["pg_hba"])
    for name in ("nats.conf", "s3.json"):
        json.loads((etc / name).read_text())
    lines = (etc / "etcd.env").read_text().splitlines()
    assert all(line.startswith("ETCD_") and "=" in line for line in lines)
    settings = load_settings({}, {}, etc / "bongsu.toml")
    assert settings.site == site
    assert settings.database_url is not None
    assert settings.database_url.count("@") == 1
    tomllib.loads((etc / "media_keys.toml").read_text())
    # The witness loads the certificates too: from here, not yet from /etc.
    text = (etc / "witness.toml").read_text().replace("/etc/bongsu", str(etc))
    (etc / "here.toml").write_text(text)
    assert witness_config.load(etc / "here.toml").site == site


def test_every_desk_seals_with_the_same_keys_for_good(out: Path):
    """Goal: what one site sealed another opens, today and after sites and keys were added."""
    first = (out / "desk_keys").read_text()
    assert [(out / site / "etc" / "desk_keys").read_text() for site in SITES] == [first] * 3
    assert run(out, "--site=d=10.0.4.5", sites={}).exit_code == 0
    assert (out / "d" / "etc" / "desk_keys").read_text() == first
    rotate = ["desk", "rotate-keys", "--only-add", f"--desk-keys={out / 'desk_keys'}"]
    result = CliRunner().invoke(cli.main, rotate)
    assert result.exit_code == 0, result.output
    assert run(out, sites={}).exit_code == 0
    for site in (*SITES, "d"):
        keys = out / site / "etc" / "desk_keys"
        assert keys.read_text().startswith(first)
        assert len(keys.read_text().split()) == 2
        load_file_keys(keys, is_shared=True)


def test_a_damaged_key_file_of_the_desks_is_not_replaced(out: Path):
    (out / "desk_keys").write_text("no key\n")
    result = run(out)
    assert result.exit_code == 1
    assert "is no key file" in result.output


def test_a_desk_of_several_sites_makes_no_keys_of_its_own(tmp_path: Path):
    with pytest.raises(OperatorError, match="copy it from another site"):
        load_file_keys(tmp_path / "keys", is_shared=True)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("site", SITES)
def test_the_desks_configuration_is_read_by_the_desk(out: Path, site: str):
    urls = ["--desk-public-url=https://desk.example.net", "--public-site-url=https://{site}.org"]
    assert run(out, *urls, sites={}).exit_code == 0
    etc = out / site / "etc"
    settings = load_settings({}, {}, etc / "desk.toml")
    node = load_settings({}, {}, etc / "bongsu.toml")
    assert settings.desk_listen.endswith(":8009")
    assert not node.has_desk
    assert node.told_desk_url == settings.desk_url == "https://desk.example.net"
    assert settings.desk_keys == Path("/etc/bongsu/desk_keys")
    assert settings.desk_data == Path("/var/lib/bongsu/desk")
    assert settings.replica_url == node.replica_url
    assert {"https://a.org", "https://b.org", "https://c.org"} < settings.desk_origins
    assert set(settings.desk_probe_networks) > {"10.0.1.5/32", "10.0.2.5/32", "fd00::5/128"}


@pytest.mark.parametrize("site", SITES)
def test_programs_are_sound_shell_and_units_name_what_exists(out: Path, site: str):
    for path in files(out / site / "etc"):
        if path.read_bytes().startswith(b"#!"):
            subprocess.run(["sh", "-n", str(path)], check=True)
    for unit in (out / site / "systemd").iterdir():
        sections = _sections(unit.read_text())
        assert sections["Unit"]["Description"]
        if unit.suffix == ".service":
            assert sections["Service"]["User"] == "bongsu"
            command = sections["Service"]["ExecStart"]
            assert command.startswith("/")
            assert "%" not in command  # systemd would take it for a specifier
            for word in command.split():
                if word.startswith("/etc/bongsu/"):
                    assert (out / site / "etc" / word.removeprefix("/etc/bongsu/")).exists()


def _sections(text: str) -> dict[str, dict[str, str]]:
    """A unit's settings by section; the last of a repeated one."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line:
            name, equals, value = line.partition("=")
            assert equals, line
            assert name.isalpha(), line
            current[name] = value
    return sections


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"sites": {"a": "10.0.0.1", "b": "10.0.0.2"}}, "3 to 7"),
        ({"sites": {**SITES, "c": "db.example.org"}}, "no IP address"),
        ({"sites": {**SITES, "c": "10.0.1.5"}}, "the same address"),
        ({"sites": {**SITES, "C d": "10.0.1.6"}}, "no name"),
        ({"etc": "/etc/bon gsu"}, "no absolute path"),
        ({"server_name": "a b"}, "no server name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_description_is_refused(change: dict[str, object], complaint: str):
    with pytest.raises(OperatorError, match=complaint):
        describe({"sites": SITES, "server_name": "example.org", **change})
