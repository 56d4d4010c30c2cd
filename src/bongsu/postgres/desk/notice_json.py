"""Texts by language as they stand in a column."""

from collections.abc import Mapping

import msgspec


def as_json(texts: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(texts)).decode()
