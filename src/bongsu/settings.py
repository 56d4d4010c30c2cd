"""What an operator may choose, with its meaning and default: one frozen value, made at the start.

`settings_sources` reads it from a TOML file, the environment and flags; the three use the names of
the fields below: `listen` in the file, `BONGSU_LISTEN` in the environment, `--listen` as a flag.
"""

import ipaddress
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bongsu.errors import OperatorError
from bongsu.ids import is_room_id, is_server_name

LOOPBACK_NAMES = ("localhost", "ip6-localhost")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
PROCESSES_MAX = 64
UPLOAD_BYTES_MAX = 4 * 1024**3
MEMORY_MB_MIN = 16
DESK_LISTEN = "127.0.0.1:8009"
DESK_OFF = "off"
WORK_BITS_MAX = 28
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")  # as browsers write it: in small letters
_NETWORKS = (
    "trusted_proxies", "outgoing_allowed_networks", "desk_probe_networks", "desk_metrics_networks",
)  # fmt: skip
SUPPORT_ROLES = ("admin", "security", "moderator", "dpo")


def _setting(
    default: Any, meaning: str, *, choices: tuple[str, ...] = (), secret: bool = False
) -> Any:
    metadata = {"meaning": meaning, "choices": choices, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Checked on construction: `OperatorError` says which setting is wrong, and why."""

    listen: str = _setting("127.0.0.1:8008", "Address and port for clients, host:port.")
    data: Path = _setting(  # noqa: RUF009  # a path is immutable
        Path("data"), "Folder for the database, media and keys."
    )
    server_name: str = _setting(
        "localhost", "The part after the colon in @user:server_name. Never changes later."
    )
    public_base_url: str | None = _setting(
        None, "URL by which clients reach this server; http://LISTEN without one."
    )
    database_url: str | None = _setting(
        None, "An existing PostgreSQL 16+ instead of the embedded one.", secret=True
    )
    nats_url: str | None = _setting(
        None, "An existing NATS instead of the one that --processes starts.", secret=True
    )
    site: str = _setting("", "Name of this data centre, where there are several.")
    replica_url: str | None = _setting(
        None, "This site's own PostgreSQL server, one of those in database_url.", secret=True
    )
    media_stores: tuple[str, ...] = _setting(
        (), "S3 stores by site, SITE=http://host:port/bucket each; files in DATA without any."
    )
    media_keys: Path | None = _setting(  # noqa: RUF009  # None is immutable
        None, "TOML file with access_key and secret_key of the media stores."
    )
    processes: int = _setting(1, "Server processes that share the port and the partitions.")
    registration: str = _setting(
        "", "Who may register; open on loopback, else closed.", choices=("open", "token", "closed")
    )
    registration_tokens: tuple[str, ...] = _setting(
        (), "Tokens that let people register with registration=token.", secret=True
    )
    registration_shared_secret: str | None = _setting(
        None, "Secret by which tools make accounts (/_synapse/admin/v1/register).", secret=True
    )
    registration_shared_secret_file: Path | None = _setting(  # noqa: RUF009  # None is immutable
        None, "File with that secret, instead of registration_shared_secret."
    )
    guests: bool = _setting(False, "Whether guests without an account may look in.")
    rate_limits: bool = _setting(True, "Limits per user and address; off only for tests.")
    appservices: tuple[str, ...] = _setting(
        (), "Registration files (YAML) of application services: bridges and bots."
    )
    default_room_version: str = _setting("12", "Version of new rooms.", choices=("10", "11", "12"))
    enable_presence: bool = _setting(True, "Whether people see who is online.")
    max_upload_bytes: int = _setting(100 * 1024**2, "Largest media upload.")
    email_reveals_accounts: bool = _setting(
        False, "Tell who asks whether an e-mail address has an account here."
    )
    url_previews: bool = _setting(True, "Whether this server looks at links for its people.")
    url_preview_blocklist: tuple[str, ...] = _setting(
        (), "Links that are not looked at: patterns such as *.example.org or https://x.org/a/*."
    )
    support_contacts: tuple[str, ...] = _setting(
        (), "Whom people may ask, ROLE=ADDRESS each: admin or security, an e-mail or a user id."
    )
    support_page: str | None = _setting(None, "URL of a page that helps people.")
    web_client: str = _setting(
        "", "Folder of the browser client served at /, or off; the built-in one if empty."
    )
    client_sites: tuple[str, ...] = _setting(
        (),
        "Where clients reach each data centre, SITE=https://host each; the browser client moves "
        "to another one when its own falls silent.",
    )
    client_desks: tuple[str, ...] = _setting(
        (), "Origins of the other sites' desks, where each has its own; else a page that has moved "
        "to another site may not speak to the desk there.",
    )  # fmt: skip
    monitoring_listen: str | None = _setting(
        None,
        "Another address for /health, /ready and /metrics alone; each further one of several "
        "processes takes the next port.",
    )
    access_token_in_query: bool = _setting(
        True, "Accept ?access_token=, which the spec still demands; headers are safer."
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Addresses or networks whose X-Forwarded-For is believed."
    )
    outgoing_allowed_networks: tuple[str, ...] = _setting(
        (), "Private networks that push gateways and previewed links may lie in; none by default."
    )
    smtp_url: str | None = _setting(
        None, "Mail server, smtp[s]://user:password@host:port; no e-mail without one.", secret=True
    )
    smtp_password_file: Path | None = _setting(  # noqa: RUF009  # None is immutable
        None, "File with the password for smtp_url, instead of in it."
    )
    smtp_from: str | None = _setting(None, "Sender of e-mail, such as Bongsu <chat@example.org>.")
    desk_listen: str = _setting(
        "",
        "Address and port of the desk, or off; 127.0.0.1:8009, but off at one of several sites, "
        "where `bongsu desk` runs by itself.",
    )
    desk_public_url: str | None = _setting(
        None, "URL by which people reach the desk; http://DESK_LISTEN without one."
    )
    desk_client_origins: tuple[str, ...] = _setting(
        (), "Origins, such as https://chat.example.org, whose pages may list reports for their "
        "people; that of PUBLIC_BASE_URL always.",
    )  # fmt: skip
    desk_title: str = _setting("", "Name of the service on the desk's pages; SERVER_NAME if empty.")
    desk_time_zone: str = _setting("Asia/Seoul", "Time zone in which the desk shows times.")
    desk_keys: Path | None = _setting(  # noqa: RUF009  # None is immutable
        None, "File with the keys that seal personal data; DATA/desk/keys. The same at every site."
    )
    desk_probe_networks: tuple[str, ...] = _setting(
        ("127.0.0.0/8", "::1/128"),
        "Private networks in which the desk may ask services for their health.",
    )
    desk_metrics_networks: tuple[str, ...] = _setting(
        ("127.0.0.0/8", "::1/128"),
        "From where the desk's /metrics may be asked, directly and through no proxy.",
    )
    desk_copy: Path | None = _setting(  # noqa: RUF009  # None is immutable
        None, "Folder with a copy of the public notices, for any web server; DATA/desk/public."
    )
    desk_copy_store: str | None = _setting(
        None, "S3 bucket that gets the copy too, http[s]://host/bucket."
    )
    desk_copy_keys: Path | None = _setting(  # noqa: RUF009  # None is immutable
        None, "TOML file with access_key and secret_key of that bucket."
    )
    desk_room: str | None = _setting(None, "Room of the messenger that gets every notice, !id.")
    desk_room_token_file: Path | None = _setting(  # noqa: RUF009  # None is immutable
        None, "File with the access token of the user who writes there."
    )
    desk_proof_of_work: int = _setting(
        0, "Bits of work that a browser does before a public form is taken; 18 under attack."
    )
    desk_spool_mb: int = _setting(
        2048, "Disk for damage reports that wait for the database; when full, people are told."
    )
    desk_payer_name: str = _setting(
        "", "Who pays compensation, as banks know it; DESK_TITLE if empty."
    )
    desk_payer_bank: str = _setting("", "The payer's bank: its BIC, or its name.")
    desk_payer_account: str = _setting("", "The account that pays: IBAN or number.")
    desk_retention_days: int = _setting(
        1095, "Days after the last change of a report until what is personal in it is erased."
    )
    desk_scan_command: str | None = _setting(
        None, "Malware scanner: gets an evidence file on its input, exits 0 if clean, 1 if not."
    )
    desk_files_url: str | None = _setting(
        None, "URL of the desk on an origin of its own, from which evidence files are downloaded."
    )
    log_format: str = _setting("console", "How log lines look.", choices=("console", "json"))
    log_level: str = _setting(
        "info", "Least level that is logged.", choices=("debug", "info", "warning", "error")
    )
    database_connections: int = _setting(10, "Pooled database connections of one process.")
    postgres_memory_mb: int = _setting(256, "shared_buffers of the embedded PostgreSQL.")
    postgres_connections_max: int = _setting(200, "max_connections of the embedded PostgreSQL.")

    def __post_init__(self) -> None:
        host, _ = split_listen(self.listen)
        object.__setattr__(self, "data", self.data.absolute())
        if not self.registration:
            object.__setattr__(self, "registration", "open" if is_loopback(host) else "closed")
        if self.monitoring_listen is not None:
            split_listen(self.monitoring_listen, "monitoring_listen")
        if not is_server_name(self.server_name):
            raise OperatorError(f"server_name: {self.server_name!r} is no server name")
        if self.registration == "token" and not self.registration_tokens:
            raise OperatorError("registration_tokens: registration=token needs at least one")
        if self.smtp_url is not None and "@" not in (self.smtp_from or ""):
            raise OperatorError("smtp_from: smtp_url needs an address that e-mail is from")
        self._check_site()
        self._check_desk()
        self._check_numbers()
        for contact in self.support_contacts:
            role, _, address = contact.partition("=")
            if role not in SUPPORT_ROLES or "@" not in address:
                raise OperatorError(f"support_contacts: {contact!r} is not ROLE=ADDRESS")
        for name in _NETWORKS:
            for network in getattr(self, name):
                _check_network(name, network)

    @property
    def listen_host(self) -> str:
        return split_listen(self.listen)[0]

    @property
    def listen_port(self) -> int:
        """0: the kernel chooses."""
        return split_listen(self.listen)[1]

    @property
    def base_url(self) -> str:
        """URL for clients, without a slash at its end."""
        return _public_url(self.public_base_url, self.listen)

    @property
    def has_desk(self) -> bool:
        """Whether `bongsu serve` runs the desk too."""
        return self.desk_listen != DESK_OFF

    @property
    def desk_url(self) -> str:
        """URL of the desk for people, without a slash at its end."""
        return _public_url(self.desk_public_url, self.desk_listen)

    @property
    def told_desk_url(self) -> str | None:
        """The same for the messenger's clients, if there is a desk that they can find."""
        if self.desk_public_url is not None:
            return self.desk_url
        return self.desk_url if self.has_desk and not self.desk_listen.endswith(":0") else None

    @property
    def desks_of_pages(self) -> tuple[str, ...]:
        """The desks that a page of the browser client may speak to, wherever it moves."""
        own = (self.desk_url,) if self.has_desk or self.desk_public_url else ()
        return (*own, *self.client_desks)

    @property
    def desk_origins(self) -> frozenset[str]:
        """Origins of browser clients that the desk answers; this machine by any of its names."""
        own = urlsplit(self.base_url)
        hosts = LOOPBACK_HOSTS if is_loopback(own.hostname or "") else {own.netloc.lower()}
        port = f":{own.port}" if hosts is LOOPBACK_HOSTS and own.port else ""
        return frozenset({*self.desk_client_origins, *(f"{own.scheme}://{h}{port}" for h in hosts)})

    @property
    def desk_data(self) -> Path:
        """What the desk keeps on this machine."""
        return self.data / "desk"

    @property
    def support(self) -> dict[str, Any]:
        """What /.well-known/matrix/support answers; empty if nobody is named."""
        contacts: list[dict[str, str]] = []
        for contact in self.support_contacts:
            role, _, address = contact.partition("=")
            kind = "matrix_id" if address.startswith("@") else "email_address"
            contacts.append({"role": f"m.role.{role}", kind: address})
        page = {"support_page": self.support_page} if self.support_page else {}
        return {**({"contacts": contacts} if contacts else {}), **page}

    @property
    def client_site_urls(self) -> dict[str, str]:
        """The origin of each data centre for clients, by its name, in the order that was told."""
        return dict(site.split("=", 1) for site in self.client_sites)

    def of_process(self, number: int) -> "Settings":
        """The settings of one of several processes, counted from 0: each is monitored by itself."""
        if self.monitoring_listen is None:
            return self
        host, _, port = self.monitoring_listen.rpartition(":")
        return replace(self, monitoring_listen=f"{host}:{int(port) + number}")

    def _check_site(self) -> None:
        """A site needs all that joins it to the others; without one nothing of it has a meaning."""
        if bool(self.site) != bool(self.replica_url):
            raise OperatorError("site: needs replica_url, and the other way round")
        if self.site and not (self.database_url and self.nats_url):
            raise OperatorError("site: needs database_url and nats_url, engines of all the sites")
        for store in self.media_stores:
            name, equals, url = store.partition("=")
            if not (name and equals and url.startswith(("http://", "https://"))):
                raise OperatorError(f"media_stores: {store!r} is not SITE=http://host:port/bucket")

        for site in self.client_sites:
            name, _, origin = site.partition("=")
            if not (name and _ORIGIN.fullmatch(origin)):
                raise OperatorError(f"client_sites: {site!r} is not SITE=https://host[:port]")

    def _check_desk(self) -> None:
        if not self.desk_listen:
            object.__setattr__(self, "desk_listen", DESK_OFF if self.site else DESK_LISTEN)
        if self.has_desk:
            split_listen(self.desk_listen, "desk_listen")
        if bool(self.desk_room) != bool(self.desk_room_token_file):
            raise OperatorError("desk_room: needs desk_room_token_file, and the other way round")
        if self.desk_room and not is_room_id(self.desk_room):
            raise OperatorError(f"desk_room: {self.desk_room!r} is no room id, such as !abc:server")
        for name in ("desk_public_url", "desk_files_url", "desk_copy_store"):
            url = getattr(self, name)
            if url and not url.startswith(("http://", "https://")):
                raise OperatorError(f"{name}: {url!r} is no URL")
        for name in ("desk_client_origins", "client_desks"):
            for origin in getattr(self, name):
                if not _ORIGIN.fullmatch(origin):
                    raise OperatorError(
                        f"{name}: {origin!r} is no origin, such as https://chat.example.org"
                    )
        try:
            ZoneInfo(self.desk_time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise OperatorError(f"desk_time_zone: {self.desk_time_zone!r} is unknown") from None

    def _check_numbers(self) -> None:
        for name, least, most in (
            ("processes", 1, PROCESSES_MAX),
            ("max_upload_bytes", 1, UPLOAD_BYTES_MAX),
            ("database_connections", 2, 1000),
            ("postgres_memory_mb", MEMORY_MB_MIN, 1024 * 1024),
            ("postgres_connections_max", 20, 10_000),
            ("desk_proof_of_work", 0, WORK_BITS_MAX),
            ("desk_spool_mb", 1, 1024 * 1024),
            ("desk_retention_days", 1, 36_500),
        ):
            if not least <= getattr(self, name) <= most:
                raise OperatorError(f"{name}: must be between {least} and {most}")


def _public_url(told: str | None, listen: str) -> str:
    """Without a slash at its end. Where nothing is told, this machine's own address."""
    if told is not None:
        return told.rstrip("/")
    host, port = split_listen(listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def split_listen(listen: str, name: str = "listen") -> tuple[str, int]:
    """`host:port` or `[v6]:port` as host and port; `OperatorError` if it is neither."""
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise OperatorError(f"{name}: {listen!r} is not host:port, such as 127.0.0.1:8008")
    if ":" in host and not bracketed:
        raise OperatorError(f"{name}: write an IPv6 address in brackets, such as [{host}]:{port}")
    return (host[1:-1] if bracketed else host), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES


def _check_network(name: str, text: str) -> None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise OperatorError(f"{name}: {text!r} is no address or network") from None
