"""Keeps a person's push rule changes as their account data, so that /sync shows every change."""

from typing import Protocol

from bongsu.errors import Refused
from bongsu.ids import UserId
from bongsu.log.gateway import Log
from bongsu.log.proposal import fresh_request_id
from bongsu.push.ruleset import decode_changes
from bongsu.users.proposals import PutAccountData

PUSH_RULES = "m.push_rules"


class AccountDataReader(Protocol):
    async def account_data(
        self, user_id: str, room_id: str | None, type: str, *, confirmed: bool = False
    ) -> tuple[int, bytes] | None: ...


class LoggedPushRules:
    """Implements `push.service.PushRulesStore`. The document is what differs from the defaults."""

    def __init__(self, log: Log, reader: AccountDataReader) -> None:
        self._log = log
        self._reader = reader

    async def load(self, user_id: UserId) -> bytes | None:
        found = await self._reader.account_data(user_id, None, PUSH_RULES, confirmed=True)
        return found[1] if found else None

    async def store(self, user_id: UserId, old_version: int, document: bytes) -> bool:
        found = await self._reader.account_data(user_id, None, PUSH_RULES, confirmed=True)
        position, current = found or (0, None)
        if decode_changes(current).version != old_version:
            return False
        try:
            await self._log.propose(
                PutAccountData(
                    key=user_id,
                    request_id=fresh_request_id(),
                    type=PUSH_RULES,
                    content=document,
                    expected=position,
                )
            )
        except Refused as refused:
            if refused.status == 409:
                return False
            raise
        return True
