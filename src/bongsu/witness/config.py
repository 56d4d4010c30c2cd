"""The witness' settings: one TOML file, the same for the service and the pre_promote hook."""

import ssl
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bongsu.errors import OperatorError
from bongsu.witness.model import Address

SILENCE_SECONDS_MIN = 0.5


class Postgres(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A superuser of every site's PostgreSQL. `socket`: folder of the own server's socket."""

    user: str = "postgres"
    password: str = ""
    database: str = "postgres"
    socket: str = ""


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files for https:// endpoints and for PostgreSQL; without `ca` the system's authorities."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a site's PostgreSQL (host:port) and Patroni's REST (URL) are reached."""

    postgres: str
    patroni: str


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    site: str
    scope: str
    etcd: list[str]
    sites: dict[str, Site]
    namespace: str = "/service"
    listen: str = "127.0.0.1:9470"
    silence_seconds: float = 2.0
    cut: list[str] = msgspec.field(default_factory=list[str])
    uncut: list[str] = msgspec.field(default_factory=list[str])
    postgres: Postgres = Postgres()
    tls: Tls | None = None


@dataclass(frozen=True)
class Config:
    """The settings, checked. `cut` and `uncut` are command lines with {host}, {port} and
    {patroni_port} for those of the silent primary; none: not wanted."""

    site: str
    scope: str
    namespace: str
    etcd: tuple[str, ...]
    postgres: dict[str, Address]
    patroni: dict[str, str]
    login: Postgres
    listen: Address | None = None
    silence_seconds: float = 2.0
    cut: tuple[str, ...] = ()
    uncut: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = field(default=None, compare=False)


def load(path: Path) -> Config:
    """Read and check `path`; `OperatorError` says what is wrong with it."""
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text())
        return _checked(msgspec.convert(document, File))
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        raise OperatorError(f"{path}: {error}") from None


def _checked(file: File) -> Config:
    if file.site not in file.sites:
        raise ValueError(f"site {file.site!r} is not among [sites]")
    if len(file.sites) < 3:
        raise ValueError("fewer than three sites: no majority could outvote a lost one")
    if not file.etcd:
        raise ValueError("etcd names no endpoint")
    if file.silence_seconds < SILENCE_SECONDS_MIN:
        raise ValueError(f"silence_seconds is less than {SILENCE_SECONDS_MIN}")
    return Config(
        site=file.site,
        scope=file.scope,
        namespace=file.namespace,
        etcd=tuple(url.rstrip("/") for url in file.etcd),
        postgres={name: address(site.postgres) for name, site in file.sites.items()},
        patroni={name: site.patroni.rstrip("/") for name, site in file.sites.items()},
        login=file.postgres,
        listen=address(file.listen) if file.listen else None,
        silence_seconds=file.silence_seconds,
        cut=tuple(file.cut),
        uncut=tuple(file.uncut),
        tls=_context(file.tls) if file.tls else None,
    )


def address(text: str) -> Address:
    """host:port, [v6]:port, or a URL with both; `ValueError` otherwise."""
    parts = urlsplit(text if "//" in text else f"//{text}")
    if not parts.hostname or parts.port is None:
        raise ValueError(f"{text!r} is not host:port")
    return parts.hostname, parts.port


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca or None)
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key or None)
    return context
