"""Requests that nobody should send, made from what an endpoint is said to take."""

import itertools
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from contract import evil
from contract.spec import Place

EXAMPLE_DEPTH_MAX = 8
COMBINATIONS = 200
FORGERIES = 30
_MARK = "\ue000here\ue000"
_MARKED = json.dumps(_MARK).encode()
_NAMES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Target:
    """One endpoint: its path with `{names}`, the query parameters and an example of its body.

    `fixed` names path parameters that are not the world's own, `needed` the query parameters that
    every request must have.
    """

    verb: str
    path: str
    query: tuple[str, ...] = ()
    body: Any = None
    fixed: dict[str, str] = field(default_factory=dict)
    needed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        fixed = " ".join(self.fixed.values())
        return f"{self.verb} {self.path.removeprefix('/_matrix/')} {fixed}".strip()


@dataclass(frozen=True)
class Case:
    """One request. `told` is how a failure names it."""

    verb: str
    target: str
    body: bytes
    token: str | None

    def __str__(self) -> str:
        return f"{self.verb} {self.target[:300]} {_short(self.body)} token={str(self.token)[:20]}"


class Values:
    """What a world puts for names of parameters and fields, so that requests get past the door."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._txn_ids = itertools.count()

    def __call__(self, name: str) -> str | None:
        key = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
        if key == "txn_id":
            return f"t{next(self._txn_ids)}"
        return self._names.get(key)


def cases(target: Target, values: Values, tokens: list[str], seed: str) -> list[Case]:
    """Every case of `target`, in an order that `seed` decides.

    `tokens`: the caller's, then those of others.
    """
    chance = random.Random(f"{seed} {target}")
    found = list(_cases(target, values, tokens, chance))
    chance.shuffle(found)
    return found


def _cases(
    target: Target, values: Values, tokens: list[str], chance: random.Random
) -> Iterator[Case]:
    """Each place with each evil, the rest as it should be; then several places at once."""

    def case(
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        token: str | None = tokens[0],
    ) -> Case:
        fields = (f"{name}={value}" for name, value in {**target.needed, **(query or {})}.items())
        whole = "?".join(filter(None, (_path(target, values, path or {}), "&".join(fields))))
        usual = b"" if target.body is None else json.dumps(target.body).encode()
        return Case(target.verb, whole, usual if body is None else body, token)

    names = _NAMES.findall(target.path)
    bodies = list(evil_bodies(target.body)) if target.body is not None else list(evil.BODIES[:8])
    yield case()
    for token in (None, *tokens[1:], *evil.TOKENS):
        yield case(token=token)
    for name in names:
        for segment in (*evil.SEGMENTS, *_forged(values(name), chance)):
            yield case({name: segment})
    for name in target.query:
        for value in (*evil.QUERIES, *_forged(values(name), chance)):
            yield case(query={name: value})
    for body in bodies:
        yield case(body=body)
    for _ in range(COMBINATIONS):
        yield case(
            {name: chance.choice(evil.SEGMENTS) for name in names if chance.random() < 0.3},
            {name: chance.choice(evil.QUERIES) for name in target.query},
            chance.choice(bodies),
            chance.choice(tokens),
        )


def evil_bodies(example: Any) -> Iterator[bytes]:
    """Whole bodies; then the example with each field missing, or evil, among others or alone."""
    yield from evil.BODIES
    for spot in spots(example):
        yield json.dumps(put(example, spot, None, missing=True)).encode()
        marked = put(example, spot, _MARK)
        alone = {spot[0]: marked[spot[0]]} if isinstance(marked, dict) else marked
        for whole in (marked, alone):
            text = json.dumps(whole).encode()
            yield from (text.replace(_MARKED, value) for value in evil.VALUES)


def spots(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every member of every object and array in `value`, outer ones first."""
    if not isinstance(value, dict | list):
        return
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*at, key)
        yield from spots(member, (*at, key))


def put(value: Any, spot: tuple[Any, ...], new: Any, *, missing: bool = False) -> Any:
    """A copy of `value` with `new` at `spot`, or with nothing there."""
    key, rest = spot[0], spot[1:]
    members = dict(value.items() if isinstance(value, dict) else enumerate(value))
    if rest:
        members[key] = put(members[key], rest, new, missing=missing)
    elif missing:
        del members[key]
    else:
        members[key] = new
    return members if isinstance(value, dict) else list(members.values())


def example(schema: Place, depth: int = 0) -> Any:
    """A value as `schema` wants it, with every field that it names."""
    kinds = schema.value.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object" or "oneOf" in schema:
        return _example_object(schema, depth + 1) if depth < EXAMPLE_DEPTH_MAX else {}
    if kind == "array":
        return [example(schema["items"], depth + 1)] if "items" in schema else []
    if "enum" in schema:
        return schema.value["enum"][0]
    return {"string": "x", "boolean": True}.get(kind, 1)


def _example_object(schema: Place, depth: int) -> Any:
    """All that `allOf` brings together, the first of each alternative, and the own fields."""
    found: dict[str, Any] = {}
    for word in ("allOf", "oneOf", "anyOf"):
        options = [place for _, place in schema[word].items()] if word in schema else []
        for option in options if word == "allOf" else options[:1]:
            part = example(option, depth)
            if not isinstance(part, dict):
                return part
            found |= part
    for key, place in schema["properties"].items() if "properties" in schema else ():
        found[key] = example(place, depth)
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"].value, dict):
        found["@any:key"] = example(schema["additionalProperties"], depth)
    return found


def _path(target: Target, values: Values, given: dict[str, str]) -> str:
    """The path filled in: `given` as it is, else `fixed` or the world's own, encoded."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name in given:
            return given[name]
        known = target.fixed.get(name, values(name))
        return quote("x" if known is None else known, safe="")

    return _NAMES.sub(fill, target.path)


def _forged(value: str | None, chance: random.Random) -> Iterator[str]:
    """A true value (a token, an id), cut off, or with other characters here and there."""
    for _ in range(FORGERIES if value else 0):
        characters = list(value)
        for _ in range(chance.randint(1, 3)):
            characters[chance.randrange(len(value))] = chance.choice("0A_~-.9:!$\x00é")
        yield quote("".join(characters[: chance.randint(1, len(value) * 2)]), safe="")


def _short(body: bytes) -> str:
    text = repr(body)[1:]
    return text if len(text) < 300 else f"{text[:200]}…({len(body)} bytes)"
