"""Scenes as tables: who asks what of the server, and what should come of it."""

import asyncio
import base64
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
from harness.http import HttpClient
from harness.matrix import User, register

from contract.checks import complaints
from contract.spec import Operation, operations

PATIENCE_SECONDS = 60.0
PASSWORD = "wonderland"
NOBODY = "-"
# A picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_NAME = re.compile(r"\{([a-z0-9_.]+)\}")


@dataclass(frozen=True)
class Step:
    """One request, read as `Step("alice PUT v3/rooms/{room}/typing/{alice}", {...})`.

    `{names}` stand for what an earlier step kept; `{alice}` is a user id. `gives` is the status
    expected, and for an error its errcode: "403 M_FORBIDDEN". `has` lists paths that the answer
    must hold, `a.b.0.c` or `a.b=value`; a GET is repeated until it does. `keeps` maps new names to
    such paths.
    """

    request: str
    body: Any = None
    gives: str = "200"
    has: tuple[str, ...] = ()
    keeps: dict[str, str] = field(default_factory=dict)

    @property
    def who(self) -> str:
        return self.request.split()[0]

    @property
    def verb(self) -> str:
        return self.request.split()[1]

    @property
    def path(self) -> str:
        """The whole path, its names not yet filled in, without the query."""
        short = self.request.split()[2].partition("?")[0]
        if short.startswith("/"):
            return short
        return f"/_matrix/{short}" if short.startswith("media/") else f"/_matrix/client/{short}"

    @property
    def query(self) -> str:
        return self.request.split()[2].partition("?")[2]

    @property
    def status(self) -> int:
        return int(self.gives.split()[0])

    @property
    def operation(self) -> Operation | None:
        """Whom of the spec's operations it calls: of two on one path, the first."""
        path = _NAME.sub(lambda name: "x/x" if name[1].endswith(".path") else "x", self.path)
        for operation in operations().values():
            if operation.verb == self.verb and operation.pattern.fullmatch(path):
                return operation
        return None


class Stage:
    """One scene's people and what it kept. People are registered when they first appear."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self.names: dict[str, str] = {"tag": secrets.token_hex(4), "password": PASSWORD}

    async def enter(self, *names: str) -> None:
        """Register people, so that steps may name them before they ask for anything."""
        for name in names:
            await self._token(name)

    async def play(self, step: Step) -> None:
        """Take one step; AssertionError tells everything that is wrong with its answer."""
        operation = step.operation
        assert operation is not None, f"the spec has no {step.verb} {step.path}"
        status, answer = await self._answer_with_all(step)
        told = f"{step.request}\n  {status} {str(answer)[:2000]}\n  "
        assert outcome(status, answer, step.gives) == step.gives, f"{told}expected {step.gives}"
        missing = [f"no {path}" for path in self._missing(step, answer)]
        wrong = [*complaints(operation, status, answer), *missing]
        assert not wrong, told + "\n  ".join(wrong)
        for name, path in step.keeps.items():
            self.keep(name, str(_at(answer, self._filled(path))))

    def keep(self, name: str, value: str) -> None:
        """Remember a value for `{name}`; of an mxc:// URI also `{name.path}`, server/media_id."""
        self.names[name] = value
        if value.startswith("mxc://"):
            self.names[f"{name}.path"] = value.removeprefix("mxc://")

    async def ask(self, step: Step) -> tuple[int, Any]:
        """Ask once. Returns the status and the answer: JSON decoded, anything else as bytes."""
        token = await self._token(step.who)
        body, kind = step.body, "image/png"
        if not isinstance(body, bytes):
            body = b"" if body is None else orjson.dumps(self._filled(body))
            kind = "application/json"
        answer = await self._client.request(
            step.verb, self._target(step), body, token=token, content_type=kind
        )
        assert answer.headers.get(b"access-control-allow-origin") == b"*", "no CORS headers"
        is_json = answer.headers.get(b"content-type", b"").startswith(b"application/json")
        return answer.status, orjson.loads(answer.body) if is_json else answer.body

    async def _answer_with_all(self, step: Step) -> tuple[int, Any]:
        """The answer to `step`; of a GET, the first that has what it must, or the last."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            status, answer = await self.ask(step)
            in_time = asyncio.get_running_loop().time() < deadline
            may_come = step.verb == "GET" and status == step.status and in_time
            if not may_come or not self._missing(step, answer):
                return status, answer
            await asyncio.sleep(0.05)

    async def _token(self, who: str) -> str | None:
        if who == NOBODY:
            return None
        if f"{who}.token" not in self.names:
            user = await register(self._client, f"{who}-{secrets.token_hex(4)}", PASSWORD)
            self.enters(who, user)
        return self.names[f"{who}.token"]

    def enters(self, who: str, user: User) -> None:
        """`who` is `user` from here on."""
        self.names |= {who: user.user_id, f"{who}.token": user.token}
        self.names["server"] = user.user_id.partition(":")[2]

    def _target(self, step: Step) -> str:
        """Path and query as they go over the wire."""
        parts = [
            quote(self._filled(part), safe="/" if ".path}" in part else "")
            for part in step.path.split("/")
        ]
        fields = [field.partition("=") for field in step.query.split("&") if field]
        query = "&".join(f"{name}={quote(self._filled(value))}" for name, _, value in fields)
        return "/".join(parts) + ("?" + query if query else "")

    def _missing(self, step: Step, answer: Any) -> list[str]:
        paths = (*step.has, *step.keeps.values())
        return [path for path in paths if not _holds(answer, self._filled(path))]

    def _filled(self, value: Any) -> Any:
        """`value` with every `{name}` in its strings and keys filled in."""
        if isinstance(value, str):
            return _NAME.sub(self._name, value)
        if isinstance(value, dict):
            return {self._filled(key): self._filled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return value

    def _name(self, match: re.Match[str]) -> str:
        assert match[1] in self.names, f"nothing is kept as {match[1]}"
        return self.names[match[1]]


def outcome(status: int, answer: Any, expected: str) -> str:
    """Such as "403 M_FORBIDDEN", or the status alone if no errcode is expected."""
    has_errcode = isinstance(answer, dict) and "errcode" in answer
    if has_errcode and (" " in expected or str(status) != expected):
        return f"{status} {answer['errcode']}"
    return str(status)


def _holds(answer: Any, wanted: str) -> bool:
    path, equals, value = wanted.partition("=")
    found = _at(answer, path)
    return str(found) == value if equals else found is not None


def _at(value: Any, path: str) -> Any:
    """What stands at `a.b.0` in `value`, or None. Room ids, user ids and the like hold dots: the
    longest key that fits goes first."""
    if not path:
        return value
    parts = path.split(".")
    for size in range(len(parts), 0, -1):
        key, rest = ".".join(parts[:size]), ".".join(parts[size:])
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            return _at(value[int(key)], rest)
        if isinstance(value, dict) and key in value:
            return _at(value[key], rest)
    return None
