"""Accounts: made, named, locked, suspended, deactivated.

`Revocations` are told after the commit: a lost call is made good by the next look at the tables,
never the other way round.
"""

from collections.abc import AsyncIterator, Coroutine, Sequence
from enum import Enum
from typing import Any, Protocol

import msgspec

from bongsu.errors import NotFound, Refused
from bongsu.ids import DeviceId, UserId
from bongsu.log.intents import Intent, new_intent
from bongsu.users import text
from bongsu.users.completion import complete
from bongsu.users.devices import DeviceListAnnouncer
from bongsu.users.passwords import Passwords
from bongsu.users.sessions import NewSession, Revocations, Session, SessionMaker
from bongsu.users.tokens import Clock, now_ms

PAGE_MAX = 500
DEPARTURE = "departure"


class Account(msgspec.Struct, frozen=True):
    """A row of the table of accounts; times in ms, None where the state does not hold."""

    user_id: UserId
    password_hash: str | None
    is_guest: bool
    is_admin: bool
    created_at: int
    locked_at: int | None = None
    suspended_at: int | None = None
    deactivated_at: int | None = None
    is_erased: bool = False


class Moderation(Enum):
    """What an administrator may do to an account and undo."""

    LOCKED = "locked"
    SUSPENDED = "suspended"


class AccountStore(Protocol):
    async def get(self, user_id: UserId) -> Account | None: ...

    async def create(
        self, account: Account, session: NewSession | None, registration_token: str | None
    ) -> None: ...

    async def set_password(
        self, user_id: UserId, password_hash: str, *, end_others: bool, keep: DeviceId | None
    ) -> bool: ...

    async def deactivate(self, user_id: UserId, at: int, *, erase: bool, then: Intent) -> bool: ...

    async def moderate(self, user_id: UserId, what: Moderation, since: int | None) -> bool: ...

    async def set_admin(self, user_id: UserId, is_admin: bool) -> bool: ...

    async def list_after(self, user_id: str, limit: int) -> Sequence[Account]: ...


class Departure(msgspec.Struct, frozen=True):
    """The intent that follows from a deactivation: its user leaves all rooms."""

    erase: bool


class Accounts:
    def __init__(
        self,
        store: AccountStore,
        passwords: Passwords,
        sessions: SessionMaker,
        revocations: Revocations,
        *,
        server_name: str,
        announcer: DeviceListAnnouncer | None = None,
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._revocations = revocations
        self._server_name = server_name
        self._announcer = announcer
        self._clock = clock

    async def get(self, user_id: UserId) -> Account | None:
        """The account as the primary has it now."""
        return await self._store.get(user_id)

    async def check_available(self, localpart: str) -> UserId:
        """The id that `localpart` would get; M_INVALID_USERNAME or M_USER_IN_USE if none."""
        user_id = text.new_user_id(localpart, self._server_name)
        if await self._store.get(user_id) is not None:
            raise user_in_use()
        return user_id

    async def create(
        self,
        user_id: UserId,
        password: str | None,
        *,
        is_guest: bool = False,
        is_admin: bool = False,
        registration_token: str | None = None,
        login: "Login | None" = None,
    ) -> Session | None:
        """Make an account and, with `login`, its first session, in one transaction.

        Raises M_USER_IN_USE, which the table decides, and M_FORBIDDEN if `registration_token` has
        no use left.
        """
        password_hash = None
        if password is not None:
            password_hash = await self._passwords.hash(text.password(password))
        account = Account(user_id, password_hash, is_guest, is_admin, self._clock())
        if login is None:
            await self._store.create(account, None, registration_token)
            return None
        session, row = self._sessions.make(
            user_id, login.device_id, login.display_name, login.wants_refresh
        )
        await self._store.create(account, row, registration_token)
        return session

    async def set_password(
        self,
        user_id: UserId,
        password: str,
        *,
        end_others: bool = True,
        keep: DeviceId | None = None,
    ) -> None:
        """Set a password and, with `end_others`, delete all devices but `keep`."""
        password_hash = await self._passwords.hash(text.password(password))
        change = self._store.set_password(user_id, password_hash, end_others=end_others, keep=keep)
        await complete(self._change(user_id, change, ends_devices=end_others))

    async def deactivate(self, user_id: UserId, *, erase: bool = False) -> None:
        """End an account for good; a running server leaves its rooms (`departure.Departures`).

        May be called again: what follows is then repeated.
        """
        await complete(self._deactivate(user_id, erase))

    async def moderate(self, user_id: UserId, what: Moderation, holds: bool) -> None:
        """Lock, unlock, suspend or unsuspend; `NotFound` for the unknown and the deactivated."""
        since = self._clock() if holds else None
        await complete(self._change(user_id, self._store.moderate(user_id, what, since)))

    async def set_admin(self, user_id: UserId, is_admin: bool) -> None:
        await complete(self._change(user_id, self._store.set_admin(user_id, is_admin)))

    async def stream_all(self) -> AsyncIterator[Account]:
        """Every account in order of its id, read in pages."""
        last = ""
        while page := await self._store.list_after(last, PAGE_MAX):
            for account in page:
                yield account
            last = page[-1].user_id

    async def _change(
        self, user_id: UserId, change: Coroutine[Any, Any, bool], *, ends_devices: bool = False
    ) -> None:
        if not await change:
            raise NotFound("No such account")
        self._revocations.sessions_changed(user_id)
        if ends_devices and self._announcer is not None:
            await self._announcer.device_list_changed(user_id)

    async def _deactivate(self, user_id: UserId, erase: bool) -> None:
        departure = new_intent(DEPARTURE, user_id, Departure(erase))
        change = self._store.deactivate(user_id, self._clock(), erase=erase, then=departure)
        await self._change(user_id, change, ends_devices=True)


class Login(msgspec.Struct, frozen=True):
    """What a registration says of the session it wants."""

    device_id: DeviceId | None = None
    display_name: str | None = None
    wants_refresh: bool = False


def user_in_use() -> Refused:
    return Refused("Desired user ID is already taken", code="M_USER_IN_USE")


def user_deactivated() -> Refused:
    return Refused("This account has been deactivated", code="M_USER_DEACTIVATED", status=403)


def user_locked() -> Refused:
    return Refused(
        "This account has been locked",
        code="M_USER_LOCKED",
        status=401,
        extra={"soft_logout": True},
    )
