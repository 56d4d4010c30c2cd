"""Server administration: whois, locking, suspending. Spec: "Account moderation".

Whether the requester may ask is settled before anything is looked up, so that nobody can find out
who exists.
"""

import msgspec

from bongsu import ids
from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.http.message import Request
from bongsu.http.routing import Answer, get, put
from bongsu.ids import UserId
from bongsu.users.accounts import Account, Accounts, Moderation
from bongsu.users.devices import Devices
from bongsu.users.last_seen import Sighting


class LockBody(msgspec.Struct, frozen=True):
    locked: bool


class SuspendBody(msgspec.Struct, frozen=True):
    suspended: bool


class AdminEndpoints:
    def __init__(self, accounts: Accounts, devices: Devices, *, server_name: str) -> None:
        self._accounts = accounts
        self._devices = devices
        self._server_name = server_name

    @get("/_matrix/client/v3/admin/whois/{user_id}")
    async def whois(self, request: Request) -> Answer:
        if request.path["user_id"] != request.requester.user_id and not request.requester.is_admin:
            raise not_an_administrator()
        user_id = self._local(request.path["user_id"])
        if await self._accounts.get(user_id) is None:
            raise NotFound("User not found")
        seen = await self._devices.list_sightings(user_id)
        return {"user_id": user_id, "devices": {each.device_id: _sessions(each) for each in seen}}

    @get("/_matrix/client/v1/admin/lock/{user_id}")
    async def get_lock(self, request: Request) -> Answer:
        return {"locked": (await self._target(request)).locked_at is not None}

    @put("/_matrix/client/v1/admin/lock/{user_id}")
    async def set_lock(self, request: Request) -> Answer:
        locked = request.json(LockBody).locked
        await self._moderate(request, Moderation.LOCKED, locked)
        return {"locked": locked}

    @get("/_matrix/client/v1/admin/suspend/{user_id}")
    async def get_suspension(self, request: Request) -> Answer:
        return {"suspended": (await self._target(request)).suspended_at is not None}

    @put("/_matrix/client/v1/admin/suspend/{user_id}")
    async def set_suspension(self, request: Request) -> Answer:
        suspended = request.json(SuspendBody).suspended
        await self._moderate(request, Moderation.SUSPENDED, suspended)
        return {"suspended": suspended}

    async def _moderate(self, request: Request, what: Moderation, holds: bool) -> None:
        target = await self._target(request)
        if target.is_admin:
            raise Forbidden("An administrator is not moderated")
        await self._accounts.moderate(target.user_id, what, holds)

    async def _target(self, request: Request) -> Account:
        """The account in question: anybody's but another administrator's."""
        if not request.requester.is_admin:
            raise not_an_administrator()
        user_id = self._local(request.path["user_id"])
        account = await self._accounts.get(user_id)
        if account is None or account.deactivated_at is not None:
            raise NotFound("User not found")
        if account.is_admin and user_id != request.requester.user_id:
            raise Forbidden("The user is another administrator")
        return account

    def _local(self, text: str) -> UserId:
        user_id = ids.user_id(text)
        if ids.domain_of(user_id) != self._server_name:
            raise InvalidParam("User does not belong to the local server")
        return user_id


def _sessions(seen: Sighting) -> dict[str, object]:
    connection = {"ip": seen.address, "last_seen": seen.at, "user_agent": seen.user_agent or ""}
    return {"sessions": [{"connections": [connection]}]}


def not_an_administrator() -> Forbidden:
    return Forbidden("Requesting user is not a server administrator")
