"""The witness' settings: one TOML file, the same for the service and the pre_promote hook."""

import ssl
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from bongsu.errors import OperatorError
from bongsu.witness.model import Address

SILENCE_SECONDS_MIN = 0.5


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files for https:// endpoints and for PostgreSQL; without `ca` the system's authorities."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True)
class Login:
    """A superuser, the same at every site, and where the own server is (a socket's folder too)."""

    user: str
    password: str | None
    database: str
    host: str
    port: int


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is written. A site's name is that of its Patroni member.

    `patroni` and `postgres` hold, by site, the URL of the REST interface and host:port as Patroni's
    connect_address has it; `superuser_dsn` leads to the own server and holds for all.
    """

    site: str
    scope: str
    etcd: list[str]
    patroni: dict[str, str]
    postgres: dict[str, str]
    superuser_dsn: str
    namespace: str = "/service"
    listen: str = "127.0.0.1:9470"
    silence_seconds: float = 1.5
    tls: Tls | None = None


@dataclass(frozen=True)
class Config:
    """The settings, checked."""

    site: str
    scope: str
    namespace: str
    etcd: tuple[str, ...]
    postgres: dict[str, Address]
    patroni: dict[str, str]
    login: Login
    listen: Address | None = None
    silence_seconds: float = 1.5
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
    if file.site not in file.postgres or file.postgres.keys() != file.patroni.keys():
        raise ValueError(
            f"[postgres] and [patroni] must name the same sites, {file.site} among them"
        )
    if len(file.postgres) < 3:
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
        postgres={site: address(text) for site, text in file.postgres.items()},
        patroni={site: url.rstrip("/") for site, url in file.patroni.items()},
        login=_login(file.superuser_dsn),
        listen=address(file.listen) if file.listen else None,
        silence_seconds=file.silence_seconds,
        tls=_context(file.tls) if file.tls else None,
    )


def address(text: str) -> Address:
    """host:port, [v6]:port, or a URL with both; `ValueError` otherwise."""
    parts = urlsplit(text if "//" in text else f"//{text}")
    if not parts.hostname or parts.port is None:
        raise ValueError(f"{text!r} is not host:port")
    return parts.hostname, parts.port


def _login(dsn: str) -> Login:
    parts = urlsplit(dsn)
    if parts.scheme not in ("postgresql", "postgres") or not parts.username:
        raise ValueError("superuser_dsn is not postgresql://user:password@host:port/database")
    folder = parse_qs(parts.query).get("host", [""])[0]
    password = unquote(parts.password) if parts.password else None
    database = parts.path.lstrip("/") or "postgres"
    host, port = folder or parts.hostname or "127.0.0.1", parts.port or 5432
    return Login(unquote(parts.username), password, database, host, port)


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca or None)
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key or None)
    return context
