"""The shape of m.room.canonical_alias; whether its aliases lead here, the directory knows."""

from collections.abc import Mapping
from typing import Any, cast

from bongsu.errors import InvalidParam
from bongsu.ids import RoomAlias, room_alias

ALT_ALIASES_MAX = 1_000
"""Above what an event has room for in practice; bounds the look-ups of one request."""


def canonical_aliases(content: Mapping[str, Any]) -> list[RoomAlias]:
    """Every alias in `content`, `alias` first, each once. `InvalidParam` if one is malformed.

    An `alias` that is absent, null or empty means that there is none.
    """
    alias, alt_aliases = content.get("alias"), content.get("alt_aliases", [])
    if not isinstance(alt_aliases, list):
        raise InvalidParam("alt_aliases is not an array")
    texts = cast("list[Any]", alt_aliases)
    if len(texts) > ALT_ALIASES_MAX:
        raise InvalidParam(f"More than {ALT_ALIASES_MAX} alt_aliases")
    if alias is not None and alias != "":
        texts = [alias, *texts]
    return list(dict.fromkeys(_alias(text) for text in texts))


def added_aliases(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[RoomAlias]:
    """The aliases of `new` that must be looked up: those that are not in `old` already.

    `old` is the content in force, or empty. `InvalidParam` if `new` is malformed.
    """
    try:
        known = canonical_aliases(old)
    except InvalidParam:
        known = []
    return [alias for alias in canonical_aliases(new) if alias not in known]


def _alias(text: Any) -> RoomAlias:
    if not isinstance(text, str):
        raise InvalidParam("An alias is not a string")
    return room_alias(text)
