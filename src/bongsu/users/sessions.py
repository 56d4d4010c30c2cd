"""Sessions: a device and the tokens that act for it.

A login with refresh tokens gets an access token that expires, and a refresh token. A refresh makes
a new pair; the pair it replaces is revoked when the new one is first used, so that a client which
never got the answer may ask again. Spec: Client-Server API, "Refreshing access tokens".
"""

import secrets
import string
from typing import Protocol

import msgspec

from bongsu.errors import UnknownToken
from bongsu.ids import DeviceId, UserId
from bongsu.users import tokens
from bongsu.users.completion import complete
from bongsu.users.tokens import Clock, hash_token, new_token, now_ms

ACCESS_TOKEN_MS = 60 * 60 * 1000
LOGIN_TOKEN_MS = 2 * 60 * 1000
DEVICE_ID_CHARS = 10


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client gets to know of its new session, as /login and /register answer it."""

    user_id: UserId
    access_token: str
    device_id: DeviceId
    refresh_token: str | None = None
    expires_in_ms: int | None = None
    home_server: str | None = None


class NewSession(msgspec.Struct, frozen=True):
    """A session as it is stored. `password_hash`: what was verified, and must still be true."""

    user_id: UserId
    device_id: DeviceId
    display_name: str | None
    access_hash: bytes
    refresh_hash: bytes | None
    created_at: int
    expires_at: int | None
    password_hash: str | None = None


class NewPair(msgspec.Struct, frozen=True):
    """The tokens that a refresh makes, as they are stored."""

    access_hash: bytes
    refresh_hash: bytes
    expires_at: int


class Refreshed(msgspec.Struct, frozen=True):
    """The answer of /refresh."""

    access_token: str
    refresh_token: str
    expires_in_ms: int


class Revocations(Protocol):
    """Told, after the commit, whose cached tokens may be wrong, in this and other processes."""

    def sessions_changed(self, user_id: UserId) -> None: ...


class SessionStore(Protocol):
    async def start(self, session: NewSession) -> None: ...

    async def refresh(self, refresh_hash: bytes, pair: NewPair, now: int) -> UserId: ...


class ShortTokenStore(Protocol):
    async def add(
        self, purpose: str, token_hash: bytes, user_id: UserId, expires_at: int, now: int
    ) -> None: ...

    async def take(self, purpose: str, token_hash: bytes, now: int) -> UserId | None: ...

    async def get(self, purpose: str, token_hash: bytes, now: int) -> UserId | None: ...


class SessionMaker:
    """Makes the tokens of a session and the row to store; writes nothing."""

    def __init__(self, *, access_token_ms: int = ACCESS_TOKEN_MS, clock: Clock = now_ms) -> None:
        self._access_token_ms = access_token_ms
        self._clock = clock

    def make(
        self,
        user_id: UserId,
        device_id: DeviceId | None,
        display_name: str | None,
        wants_refresh: bool,
        password_hash: str | None = None,
    ) -> tuple[Session, NewSession]:
        now = self._clock()
        access = new_token(tokens.ACCESS)
        refresh = new_token(tokens.REFRESH) if wants_refresh else None
        session = Session(
            user_id=user_id,
            access_token=access,
            device_id=device_id or new_device_id(),
            refresh_token=refresh,
            expires_in_ms=self._access_token_ms if wants_refresh else None,
            home_server=user_id.partition(":")[2],
        )
        row = NewSession(
            user_id=user_id,
            device_id=session.device_id,
            display_name=display_name,
            access_hash=hash_token(access),
            refresh_hash=hash_token(refresh) if refresh else None,
            created_at=now,
            expires_at=now + self._access_token_ms if wants_refresh else None,
            password_hash=password_hash,
        )
        return session, row

    def make_pair(self) -> tuple[Refreshed, NewPair]:
        access, refresh = new_token(tokens.ACCESS), new_token(tokens.REFRESH)
        pair = NewPair(
            hash_token(access), hash_token(refresh), self._clock() + self._access_token_ms
        )
        return Refreshed(access, refresh, self._access_token_ms), pair


class Sessions:
    def __init__(
        self,
        store: SessionStore,
        short_tokens: ShortTokenStore,
        maker: SessionMaker,
        revocations: Revocations,
        *,
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._short_tokens = short_tokens
        self._maker = maker
        self._revocations = revocations
        self._clock = clock

    async def start(
        self,
        user_id: UserId,
        device_id: DeviceId | None,
        display_name: str | None,
        *,
        wants_refresh: bool = False,
        password_hash: str | None = None,
    ) -> Session:
        """A new session. An existing device keeps its name and loses its former tokens."""
        session, row = self._maker.make(
            user_id, device_id, display_name, wants_refresh, password_hash
        )
        await complete(self._start(row))
        return session

    async def refresh(self, refresh_token: str) -> Refreshed:
        """A new pair of tokens; `UnknownToken` if the refresh token is unknown or used up."""
        if len(refresh_token) > tokens.TOKEN_CHARS_MAX:
            raise UnknownToken("Unknown refresh token")
        answer, pair = self._maker.make_pair()
        await complete(self._refresh(hash_token(refresh_token), pair))
        return answer

    async def issue_login_token(self, user_id: UserId) -> str:
        """A token for one login within `LOGIN_TOKEN_MS`."""
        token, now = new_token(tokens.LOGIN), self._clock()
        expires_at = now + LOGIN_TOKEN_MS
        await self._short_tokens.add("login", hash_token(token), user_id, expires_at, now)
        return token

    async def take_login_token(self, token: str) -> UserId | None:
        """Whose login token this is; it is spent."""
        if len(token) > tokens.TOKEN_CHARS_MAX:
            return None
        return await self._short_tokens.take("login", hash_token(token), self._clock())

    async def _start(self, session: NewSession) -> None:
        await self._store.start(session)
        self._revocations.sessions_changed(session.user_id)

    async def _refresh(self, refresh_hash: bytes, pair: NewPair) -> None:
        user_id = await self._store.refresh(refresh_hash, pair, self._clock())
        self._revocations.sessions_changed(user_id)


def new_device_id() -> DeviceId:
    """Ten random capitals, as people know them from other servers."""
    letters = (secrets.choice(string.ascii_uppercase) for _ in range(DEVICE_ID_CHARS))
    return DeviceId("".join(letters))
