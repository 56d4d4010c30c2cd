"""Requests to an application service: its own URL and hs_token, bounded in time and size.

The URL is the operator's, so it may be any address; see `fetching.Fetcher` for what else bounds a
request. Services of before the version in the path are asked at the older path, once one says that
it does not know the newer one. Spec: "Legacy routes".
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from bongsu.appservices.namespaces import Service
from bongsu.errors import BongsuError
from bongsu.fetching import Fetched, Fetcher, FetchFailed

CALL_SECONDS_MAX = 10.0
TRANSACTION_SECONDS_MAX = 30.0
ANSWER_BYTES_MAX = 1024 * 1024
TOLD_CHARACTERS_MAX = 1000  # of an answer in an error

V1 = "/_matrix/app/v1"
UNSTABLE = "/_matrix/app/unstable"


class ServiceUnreachable(BongsuError):
    """No answer, or (with `status`) not the one that was hoped for."""

    def __init__(
        self, message: str, *, status: int | None = None, body: str = "", timed_out: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.timed_out = timed_out


class _Error(msgspec.Struct):
    errcode: str | None = None


class Calls:
    """Every request that this server makes to application services."""

    def __init__(self, fetcher: Fetcher, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetcher = fetcher
        self._monotonic = monotonic

    async def send_transaction(self, service: Service, txn_id: str, body: bytes) -> None:
        """Returns once the service has taken it, `body` exactly; else `ServiceUnreachable`."""
        raw, path = msgspec.Raw(body), f"/transactions/{quote(txn_id, safe='')}"
        answer = await self._ask(service, "PUT", V1 + path, raw, TRANSACTION_SECONDS_MAX)
        if _is_unknown_path(answer):
            answer = await self._ask(service, "PUT", path, raw, TRANSACTION_SECONDS_MAX)
        _check(answer)

    async def ping(self, service: Service, txn_id: str | None) -> int:
        """How long it took to answer, in ms; else `ServiceUnreachable`."""
        began = self._monotonic()
        body = {} if txn_id is None else {"transaction_id": txn_id}
        _check(await self._ask(service, "POST", f"{V1}/ping", body, CALL_SECONDS_MAX))
        return round((self._monotonic() - began) * 1000)

    async def exists(self, service: Service, kind: str, name: str) -> bool:
        """Whether it has made the user or room (`kind` users or rooms) called `name`."""
        path = f"/{kind}/{quote(name, safe='')}"
        answer = await self._ask(service, "GET", V1 + path, None, CALL_SECONDS_MAX)
        if _is_unknown_path(answer):
            answer = await self._ask(service, "GET", path, None, CALL_SECONDS_MAX)
        return answer.status == 200

    async def lookup(self, service: Service, path: str) -> Any:
        """The JSON at `path` below /thirdparty; None without any."""
        answer = await self._ask(service, "GET", f"{V1}/thirdparty{path}", None, CALL_SECONDS_MAX)
        if _is_unknown_path(answer):
            older = f"{UNSTABLE}/thirdparty{path}"
            answer = await self._ask(service, "GET", older, None, CALL_SECONDS_MAX)
        if answer.status != 200:
            return None
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    async def _ask(
        self, service: Service, method: str, path: str, body: Any, seconds: float
    ) -> Fetched:
        if service.registration.url is None:
            raise ServiceUnreachable("The application service has no URL")
        url = service.registration.url.rstrip("/") + path
        headers = {"Authorization": f"Bearer {service.registration.hs_token}"}
        try:
            async with asyncio.timeout(seconds):
                if method == "GET":
                    return await self._fetcher.get(
                        url, headers=headers, body_bytes_max=ANSWER_BYTES_MAX,
                        seconds_max=2 * seconds,
                    )  # fmt: skip
                return await self._fetcher.send_json(
                    method, url, body, headers=headers, body_bytes_max=ANSWER_BYTES_MAX,
                    seconds_max=2 * seconds,
                )  # fmt: skip
        except TimeoutError:
            raise ServiceUnreachable(f"no answer within {seconds} s", timed_out=True) from None
        except FetchFailed as error:
            raise ServiceUnreachable(str(error)) from None


def _check(answer: Fetched) -> None:
    if answer.status != 200:
        told = answer.body[:TOLD_CHARACTERS_MAX].decode("utf-8", "replace")
        raise ServiceUnreachable(f"status {answer.status}", status=answer.status, body=told)


def _is_unknown_path(answer: Fetched) -> bool:
    """Whether this says that there is no such path, and not that there is no such thing."""
    if answer.status == 405 or answer.status == 501:
        return True
    if answer.status != 404:
        return False
    try:
        return msgspec.json.decode(answer.body, type=_Error).errcode == "M_UNRECOGNIZED"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True  # some web server's own page
