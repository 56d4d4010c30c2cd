"""The application services of this server: found by token, and their names kept for them."""

from collections.abc import Iterable, Sequence
from hmac import compare_digest

from bongsu.appservices.namespaces import Service
from bongsu.appservices.registration import Registration
from bongsu.errors import Refused
from bongsu.users.tokens import hash_token


class Services:
    """Fixed at the start: registrations are files. Implements `rooms.reading.ReservedAliases` and
    `users.accounts.ReservedNames`."""

    def __init__(self, registrations: Iterable[Registration], server_name: str) -> None:
        self.all: Sequence[Service] = [Service(each, server_name) for each in registrations]
        self._by_id = {service.id: service for service in self.all}
        self._by_token = {hash_token(each.registration.as_token): each for each in self.all}

    def get(self, service_id: str | None) -> Service | None:
        return None if service_id is None else self._by_id.get(service_id)

    def of_token(self, token: str) -> Service | None:
        """Whose as_token this is. Hashes are compared, which tells nothing of a near miss."""
        given = hash_token(token)
        found = None
        for known, service in self._by_token.items():
            if compare_digest(known, given):
                found = service
        return found

    def check_user(self, user_id: str, by: str | None) -> None:
        """M_EXCLUSIVE unless the service `by`, or anybody if it is None, may make this user."""
        service = self.get(by)
        if service is not None and not service.has_user(user_id):
            raise exclusive(f"{user_id} is outside of the application service's namespaces")
        if any(each.owns_user(user_id) for each in self.all if each is not service):
            raise exclusive(f"{user_id} is reserved by an application service")

    def check_alias(self, alias: str, by: str | None) -> None:
        """M_EXCLUSIVE unless `by`, or anybody if it is None, may make or delete this alias."""
        service = self.get(by)
        if service is not None and not service.aliases.match(alias):
            raise exclusive(f"{alias} is outside of the application service's namespaces")
        if any(each.aliases.is_exclusive(alias) for each in self.all if each is not service):
            raise exclusive(f"{alias} is reserved by an application service")


def exclusive(message: str) -> Refused:
    return Refused(message, code="M_EXCLUSIVE")
