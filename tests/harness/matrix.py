"""The calls of the client-server API that the load and the ledger need, on the lean client."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from harness.http import HttpClient

V3 = "/_matrix/client/v3"


class MatrixError(Exception):
    """An answer other than 2xx."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body[:300].decode(errors='replace')}")
        self.status = status
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            value = {}
        self.fields: dict[str, Any] = value if isinstance(value, dict) else {}
        self.errcode = self.fields.get("errcode")


@dataclass
class User:
    """One device of an account: its token and its own transaction ids."""

    client: HttpClient
    user_id: str
    token: str
    device_id: str
    _txn_ids: "itertools.count[int]" = field(default_factory=itertools.count)

    async def call(self, method: str, path: str, content: object = None) -> dict[str, Any]:
        """A JSON call below /_matrix/client/v3, with this user's token."""
        return await call(self.client, method, V3 + path, content, token=self.token)

    async def create_room(self, **content: Any) -> str:
        answer = await self.call("POST", "/createRoom", content)
        return str(answer["room_id"])

    async def join(self, room_id: str) -> None:
        await self.call("POST", f"/rooms/{quote(room_id)}/join", {})

    async def send(self, room_id: str, content: object, txn_id: str | None = None) -> str:
        """Send an m.room.message; returns its event id."""
        txn_id = txn_id or f"{self.device_id}.{next(self._txn_ids)}"
        path = f"/rooms/{quote(room_id)}/send/m.room.message/{txn_id}"
        return str((await self.call("PUT", path, content))["event_id"])

    async def send_text(self, room_id: str, text: str) -> str:
        return await self.send(room_id, {"msgtype": "m.text", "body": text})

    async def sync(self, since: str | None = None, **query: Any) -> dict[str, Any]:
        """One /sync. `query` may hold timeout, filter (JSON text) and the like."""
        if since is not None:
            query["since"] = since
        return await self.call("GET", f"/sync?{urlencode(query)}")

    async def login_again(self, password: str = "wonderland") -> "User":
        """The same account on a new device."""
        return await login(self.client, self.user_id, password)


async def call(
    client: HttpClient, method: str, path: str, content: object = None, token: str | None = None
) -> dict[str, Any]:
    """One JSON call; `MatrixError` unless the answer is 2xx."""
    body = b"" if content is None else orjson.dumps(content)
    answer = await client.request(method, path, body, token=token)
    if not 200 <= answer.status < 300:
        raise MatrixError(answer.status, answer.body)
    value = orjson.loads(answer.body)
    assert isinstance(value, dict)
    return value


async def register(client: HttpClient, localpart: str, password: str = "wonderland") -> User:
    """A new account by m.login.dummy in one request."""
    content = {"username": localpart, "password": password, "auth": {"type": "m.login.dummy"}}
    return _user(client, await call(client, "POST", f"{V3}/register", content))


async def login(client: HttpClient, user_id: str, password: str = "wonderland") -> User:
    """A new device of an account, by password."""
    content = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id},
        "password": password,
    }
    return _user(client, await call(client, "POST", f"{V3}/login", content))


def _user(client: HttpClient, answer: dict[str, Any]) -> User:
    return User(client, answer["user_id"], answer["access_token"], answer["device_id"])
