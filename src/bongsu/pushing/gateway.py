"""Tells a push gateway, through the guarded door. Spec: push gateway API."""

from typing import Any

from bongsu.fetching import Fetcher, FetchFailed
from bongsu.pushing.notice import Target, Undelivered, parse_rejected

ANSWER_BYTES_MAX = 64 * 1024
SECONDS_MAX = 10.0


class Gateways:
    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    async def notify(self, target: Target, document: dict[str, Any]) -> bool:
        """Whether the pushkey is still good. Raises `Undelivered`."""
        try:
            answer = await self._fetcher.send_json(
                "POST",
                str(target.data["url"]),
                document,
                body_bytes_max=ANSWER_BYTES_MAX,
                seconds_max=SECONDS_MAX,
                https_only=True,
            )
        except FetchFailed as failed:
            raise Undelivered(str(failed)) from None
        if answer.status != 200:
            raise Undelivered(f"answered {answer.status}")
        return target.name.pushkey not in parse_rejected(answer.body)
