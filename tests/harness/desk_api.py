"""The desk's operator API as a program calls it."""

import json
import re
from typing import Any, Protocol

import aiohttp

from harness.desk import Visitor


class Served(Protocol):
    """A running desk."""

    url: str


async def call(
    house: Served, method: str, path: str, *, token: str = "", body: bytes | None = None
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(house.url) as session,
        session.request(method, path, data=body, headers=headers) as answer,
    ):
        return answer.status, json.loads(await answer.read())


async def sender_token(operator: Visitor) -> str:
    page = await operator.post("/operator/machines", {"sender": "lab"})
    (token,) = re.findall(r"<code>(bge_[\w-]+)</code>", page.text)
    return token
