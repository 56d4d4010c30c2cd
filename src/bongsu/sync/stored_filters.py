"""Filters that clients stored. An id is a fingerprint of the definition, so it never changes."""

from base64 import urlsafe_b64encode
from collections import OrderedDict
from hashlib import sha256
from typing import Protocol, TypeVar

import msgspec

from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.sync.filter import ALL, Filter, FilterDefinition, check_filter, parse_filter

K = TypeVar("K")
V = TypeVar("V")

FILTER_ID_BYTES = 12
FILTERS_CACHED_MAX = 10_000
FILTER_ID_CHARS_MAX = 64


class FilterStore(Protocol):
    async def add(self, user_id: str, filter_id: str, definition: bytes) -> bool:
        """False if the person has too many."""
        ...

    async def get(self, user_id: str, filter_id: str) -> bytes | None: ...


class StoredFilters:
    def __init__(self, store: FilterStore) -> None:
        self._store = store
        # By definition: nearly all devices of one client have the same.
        self._compiled: OrderedDict[bytes, Filter] = OrderedDict()
        self._definitions: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def add(self, user_id: str, definition: FilterDefinition) -> str:
        """The id of a filter from now on. `BadJson` if it permits what the spec does not."""
        check_filter(definition)
        encoded = msgspec.json.encode(definition)
        digest = sha256(encoded).digest()[:FILTER_ID_BYTES]
        filter_id = urlsafe_b64encode(digest).decode()
        if not await self._store.add(user_id, filter_id, encoded):
            raise Refused("Too many filters", code="M_RESOURCE_LIMIT_EXCEEDED", status=403)
        return filter_id

    async def get(self, user_id: str, filter_id: str) -> msgspec.Raw:
        """The JSON of a definition; `NotFound` for an unknown id."""
        return msgspec.Raw(await self._definition(user_id, filter_id))

    async def resolve(self, user_id: str, parameter: str | None) -> Filter:
        """The filter that a `filter` query parameter means: JSON, an id, or everything."""
        if not parameter:
            return ALL
        if parameter.startswith("{"):
            return self._compile(msgspec.json.encode(parse_filter(parameter.encode())))
        try:
            return self._compile(await self._definition(user_id, parameter))
        except NotFound:
            raise InvalidParam("No such filter") from None

    async def _definition(self, user_id: str, filter_id: str) -> bytes:
        key = (user_id, filter_id)
        found = self._definitions.get(key)
        if found is None:
            if len(filter_id) > FILTER_ID_CHARS_MAX or "\x00" in filter_id:
                raise NotFound("No such filter")
            found = await self._store.get(user_id, filter_id)
            if found is None:
                raise NotFound("No such filter")
            _remember(self._definitions, key, found)
        return found

    def _compile(self, definition: bytes) -> Filter:
        found = self._compiled.get(definition)
        if found is None:
            found = Filter(msgspec.json.decode(definition, type=FilterDefinition))
            _remember(self._compiled, definition, found)
        return found


def _remember(cache: OrderedDict[K, V], key: K, value: V) -> None:
    cache[key] = value
    if len(cache) > FILTERS_CACHED_MAX:
        cache.popitem(last=False)
