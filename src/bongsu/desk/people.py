"""Who works at the desk: operators, signed in with their accounts on this server.

The password is checked against the account; what the account may do here stands in the operators'
table. Every request asks both anew: an account that is locked, deactivated or without a role is out
at once, on every site.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from bongsu.desk.audit import Act
from bongsu.desk.roles import Role
from bongsu.desk.sentences import Sentence
from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.ids import UserId
from bongsu.users.accounts import Account
from bongsu.users.passwords import Passwords
from bongsu.users.text import local_user_id
from bongsu.users.tokens import Clock, hash_token, new_token, now_ms

SESSION_PREFIX = "bgd_"
SESSION_MS = 12 * 3600 * 1000
SESSION_CHARS_MAX = 100
NAME_CHARS_MAX = 255


class Operator(Struct, frozen=True):
    user_id: UserId
    roles: frozenset[Role]

    def may(self, *roles: Role) -> bool:
        """Whether one of `roles` is among the operator's."""
        return not self.roles.isdisjoint(roles)


class Session(NamedTuple):
    token_hash: bytes
    user_id: str
    made_ts: int
    expires_ts: int


class OperatorStore(Protocol):
    async def get(self, user_id: str) -> Operator | None: ...
    async def list_all(self) -> Sequence[Operator]: ...

    async def put(self, operator: Operator, at: int, act: Act) -> None:
        """Add the operator or replace the roles."""
        ...

    async def remove(self, user_id: str, act: Act) -> bool:
        """Remove the operator and all sessions; whether there was one."""
        ...


class SessionStore(Protocol):
    async def add(self, session: Session, act: Act) -> None: ...
    async def find(self, token_hash: bytes, now: int) -> Operator | None:
        """Whose live session it is, if that one still has a role."""
        ...

    async def remove(self, token_hash: bytes) -> None: ...


class AccountReader(Protocol):
    async def get(self, user_id: UserId) -> Account | None: ...


class Desk(NamedTuple):
    """What signing in needs."""

    accounts: AccountReader
    operators: OperatorStore
    sessions: SessionStore


class People:
    def __init__(
        self, desk: Desk, passwords: Passwords, *, server_name: str, clock: Clock = now_ms
    ) -> None:
        self._desk = desk
        self._passwords = passwords
        self._server_name = server_name
        self._clock = clock

    async def sign_in(self, name: str, password: str) -> str:
        """The token of a new session. `Forbidden` does not tell a wrong name from a wrong password,
        and tells of a missing role only whoever knows the password."""
        user_id = local_user_id(name[:NAME_CHARS_MAX], self._server_name)
        account = None if user_id is None else await self._desk.accounts.get(user_id)
        password_hash = account.password_hash if account is not None and is_live(account) else None
        if not await self._passwords.verify(password_hash, password) or user_id is None:
            raise Forbidden("Wrong name or password")
        if await self._desk.operators.get(user_id) is None:
            raise Forbidden("This account has no role at the desk", code="DESK_NO_ROLE")
        token, now = new_token(SESSION_PREFIX), self._clock()
        session = Session(hash_token(token), user_id, now, now + SESSION_MS)
        await self._desk.sessions.add(session, Act(user_id, "desk.sign_in", user_id))
        return token

    async def who(self, token: str) -> Operator | None:
        """Whose session it is; None for what is none, or none any more."""
        if not token.startswith(SESSION_PREFIX) or len(token) > SESSION_CHARS_MAX:
            return None
        operator = await self._desk.sessions.find(hash_token(token), self._clock())
        if operator is None:
            return None
        account = await self._desk.accounts.get(operator.user_id)
        return operator if account is not None and is_live(account) else None

    async def sign_out(self, token: str) -> None:
        await self._desk.sessions.remove(hash_token(token))


class Operators:
    """Who has which roles; `actor` is who changes it."""

    def __init__(self, desk: Desk, *, server_name: str, clock: Clock = now_ms) -> None:
        self._desk = desk
        self._server_name = server_name
        self._clock = clock

    async def put(self, actor: str, name: str, roles: frozenset[Role]) -> UserId:
        """Give an account exactly these roles."""
        user_id = self._user_id(name)
        account = await self._desk.accounts.get(user_id)
        if account is None or not is_live(account) or account.is_guest:
            raise NotFound(f"{user_id} has no account here that can sign in")
        act = Act(actor, "desk.put_operator", user_id, {"roles": sorted(roles)})
        await self._desk.operators.put(Operator(user_id, roles), self._clock(), act)
        return user_id

    async def remove(self, actor: str, name: str) -> UserId:
        user_id = self._user_id(name)
        if not await self._desk.operators.remove(
            user_id, Act(actor, "desk.remove_operator", user_id)
        ):
            raise NotFound(f"{user_id} has no role at the desk")
        return user_id

    async def list_all(self) -> Sequence[Operator]:
        return await self._desk.operators.list_all()

    def _user_id(self, name: str) -> UserId:
        user_id = local_user_id(name, self._server_name)
        if user_id is None:
            raise InvalidParam(
                Sentence("{name} is no user of {server}", name=name[:80], server=self._server_name)
            )
        return user_id


def is_live(account: Account) -> bool:
    """Whether the account may do anything at all."""
    return account.locked_at is None and account.deactivated_at is None
