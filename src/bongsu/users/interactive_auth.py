"""User-interactive authentication: stages a client passes before a sensitive operation is done.

A session lives in a table, so that any node can go on with what another began. It is bound to its
operation: the verb, the path and (except where noted) the body must stay the same, so that what
somebody consented to is what is done. Spec: Client-Server API, "User-Interactive Authentication".
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from bongsu.errors import Forbidden
from bongsu.ids import UserId
from bongsu.users import text
from bongsu.users.accounts import Account
from bongsu.users.emails import Purpose
from bongsu.users.passwords import Passwords
from bongsu.users.tokens import Clock, now_ms

PASSWORD = "m.login.password"
DUMMY = "m.login.dummy"
EMAIL = "m.login.email.identity"
REGISTRATION_TOKEN = "m.login.registration_token"

SESSION_MS = 10 * 60 * 1000
SESSION_ID_CHARS_MAX = 64
SESSIONS_PER_USER_MAX = 20
SESSIONS_OF_NOBODY_MAX = 2000
REGISTRATION_TOKEN_CHARS_MAX = 64

Flows = Sequence[Sequence[str]]


class UserIdentifier(msgspec.Struct, frozen=True):
    """Who logs in: m.id.user, or m.id.thirdparty with an e-mail address."""

    type: str
    user: str | None = None
    medium: str | None = None
    address: str | None = None


class ThreepidCreds(msgspec.Struct, frozen=True):
    """What proves that a link in an e-mail was opened."""

    sid: str
    client_secret: str


class AuthData(msgspec.Struct, frozen=True):
    """The `auth` of a request body."""

    type: str | None = None
    session: str | None = None
    identifier: UserIdentifier | None = None
    user: str | None = None
    password: str | None = None
    token: str | None = None
    threepid_creds: ThreepidCreds | None = None
    threepidCreds: ThreepidCreds | None = None  # its older name


@dataclass(frozen=True)
class Operation:
    """What is to be done, by whom (None: nobody is logged in), and the flows that permit it.

    `request_hash` is the hash of the body without `auth`. Registration leaves it empty: clients
    fetch the flows with an empty body, and then go on with that session.
    """

    name: str
    user_id: UserId | None
    flows: Flows
    request_hash: bytes = b""
    email_purpose: Purpose = "password"  # of links that pass an EMAIL stage


@dataclass
class AuthSession:
    """One row: what has been passed on the way to one operation."""

    operation: str
    request_hash: bytes
    expires_at: int
    session_id: str = ""
    completed: list[str] = field(default_factory=list[str])
    registration_token: str | None = None
    email: str | None = None


class Flow(msgspec.Struct, frozen=True):
    stages: Sequence[str]


class Challenge(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of the 401 that asks for (further) authentication."""

    flows: Sequence[Flow]
    params: Mapping[str, Any]
    session: str
    completed: Sequence[str] = ()
    errcode: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Passed:
    """A flow is complete. `registration_token`: a use of this one is to be spent. `email`: this
    address was proved on the way."""

    registration_token: str | None = None
    email: str | None = None


class AuthSessionStore(Protocol):
    async def get(self, owner: str, session_id: str, now: int) -> AuthSession | None: ...

    async def put(self, owner: str, session: AuthSession, now: int, sessions_max: int) -> None: ...

    async def delete(self, owner: str, session_id: str) -> None: ...


class RegistrationTokenStore(Protocol):
    async def is_usable(self, token: str, now: int) -> bool: ...


class Addresses(Protocol):
    """What `users.emails.Emails` knows of proved addresses."""

    async def owner(self, address: str) -> UserId | None: ...

    async def validated(self, purpose: Purpose, sid: str, client_secret: str) -> str | None: ...

    async def spend(self, sid: str) -> bool: ...


class AccountReader(Protocol):
    async def get(self, user_id: UserId) -> Account | None: ...


