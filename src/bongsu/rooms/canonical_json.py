"""Canonical JSON: the one encoding of a value that hashes and signatures are made of.

Spec: appendices, "Canonical JSON". Keys sorted by code point, no white space, UTF-8, integers of
at most 53 bits, no floats. orjson writes exactly that (its byte order of UTF-8 is the order of code
points) and refuses longer integers and lone surrogates. But it would write a float, and NaN as
null, so what a client sent is first walked once for those.
"""

from collections.abc import Iterable
from typing import Any, cast

import orjson

from bongsu.errors import BadJson

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 100

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_SCALARS = frozenset({str, int, bool, type(None)})
_ARRAYS = frozenset({list, tuple})


def canonical_json(value: Any) -> bytes:
    """`value` as canonical JSON; `BadJson` if it has none."""
    check_canonical([value])
    return encode(value)


def check_canonical(items: Iterable[Any]) -> None:
    """Raise `BadJson` if `items` hold a float or something unknown to JSON, or are nested too deep.

    At most DEPTH_MAX levels of objects and arrays may stand in one another. The range of integers
    and the soundness of strings are left to `encode`.
    """
    level: list[Iterable[Any]] = [items]
    for _ in range(DEPTH_MAX):
        below: list[Iterable[Any]] = []
        for items in level:
            for item in items:
                kind = cast("type[Any]", type(item))
                if kind in _SCALARS:
                    continue
                if kind is dict:
                    below.append(item.values())
                elif kind in _ARRAYS:
                    below.append(item)
                else:
                    raise BadJson(f"Not canonical JSON: a {kind.__name__}")
        if not below:
            return
        level = below
    raise BadJson(f"JSON is nested deeper than {DEPTH_MAX} levels")


def encode(value: Any) -> bytes:
    """`value`, known to hold no floats, as canonical JSON.

    Raises `BadJson` on an integer beyond ±(2^53 - 1), a lone surrogate, or a key that is no string.
    """
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        raise BadJson(f"Not canonical JSON: {error}") from None
