"""Which sites there are and where their files lie; kept as `sites.toml` beside what is made."""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bongsu.errors import OperatorError
from bongsu.ids import is_server_name
from bongsu.lab.component import toml
from bongsu.lab.topology import SITES_MAX, SITES_MIN

FILE_NAME = "sites.toml"
SITE_PLACE = "{site}"  # in a folder: the site's name
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`sites` maps a name to an IP address. Folders are those on the sites' machines.

    `public_site_url` is where clients reach one site, with `{site}` in it for its name.

    `joined` names the sites whose etcd joined the running others: all but the first ones.

    PostgreSQL must be a build with TLS, which the Python wheel's is not: hence `postgres_bin`.
    """

    sites: dict[str, str]
    server_name: str
    public_base_url: str = ""
    public_site_url: str = ""
    desk_public_url: str = ""
    etc: str = "/etc/bongsu"
    data: str = "/var/lib/bongsu"
    backup: str = "/var/backups/bongsu"
    venv: str = "/opt/bongsu"
    postgres_bin: str = "/usr/lib/postgresql/18/bin"
    postgres_memory_mb: int = 1024
    account: str = "bongsu"
    joined: list[str] = []

    def __post_init__(self) -> None:
        if not SITES_MIN <= len(self.sites) <= SITES_MAX:
            raise OperatorError(
                f"sites: {len(self.sites)} given, there must be {SITES_MIN} to {SITES_MAX}: "
                "fewer have no majority without one of them"
            )
        for name, address in self.sites.items():
            _check_site(name, address)
        if len(set(self.sites.values())) < len(self.sites):
            raise OperatorError("sites: two of them have the same address")
        if not is_server_name(self.server_name):
            raise OperatorError(f"server_name: {self.server_name!r} is no server name")
        if self.public_site_url and SITE_PLACE not in self.public_site_url:
            raise OperatorError(
                f"public_site_url: {self.public_site_url!r} is the same for every site: "
                f"write {SITE_PLACE} where its name goes"
            )
        if unknown := set(self.joined) - set(self.sites):
            raise OperatorError(f"joined: there is no site {', '.join(sorted(unknown))}")
        for name in ("etc", "data", "backup", "venv", "postgres_bin"):
            _check_folder(name, getattr(self, name))

    def site(self, name: str) -> "Site":
        return Site(self, name)

    def own_first(self, name: str) -> list["Site"]:
        """All sites, that one first."""
        return [self.site(name), *(self.site(each) for each in self.sites if each != name)]

    def as_toml(self) -> str:
        values: dict[str, Any] = msgspec.to_builtins(self)
        return toml(values, {"sites": values.pop("sites")})


class Site:
    """One site of a description. Folders are those on its machine."""

    def __init__(self, description: Description, name: str) -> None:
        self.name = name
        self.all = description
        self.ip = description.sites[name]
        self.host = f"[{self.ip}]" if ":" in self.ip else self.ip
        self.etc = Path(description.etc.replace(SITE_PLACE, name))
        self.data = Path(description.data.replace(SITE_PLACE, name))
        self.backup = Path(description.backup.replace(SITE_PLACE, name))
        self.venv = Path(description.venv)
        self.postgres_bin = Path(description.postgres_bin)
        self.ca = self.etc / "ca.pem"
        self.certificate = self.etc / "site.pem"
        self.key = self.etc / "site.key"

    @property
    def own_first(self) -> list["Site"]:
        return self.all.own_first(self.name)

    @property
    def network(self) -> str:
        """Itself alone, as pg_hba.conf has it."""
        return f"{self.ip}/{128 if ':' in self.ip else 32}"

    def url(self, port: int, scheme: str = "https") -> str:
        return f"{scheme}://{self.host}:{port}"


def load(path: Path) -> dict[str, Any]:
    """What `path` says, unchecked; nothing if there is no such file."""
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OperatorError(f"{path}: {error}") from None


def describe(*layers: Mapping[str, Any]) -> Description:
    """The description that the layers give together, the later one over the earlier."""
    values: dict[str, Any] = {}
    sites: dict[str, Any] = {}
    for layer in layers:
        sites |= layer.get("sites", {})
        values |= layer
    try:
        return msgspec.convert(values | {"sites": sites}, Description)
    except msgspec.ValidationError as error:
        missing = "`server_name`" in str(error) and "missing" in str(error)
        hint = ": give --server-name" if missing else ""
        raise OperatorError(f"sites: {error}{hint}") from None


def _check_site(name: str, address: str) -> None:
    if not _NAME.match(name):
        raise OperatorError(f"sites: {name!r} is no name: use a-z, 0-9 and -, at most 31")
    try:
        is_fit = not ipaddress.ip_address(address).is_unspecified
    except ValueError:
        is_fit = False
    if not is_fit:
        raise OperatorError(
            f"sites: {name}={address!r} is no IP address (names are no help when DNS is down)"
        )


def _check_folder(name: str, path: str) -> None:
    """Absolute, and of characters that no unit, shell or configuration takes for its own."""
    if not re.fullmatch(r"/[A-Za-z0-9._/{}-]+", path):
        raise OperatorError(f"{name}: {path!r} is no absolute path of letters, digits, . _ / -")
