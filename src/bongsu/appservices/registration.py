"""What a registration file holds, checked. Spec: Application Service API, "Registration"."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bongsu import ids
from bongsu.errors import OperatorError

ID_CHARACTERS_MAX = 255
REGEX_CHARACTERS_MAX = 4096
PROTOCOL_CHARACTERS_MAX = 255

_TOKEN = re.compile(r"[\x21-\x7e]{1,256}\Z")  # what an Authorization header may hold
_ROOT = re.compile(r"`\$\.?(.*)`")


class Namespace(msgspec.Struct, frozen=True):
    """Names that a regular expression matches from their beginning, as other servers do it."""

    regex: str
    exclusive: bool


class NamespaceLists(msgspec.Struct, frozen=True):
    users: list[Namespace] = []
    aliases: list[Namespace] = []
    rooms: list[Namespace] = []


class Registration(msgspec.Struct, frozen=True):
    """One application service. `url` None: it is told nothing.

    `receive_ephemeral` and `device_changes` had other names before the spec took them up.
    """

    id: str
    url: str | None
    as_token: str
    hs_token: str
    sender_localpart: str
    namespaces: NamespaceLists
    rate_limited: bool = True
    protocols: list[str] = []
    receive_ephemeral: bool = False
    push_ephemeral: bool = msgspec.field(default=False, name="de.sorunome.msc2409.push_ephemeral")
    device_changes: bool = msgspec.field(default=False, name="org.matrix.msc3202")

    @property
    def wants_ephemeral(self) -> bool:
        return self.receive_ephemeral or self.push_ephemeral


def parse(where: str, document: Any, server_name: str) -> Registration:
    """The registration in a decoded file. `OperatorError` names the file `where` and the field."""
    try:
        found = msgspec.convert(document, Registration)
    except msgspec.ValidationError as error:
        told = _ROOT.sub(lambda at: f"field {at[1]}" if at[1] else "the file", str(error))
        raise OperatorError(f"{where}: {told}") from None
    for field, complaint in _complaints(found, server_name):
        raise OperatorError(f"{where}: field {field}: {complaint}")
    return found


def check_unique(named: Sequence[tuple[str, Registration]]) -> None:
    """`OperatorError` if two of (file, registration) share what tells services apart."""
    fields: dict[str, Callable[[Registration], str]] = {
        "id": lambda each: each.id,
        "as_token": lambda each: each.as_token,
        "sender_localpart": lambda each: each.sender_localpart,
    }
    for field, value_of in fields.items():
        files: dict[str, str] = {}
        for where, each in named:
            other = files.setdefault(value_of(each), where)
            if other is not where:
                raise OperatorError(f"{where}: field {field}: the same as in {other}")


def _complaints(found: Registration, server_name: str) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it)."""
    if not 0 < len(found.id) <= ID_CHARACTERS_MAX or not found.id.isprintable():
        yield "id", f"must be 1 to {ID_CHARACTERS_MAX} printable characters"
    if found.url is not None and not _is_url(found.url):
        yield "url", "must be http://… or https://… without a query, or null"
    for field in ("as_token", "hs_token"):
        if not _TOKEN.match(getattr(found, field)):
            yield field, "must be 1 to 256 visible ASCII characters"
    sender = f"@{found.sender_localpart}:{server_name}"
    if not found.sender_localpart or not ids.is_user_id(sender):
        yield "sender_localpart", "cannot be the localpart of a user id"
    for kind in ("users", "aliases", "rooms"):
        listed: list[Namespace] = getattr(found.namespaces, kind)
        for index, each in enumerate(listed):
            complaint = _regex_complaint(each.regex)
            if complaint:
                yield f"namespaces.{kind}[{index}].regex", complaint
    for index, protocol in enumerate(found.protocols):
        if not 0 < len(protocol) <= PROTOCOL_CHARACTERS_MAX or "\x00" in protocol:
            yield f"protocols[{index}]", "is empty, too long or holds a NUL"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    is_plain = not (parts.query or parts.fragment or parts.username)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain and port != 0


def _regex_complaint(text: str) -> str | None:
    if len(text) > REGEX_CHARACTERS_MAX:
        return f"longer than {REGEX_CHARACTERS_MAX} characters"
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return f"no regular expression ({error})"
    return None