class InteractiveAuth:
    """`lasting_tokens` are registration tokens of the settings: good for any number of accounts."""

    def __init__(
        self,
        store: AuthSessionStore,
        accounts: AccountReader,
        registration_tokens: RegistrationTokenStore,
        passwords: Passwords,
        *,
        server_name: str,
        lasting_tokens: Collection[str] = (),
        emails: Addresses | None = None,
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._registration_tokens = registration_tokens
        self._passwords = passwords
        self._server_name = server_name
        self._lasting_tokens = frozenset(lasting_tokens)
        self._emails = emails
        self._clock = clock

    async def authenticate(self, operation: Operation, auth: AuthData | None) -> Passed | Challenge:
        """`Passed` when a flow is complete; else the challenge to send with status 401.

        `Forbidden` when the session was begun for something else. A stage may be passed in the
        first request, without a session.
        """
        owner = operation.user_id or ""
        session = await self._session(owner, operation, auth)
        error = None
        if auth is not None and auth.type is not None and auth.type not in session.completed:
            error = await self._attempt(operation, auth, session)
        if any(set(flow) <= set(session.completed) for flow in operation.flows):
            if session.session_id:
                await self._store.delete(owner, session.session_id)
            return Passed(session.registration_token, session.email)
        return await self._challenge(owner, operation, session, error)

    async def is_registration_token(self, token: str) -> bool:
        """Whether `token` would do for a registration now."""
        if not 0 < len(token) <= REGISTRATION_TOKEN_CHARS_MAX or "\x00" in token:
            return False
        if self._is_lasting(token):
            return True
        return await self._registration_tokens.is_usable(token, self._clock())

    async def _session(
        self, owner: str, operation: Operation, auth: AuthData | None
    ) -> AuthSession:
        fresh = AuthSession(operation.name, operation.request_hash, self._clock() + SESSION_MS)
        session_id = auth.session if auth is not None else None
        if not session_id or len(session_id) > SESSION_ID_CHARS_MAX or "\x00" in session_id:
            return fresh
        session = await self._store.get(owner, session_id, self._clock())
        if session is None:
            return fresh
        if (session.operation, session.request_hash) != (operation.name, operation.request_hash):
            raise Forbidden("The requested operation has changed during its authentication")
        return session

    async def _attempt(
        self, operation: Operation, auth: AuthData, session: AuthSession
    ) -> str | None:
        """Try one stage. None if it is passed, else what to tell the client."""
        if not any(auth.type in flow for flow in operation.flows):
            return "This authentication type is not part of any flow"
        if auth.type == PASSWORD and not await self._is_password(operation.user_id, auth):
            return "Invalid username or password"
        if auth.type == REGISTRATION_TOKEN:
            if auth.token is None or not await self.is_registration_token(auth.token):
                return "Invalid registration token"
            session.registration_token = None if self._is_lasting(auth.token) else auth.token
        if auth.type == EMAIL:
            session.email = await self._proved_address(operation, auth)
            if session.email is None:
                return "The link in the e-mail has not been opened, or too long ago"
        session.completed.append(str(auth.type))
        return None

    def _is_lasting(self, token: str) -> bool:
        return token in self._lasting_tokens

    async def _proved_address(self, operation: Operation, auth: AuthData) -> str | None:
        """The address whose link was opened for this; the proof is good for one stage."""
        proof = auth.threepid_creds or auth.threepidCreds
        if proof is None or self._emails is None:
            return None
        address = await self._emails.validated(
            operation.email_purpose, proof.sid, proof.client_secret
        )
        return address if address and await self._emails.spend(proof.sid) else None

    async def _is_password(self, user_id: UserId | None, auth: AuthData) -> bool:
        name = named_user(auth.identifier, auth.user)
        named = None if name is None else text.local_user_id(name, self._server_name)
        if name is None and (address := named_address(auth.identifier)) and self._emails:
            named = await self._emails.owner(address)
        if name is None and auth.identifier is None:
            named = user_id  # some clients name nobody: it can only be who is logged in
        if user_id is None or named != user_id or auth.password is None:
            return False
        account = await self._accounts.get(user_id)
        return await self._passwords.verify(account and account.password_hash, auth.password)

    async def _challenge(
        self, owner: str, operation: Operation, session: AuthSession, error: str | None
    ) -> Challenge:
        is_new = not session.session_id
        if is_new:
            session.session_id = secrets.token_urlsafe(18)
        if is_new or error is None:
            sessions_max = SESSIONS_PER_USER_MAX if owner else SESSIONS_OF_NOBODY_MAX
            await self._store.put(owner, session, self._clock(), sessions_max)
        return Challenge(
            flows=[Flow(stages) for stages in operation.flows],
            session=session.session_id,
            params={},
            completed=session.completed,
            errcode="M_FORBIDDEN" if error else None,
            error=error,
        )


def named_user(identifier: UserIdentifier | None, user: str | None) -> str | None:
    """The user id or localpart that a login names, in the present or the older way."""
    if identifier is None:
        return user
    return identifier.user if identifier.type == "m.id.user" else None


def named_address(identifier: UserIdentifier | None) -> str | None:
    """The e-mail address that a login names."""
    if identifier is None or identifier.type != "m.id.thirdparty" or identifier.medium != "email":
        return None
    return identifier.address


def hash_request(body: Mapping[str, Any]) -> bytes:
    """The hash that binds a session to a body: of all but `auth`, whatever the order of keys."""
    rest = {key: value for key, value in body.items() if key != "auth"}
    return hashlib.sha256(msgspec.json.encode(rest, order="deterministic")).digest()
