"""How an application service acts: as its sender, or as any user in its namespaces.

A request with its as_token names the user in `user_id` and, if it is to be a device of theirs, that
in `device_id`. Spec: Application Service API, "Identity assertion".
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from bongsu.appservices.namespaces import Service
from bongsu.appservices.services import Services, exclusive
from bongsu.errors import Forbidden, Refused
from bongsu.ids import DeviceId, UserId, user_id
from bongsu.users import text
from bongsu.users.accounts import Account, user_deactivated
from bongsu.users.devices import Device
from bongsu.users.requester import NO_DEVICE, Requester
from bongsu.users.sessions import NewSession
from bongsu.users.tokens import hash_token, now_ms

FRESH_SECONDS = 5.0
USERS_KEPT_MAX = 20_000
DEVICES_KEPT_MAX = 100  # of one user

Known = tuple[float, Account]  # until when it is believed, in seconds of the monotonic clock


class PeopleAuthenticator(Protocol):
    def cached(self, token: str) -> Requester | None: ...

    async def requester(self, token: str) -> Requester: ...

    def invalidate_user(self, user_id: UserId) -> None: ...


class AccountStore(Protocol):
    async def get(self, user_id: UserId) -> Account | None: ...

    async def create(
        self, account: Account, session: NewSession | None, registration_token: str | None
    ) -> None: ...


class DeviceReader(Protocol):
    async def get(self, user_id: UserId, device_id: DeviceId) -> Device | None: ...


class ActingAuthenticator:
    """Who is behind a token: a service, or a person, whom `people` knows.

    A person's path is what it was: the services are asked only for what `people` has not cached.
    """

    def __init__(self, people: PeopleAuthenticator, services: Services, acting: "Acting") -> None:
        self._people = people
        self._services = services
        self._acting = acting

    def cached(self, token: str) -> Requester | None:
        return self._people.cached(token)

    async def requester(self, token: str) -> Requester:
        return self.service(token) or await self._people.requester(token)

    def service(self, token: str) -> Requester | None:
        """The service itself, as its sender; None if this is not the token of one."""
        found = self._services.of_token(token) if self._services.all else None
        return None if found is None else as_service(found)

    async def act(self, requester: Requester, user: str | None, device: str | None) -> Requester:
        """Whom a service acts as that says so."""
        return await self._acting.act(requester, user, device)

    def invalidate_user(self, user_id: UserId) -> None:
        self._people.invalidate_user(user_id)
        self._acting.invalidate_user(user_id)


class Acting:
    """Knows for a moment in what condition the users are that services act as."""

    def __init__(
        self,
        services: Services,
        accounts: AccountStore,
        devices: DeviceReader,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._accounts = accounts
        self._devices = devices
        self._monotonic = monotonic
        self._known: OrderedDict[UserId, dict[DeviceId, Known]] = OrderedDict()
        self._invalidations = 0

    async def act(
        self, requester: Requester, user: str | None, device: str | None = None
    ) -> Requester:
        """The requester as the user and device named; `Forbidden` for a user not its own,
        M_UNKNOWN_DEVICE for a device not theirs."""
        service = self._services.get(requester.appservice_id)
        assert service is not None, "made by `as_service`"
        wanted = service.sender if user is None else user_id(user)
        if not service.has_user(wanted):
            raise Forbidden("The application service may not act as this user")
        device_id = NO_DEVICE if device is None else text.device_id(device)
        account = await self._account(service, wanted, device_id)
        return Requester(
            user_id=wanted,
            device_id=device_id,
            token_hash=requester.token_hash,
            is_locked=account.locked_at is not None,
            is_suspended=account.suspended_at is not None,
            appservice_id=service.id,
            is_rate_limited=service.registration.rate_limited and wanted != service.sender,
        )

    def check_login(self, requester: Requester, user_id: UserId) -> None:
        """M_EXCLUSIVE unless the service may log in as this user."""
        service = self._services.get(requester.appservice_id)
        if service is None or not service.has_user(user_id):
            raise exclusive(f"{user_id} is outside of the application service's namespaces")

    def invalidate_user(self, user_id: UserId) -> None:
        self._invalidations += 1
        self._known.pop(user_id, None)

    async def _account(self, service: Service, user: UserId, device: DeviceId) -> Account:
        known = self._known.get(user, {}).get(device)
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        until, invalidations = self._monotonic() + FRESH_SECONDS, self._invalidations
        account = await self._accounts.get(user)
        if account is None and user == service.sender:
            account = await self._make_sender(user)
        if account is None:
            raise Forbidden("The application service has not registered this user")
        if account.deactivated_at is not None:
            raise user_deactivated()
        if device and await self._devices.get(user, device) is None:
            raise Refused("The user has no such device", code="M_UNKNOWN_DEVICE")
        if invalidations == self._invalidations:
            self._remember(user, device, (until, account))
        return account

    def _remember(self, user: UserId, device: DeviceId, known: Known) -> None:
        devices = self._known.setdefault(user, {})
        if len(devices) >= DEVICES_KEPT_MAX:
            devices.clear()
        devices[device] = known
        self._known.move_to_end(user)
        if len(self._known) > USERS_KEPT_MAX:
            self._known.popitem(last=False)

    async def _make_sender(self, sender: UserId) -> Account | None:
        """A service need not register the user that its registration names."""
        account = Account(sender, None, is_guest=False, is_admin=False, created_at=now_ms())
        try:
            await self._accounts.create(account, None, None)
        except Refused as refused:
            if refused.code != "M_USER_IN_USE":
                raise
        return await self._accounts.get(sender)


def as_service(service: Service) -> Requester:
    """A service as its sender, on no device."""
    return Requester(
        user_id=service.sender,
        device_id=NO_DEVICE,
        token_hash=hash_token(service.registration.as_token),
        appservice_id=service.id,
        is_rate_limited=False,
    )
