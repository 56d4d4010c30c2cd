"""What administrators see of accounts, and change about them, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.ids import DeviceId, UserId, localpart_of
from bongsu.users import text
from bongsu.users.accounts import Account, Accounts, Moderation
from bongsu.users.profiles import Profiles
from bongsu.users.requester import Requester

PAGE_MAX = 1000

Order = Literal[
    "name", "is_guest", "admin", "user_type", "deactivated", "shadow_banned", "displayname",
    "avatar_url", "creation_ts", "last_seen_ts",
]  # fmt: skip


@dataclass(frozen=True)
class AccountFilter:
    """Which accounts are listed; None: whether or not. The texts are looked for anywhere."""

    user_id: str | None = None
    name: str | None = None  # in the localpart or the display name; then `user_id` counts not
    guests: bool | None = None
    admins: bool | None = None
    deactivated: bool | None = False
    locked: bool | None = False


class Person(msgspec.Struct, frozen=True):
    """An account with what its owner shows of themself. Times in ms."""

    account: Account
    display_name: str | None
    avatar_url: str | None
    last_seen_ts: int | None


class Change(msgspec.Struct, frozen=True):
    """What is to become of an account. UNSET leaves a thing as it is; "" clears a text."""

    password: str | msgspec.UnsetType | None = msgspec.UNSET
    logout_devices: bool = True
    displayname: str | msgspec.UnsetType | None = msgspec.UNSET
    avatar_url: str | msgspec.UnsetType | None = msgspec.UNSET
    admin: bool | msgspec.UnsetType = msgspec.UNSET
    deactivated: bool | msgspec.UnsetType = msgspec.UNSET
    locked: bool | msgspec.UnsetType = msgspec.UNSET


class PersonStore(Protocol):
    async def get(self, user_id: UserId) -> Person | None: ...

    async def list_people(
        self, wanted: AccountFilter, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[Person], int]:
        """A page, and how many there are in all."""
        ...


class UserAdministration:
    def __init__(self, store: PersonStore, accounts: Accounts, profiles: Profiles) -> None:
        self._store = store
        self._accounts = accounts
        self._profiles = profiles

    async def get(self, user_id: UserId) -> Person:
        person = await self._store.get(user_id)
        if person is None:
            raise NotFound("User not found")
        return person

    async def list_people(
        self, wanted: AccountFilter, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[Person], int]:
        return await self._store.list_people(
            wanted, order, backwards=backwards, offset=offset, limit=min(limit, PAGE_MAX)
        )

    async def put(self, admin: Requester, user_id: UserId, change: Change) -> bool:
        """Make the account or change it; True if it was made. Checked whole before it is begun."""
        person = await self._store.get(user_id)
        if change.password not in (None, msgspec.UNSET):
            text.password(str(change.password))
        if change.deactivated is True and change.locked is True:
            raise InvalidParam("An account is not deactivated and locked")
        if person is None:
            await self._create(user_id, change)
        else:
            self._check(admin, person.account, change)
        await self._set_profile(user_id, change)
        if person is not None:
            await self._change(user_id, change)
        if change.locked is not msgspec.UNSET:
            await self._accounts.moderate(user_id, Moderation.LOCKED, change.locked)
        if change.deactivated is True:
            await self._accounts.deactivate(user_id)
        return person is None

    async def set_admin(self, admin: Requester, user_id: UserId, is_admin: bool) -> None:
        if user_id == admin.user_id and not is_admin:
            raise demotes_self()
        await self._accounts.set_admin(user_id, is_admin)

    async def set_password(self, user_id: UserId, password: str, *, end_devices: bool) -> None:
        await self._accounts.set_password(user_id, password, end_others=end_devices)

    async def deactivate(self, user_id: UserId, *, erase: bool) -> None:
        await self.get(user_id)
        await self._accounts.deactivate(user_id, erase=erase)

    async def suspend(self, user_id: UserId, suspended: bool) -> None:
        await self._accounts.moderate(user_id, Moderation.SUSPENDED, suspended)

    def _check(self, admin: Requester, account: Account, change: Change) -> None:
        if account.user_id == admin.user_id:
            if change.admin is False:
                raise demotes_self()
            if change.locked is True or change.deactivated is True:
                raise Forbidden("You would shut yourself out")
        if account.deactivated_at is None:
            return
        if change.deactivated is not False:
            only_ended = msgspec.structs.replace(change, deactivated=msgspec.UNSET) == Change()
            if only_ended:
                return
        raise InvalidParam("A deactivated account is ended for good")

    async def _create(self, user_id: UserId, change: Change) -> None:
        text.new_user_id(localpart_of(user_id), user_id.partition(":")[2])
        password = None if change.password is msgspec.UNSET else change.password
        await self._accounts.create(user_id, password, is_admin=change.admin is True)

    async def _change(self, user_id: UserId, change: Change) -> None:
        if isinstance(change.password, str):
            await self.set_password(user_id, change.password, end_devices=change.logout_devices)
        if change.admin is not msgspec.UNSET:
            await self._accounts.set_admin(user_id, change.admin)

    async def _set_profile(self, user_id: UserId, change: Change) -> None:
        owner = Requester(user_id, DeviceId(""), b"")  # in whose name the rooms are told
        fields = {"displayname": change.displayname, "avatar_url": change.avatar_url}
        for field, value in fields.items():
            if value is not msgspec.UNSET:
                await self._profiles.set_field(owner, user_id, field, value or None)


def demotes_self() -> InvalidParam:
    return InvalidParam("You may not demote yourself.")
