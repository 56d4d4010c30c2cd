"""Whose names are whose: the namespaces of one application service."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from bongsu.appservices.registration import Namespace, Registration
from bongsu.ids import ID_BYTES_MAX, UserId, domain_of

VERDICTS_KEPT = 50_000  # by namespace list


class Names:
    """Names of one kind. A verdict is remembered: the same ghosts speak all day.

    The expressions are the operator's, and trusted not to run wild on a name's 255 characters.
    """

    def __init__(self, namespaces: Sequence[Namespace]) -> None:
        self._patterns = [(re.compile(each.regex), each.exclusive) for each in namespaces]
        self._verdict = lru_cache(VERDICTS_KEPT)(self._look)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, name: str) -> bool:
        return self._verdict(name)[0]

    def is_exclusive(self, name: str) -> bool:
        return self._verdict(name)[1]

    def match_any(self, names: Iterable[str]) -> bool:
        return any(self.match(name) for name in names)

    def _look(self, name: str) -> tuple[bool, bool]:
        """Whether `name` is in a namespace, and whether in an exclusive one."""
        if not self._patterns or len(name) > ID_BYTES_MAX:
            return False, False
        found = [exclusive for pattern, exclusive in self._patterns if pattern.match(name)]
        return bool(found), any(found)


class Service:
    """One application service: its registration and its names."""

    def __init__(self, registration: Registration, server_name: str) -> None:
        self.id = registration.id
        self.registration = registration
        self.sender = UserId(f"@{registration.sender_localpart}:{server_name}")
        self.users = Names(registration.namespaces.users)
        self.aliases = Names(registration.namespaces.aliases)
        self.rooms = Names(registration.namespaces.rooms)
        self._server_name = server_name

    def has_user(self, user_id: str) -> bool:
        """Whether it may act as this user: its sender, or a local user in its namespace."""
        return user_id == self.sender or (
            domain_of(user_id) == self._server_name and self.users.match(user_id)
        )

    def owns_user(self, user_id: str) -> bool:
        """Whether nobody else may be this user."""
        return user_id == self.sender or (
            domain_of(user_id) == self._server_name and self.users.is_exclusive(user_id)
        )
