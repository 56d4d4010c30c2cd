"""OpenID tokens: proof to a third party of who somebody is, and nothing else.

Anybody may be given one, every widget in a room for instance, so it must open nothing that is
private. A token that its owner asked for an audience is good for that audience alone: nobody else
can have got one for it.

Spec: Client-Server API, "OpenID"; Server-Server API, "OpenID".
"""

import msgspec

from bongsu.errors import InvalidParam, UnknownToken
from bongsu.ids import UserId
from bongsu.users import tokens
from bongsu.users.sessions import ShortTokenStore
from bongsu.users.tokens import Clock, hash_token, new_token, now_ms

EXPIRES_SECONDS = 3600
PURPOSE = "openid"
DESK = "desk"
"""The audience of tokens for our own desk."""
AUDIENCES = frozenset({"", DESK})


class OpenIdToken(msgspec.Struct, frozen=True):
    """The answer of request_token; `expires_in` in seconds."""

    access_token: str
    matrix_server_name: str
    expires_in: int = EXPIRES_SECONDS
    token_type: str = "Bearer"


class OpenId:
    def __init__(self, store: ShortTokenStore, *, server_name: str, clock: Clock = now_ms) -> None:
        self._store = store
        self._server_name = server_name
        self._clock = clock

    async def issue(self, user_id: UserId, audience: str = "") -> OpenIdToken:
        """`audience`: whom alone it is good for; "" for everybody."""
        if audience not in AUDIENCES:
            raise InvalidParam(f"There is no audience {audience[:40]!r}")
        token, now = new_token(tokens.OPENID), self._clock()
        expires_at = now + EXPIRES_SECONDS * 1000
        await self._store.add(_purpose(audience), hash_token(token), user_id, expires_at, now)
        return OpenIdToken(token, self._server_name)

    async def user_of(self, token: str, audience: str = "") -> UserId:
        """Who was given `token` for this audience; `UnknownToken` if nobody was or it has
        expired."""
        if len(token) > tokens.TOKEN_CHARS_MAX:
            raise UnknownToken("Access token unknown or expired")
        user_id = await self._store.get(_purpose(audience), hash_token(token), self._clock())
        if user_id is None:
            raise UnknownToken("Access token unknown or expired")
        return user_id


def _purpose(audience: str) -> str:
    return f"{PURPOSE} {audience}" if audience else PURPOSE
