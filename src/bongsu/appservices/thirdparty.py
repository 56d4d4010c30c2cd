"""Networks beyond Matrix: which there are, and who and what there is in them, as services say it.

Spec: Client-Server API, "Third-party Lookups"; Application Service API, "Third-party networks".
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode

from bongsu.appservices.calls import Calls, ServiceUnreachable
from bongsu.appservices.namespaces import Service
from bongsu.appservices.services import Services
from bongsu.errors import InvalidParam, NotFound

FIELDS_CHARACTERS_MAX = 4096
ANSWERS_MAX = 1_000

Json = dict[str, Any]


class Networks:
    def __init__(self, services: Services, calls: Calls) -> None:
        self._services = services
        self._calls = calls

    async def protocols(self) -> Json:
        """What is known of every protocol that a service offers and answers for."""
        names = {name for each in self._services.all for name in each.registration.protocols}
        found = await asyncio.gather(*map(self._protocol, sorted(names)))
        return {name: each for name, each in zip(sorted(names), found, strict=True) if each}

    async def protocol(self, name: str) -> Json:
        """`NotFound` if nobody offers it, or who does is silent."""
        found = await self._protocol(name)
        if found is None:
            raise NotFound("Unknown third-party protocol")
        return found

    async def search(
        self, kind: str, protocol: str, fields: Sequence[tuple[str, str]]
    ) -> list[Json]:
        """Users or locations (`kind` user or location) of a network that fit the fields."""
        query = urlencode(fields)
        if len(query) > FIELDS_CHARACTERS_MAX:
            raise InvalidParam("The fields are too long")
        path = f"/{kind}/{quote(protocol, safe='')}" + (f"?{query}" if query else "")
        return await self._collect(self._offering(protocol), path, kind)

    async def reverse(self, kind: str, parameter: str, name: str) -> list[Json]:
        """What a user id or an alias stands for in other networks."""
        path = f"/{kind}?{urlencode([(parameter, name)])}"
        offering = [each for each in self._services.all if each.registration.protocols]
        return await self._collect(offering, path, kind)

    async def _protocol(self, name: str) -> Json | None:
        """What its services say, the instances of all of them together."""
        path, found = f"/protocol/{quote(name, safe='')}", None
        for service in self._offering(name):
            told = await self._ask(service, path)
            if not isinstance(told, dict):
                continue
            instances = _instances(cast(Json, told), service)
            if found is None:
                found = {**cast(Json, told), "instances": instances}
            else:
                found["instances"] += instances
        return found

    async def _collect(self, services: Sequence[Service], path: str, kind: str) -> list[Json]:
        answers = await asyncio.gather(*(self._ask(service, path) for service in services))
        named = "userid" if kind == "user" else "alias"
        found = [
            cast(Json, each)
            for answer in answers
            if isinstance(answer, list)
            for each in cast("list[object]", answer)
            if isinstance(each, dict) and isinstance(cast(Json, each).get(named), str)
        ]
        if not found:
            raise NotFound(f"No such third-party {kind}")
        return found[:ANSWERS_MAX]

    async def _ask(self, service: Service, path: str) -> Any:
        try:
            return await self._calls.lookup(service, path)
        except ServiceUnreachable:
            return None

    def _offering(self, protocol: str) -> list[Service]:
        return [each for each in self._services.all if protocol in each.registration.protocols]


def instance_id(service_id: str, network_id: str) -> str:
    """What /publicRooms takes as `third_party_instance_id` for a network of a service."""
    return f"{service_id}|{network_id}"


def _instances(told: Json, service: Service) -> list[Json]:
    listed = told.get("instances")
    if not isinstance(listed, list):
        return []
    instances = [
        cast(Json, each) for each in cast("list[object]", listed) if isinstance(each, dict)
    ]
    return [
        {**each, "instance_id": instance_id(service.id, str(each.get("network_id", "")))}
        for each in instances
    ]
