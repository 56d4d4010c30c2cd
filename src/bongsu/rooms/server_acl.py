"""Which servers a room lets take part. Spec: m.room.server_acl.

Nothing here is part of the authorisation rules: it is for the door to other servers, and for
keeping somebody from locking this server out of its own room.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from ipaddress import ip_address
from typing import Any, cast

from bongsu.errors import BadJson

_PORT = re.compile(r":[0-9]{1,5}\Z")


class ServerAcl:
    """The parsed content of m.room.server_acl. Of any shape: what is malformed counts as absent."""

    __slots__ = ("_allow", "_allow_ip_literals", "_deny")

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._allow_ip_literals = content.get("allow_ip_literals") is not False
        self._allow = _globs(_strings(content.get("allow")))
        self._deny = _globs(_strings(content.get("deny")))

    def is_allowed(self, server_name: str) -> bool:
        """Whether the server may take part in the room. A port in its name is not looked at."""
        host = _PORT.sub("", server_name).lower()
        if not self._allow_ip_literals and _is_ip_literal(host):
            return False
        return not self._deny.match(host) and self._allow.match(host) is not None


def check_server_acl(content: Mapping[str, Any], own_server_name: str) -> None:
    """Raise `BadJson` if `content` is malformed, or would shut this server out of the room."""
    if not isinstance(content.get("allow_ip_literals", True), bool):
        raise BadJson("allow_ip_literals is neither true nor false")
    for name in ("allow", "deny"):
        globs = content.get(name, [])
        if not isinstance(globs, list) or len(_strings(globs)) != len(cast("list[Any]", globs)):
            raise BadJson(f"{name} is not an array of strings")
    if not ServerAcl(content).is_allowed(own_server_name):
        raise BadJson("This server ACL would shut out the server you are using")


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    return [item for item in cast("list[Any]", value) if isinstance(item, str)]


def _globs(globs: Iterable[str]) -> re.Pattern[str]:
    """One expression for all the globs, which know `*` and `?` but no `[...]`."""
    literal_brackets = (glob.lower().replace("[", "[[]") for glob in globs)
    return re.compile("|".join(map(translate, literal_brackets)) or r"(?!)")


def _is_ip_literal(host: str) -> bool:
    try:
        ip_address(host[1:-1] if host.startswith("[") else host)
    except ValueError:
        return False
    return True
