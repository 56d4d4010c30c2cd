"""A network beyond Matrix, answering as the Application Service API has it: small, and aiohttp."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from harness.process import free_port

USER = {"userid": "@_net_jim:localhost", "protocol": "net", "fields": {"user": "jim"}}
LOCATION = {"alias": "#_net_hill:localhost", "protocol": "net", "fields": {"channel": "hill"}}
PROTOCOL = {
    "user_fields": ["user"],
    "location_fields": ["channel"],
    "icon": "mxc://localhost/icon",
    "field_types": {
        "user": {"regexp": "[a-z]+", "placeholder": "jim"},
        "channel": {"regexp": "[a-z]+", "placeholder": "hill"},
    },
    "instances": [{"network_id": "hills", "desc": "The hills", "fields": {"channel": "hill"}}],
}
THIRDPARTY = "/_matrix/app/v1/thirdparty"


@dataclass
class Network:
    """The service `net` with its registration file in `folder`. Its sender is `@_net:localhost`."""

    folder: Path
    port: int = field(default_factory=free_port)
    as_token: str = field(default_factory=lambda: secrets.token_hex(16))
    hs_token: str = field(default_factory=lambda: secrets.token_hex(16))

    def register(self) -> Path:
        path = self.folder / "net.yaml"
        registration = {
            "id": "net", "url": f"http://127.0.0.1:{self.port}", "as_token": self.as_token,
            "hs_token": self.hs_token, "sender_localpart": "_net", "protocols": ["net"],
            "namespaces": {"users": [{"exclusive": True, "regex": "@_net_.*"}],
                           "aliases": [{"exclusive": True, "regex": "#_net_.*"}]},
        }  # fmt: skip
        path.write_text(yaml.safe_dump(registration), "utf-8")
        return path

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application(middlewares=[self._check])
        app.router.add_put("/_matrix/app/v1/transactions/{id}", self._fine)
        app.router.add_post("/_matrix/app/v1/ping", self._fine)
        app.router.add_get(THIRDPARTY + "/protocol/net", _answer(PROTOCOL))
        for path, found in (("user", USER), ("location", LOCATION)):
            app.router.add_get(f"{THIRDPARTY}/{path}/net", _answer([found]))
            app.router.add_get(f"{THIRDPARTY}/{path}", _answer([found]))
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    @web.middleware
    async def _check(self, request: web.Request, handler: Any) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {self.hs_token}"
        return await handler(request)  # type: ignore[no-any-return]

    async def _fine(self, request: web.Request) -> web.Response:
        return web.json_response({})


def _answer(value: Any) -> Any:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(value)

    return answer
