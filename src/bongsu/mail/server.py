"""The operator's mail server, as the settings name it."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bongsu.errors import OperatorError

PORTS = {"smtp": 587, "smtps": 465}
PASSWORD_BYTES_MAX = 1024


@dataclass(frozen=True)
class MailServer:
    """`smtps` speaks TLS from the first byte. `smtp` turns to TLS when it is offered, and must
    do so before a password is sent, but for a server on this machine, which is spoken to plainly.
    """

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None = field(repr=False)

    @property
    def starts_tls(self) -> bool | None:
        """For `smtp`: True must, None may, False never."""
        if self.tls or _is_here(self.host):
            return False
        return True if self.username else None


def parse_smtp_url(url: str, password_file: Path | None = None) -> MailServer:
    """`smtp[s]://[user[:password]@]host[:port]`; `OperatorError` if it is none.

    Percent-encoding in user and password is undone; a password in a file is taken as it is.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise OperatorError("smtp_url: not smtp://user:password@host:port or smtps://…")
    return MailServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        username=unquote(parts.username) if parts.username else None,
        password=_read(password_file) if password_file else unquote(parts.password or ""),
    )


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:PASSWORD_BYTES_MAX].decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"smtp_password_file: {path} cannot be read ({error})") from None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
