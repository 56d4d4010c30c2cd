"""What is wrong with an answer, by the spec's schemas: complaints, one line each."""

import re
from collections.abc import Iterator
from typing import Any

from contract.spec import Operation, Place, core_schema, error_schema, event_schema

COMPLAINTS_MAX = 8
# Keys that only schemas other than the answer's name: of /room_summary.
NAMED_ELSEWHERE = {"room_version", "device_unused_fallback_key_types"}
# Answers of whatever was put there: their schema says "an object, or else an event".
FREE = {"getRoomStateWithKey"}
# A key of a namespace is nobody's misspelling, nor is one of the spec's prose ("m.thread").
NAMESPACED = re.compile(r"(?:[a-z]+\.)+[a-z0-9_.]+", re.I)


def complaints(operation: Operation, status: int, answer: Any) -> list[str]:
    """Everything that makes `answer` other than `operation` promises for `status`."""
    schema = operation.answer(status)
    if schema is None and status >= 400:
        schema = error_schema()
    if schema is None:
        return []
    found = list(_of_events(answer))
    if operation.id in FREE and status < 400:
        return found
    found += _against(schema, answer)
    if status < 400:
        found += [f"{path}: the spec names no such key" for path in unnamed(schema, answer)]
    elif status != 401 or "flows" not in answer:
        found += _of_error(answer)
    return found[:COMPLAINTS_MAX]


def _against(schema: Place, value: Any, at: str = "$") -> Iterator[str]:
    for error in schema.validator().iter_errors(value):
        yield f"{at}{error.json_path[1:]}: {error.message[:300]}"


def _of_error(answer: Any) -> Iterator[str]:
    if not re.fullmatch(r"M_[A-Z0-9_]+", str(answer.get("errcode"))):
        yield f"$.errcode: {answer.get('errcode')!r}"
    if not (isinstance(answer.get("error"), str) and answer["error"]):
        yield f"$.error: {answer.get('error')!r} is no text for people"


def _of_events(answer: Any, at: str = "$") -> Iterator[str]:
    """Each event anywhere in the answer against the schema of its type."""
    if isinstance(answer, dict):
        if _is_event(answer):
            yield from _of_event(answer, at)
        for key, value in answer.items():
            yield from _of_events(value, f"{at}.{key}")
    elif isinstance(answer, list):
        for index, value in enumerate(answer):
            yield from _of_events(value, f"{at}[{index}]")


def _is_event(value: dict[str, Any]) -> bool:
    return isinstance(value.get("type"), str) and isinstance(value.get("content"), dict)


def _of_event(event: dict[str, Any], at: str) -> Iterator[str]:
    """Room events carry no room_id in a /sync, and redacted ones little content."""
    if "event_id" in event:
        core = core_schema("sync_state_event" if "state_key" in event else "sync_room_event")
        yield from _against(core, event, at)
    schema = event_schema(event)
    if schema is None or "redacted_because" in event.get("unsigned", {}):
        return
    if "event_id" in event or "state_key" not in event:
        yield from _against(schema, {"room_id": "!of-the-answer", **event}, at)
    elif (content := schema.at("properties", "content")) is not None:  # stripped state
        yield from _against(content, event["content"], f"{at}.content")


def unnamed(schema: Place, value: Any, at: str = "$") -> Iterator[str]:
    """Paths of keys that no schema of their object names: misspellings, leaks.

    An object whose schemas name no keys at all is free, as are keys with a namespace.
    """
    if isinstance(value, list):
        items = [place for part in _parts(schema) if (place := part.at("items"))]
        for index, item in enumerate(value):
            for place in items:
                yield from unnamed(place, item, f"{at}[{index}]")
    if not isinstance(value, dict):
        return
    parts = list(_parts(schema))
    if _is_event(value) and (own := event_schema(value)) is not None:
        parts += _parts(own)
    free = not any("properties" in part for part in parts)
    for key, member in value.items():
        named = list(_members(parts, key))
        known = named or free or key in NAMED_ELSEWHERE or NAMESPACED.fullmatch(key)
        if not known:
            yield f"{at}.{key}"
        # Alternatives (oneOf) may know different keys: a key is a stranger if all say so.
        strange = [set(unnamed(place, member, f"{at}.{key}")) for place in named]
        yield from sorted(set.intersection(*strange)) if strange else ()


def _parts(schema: Place) -> Iterator[Place]:
    """The schema and all that it is put together of."""
    yield schema
    for word in ("allOf", "oneOf", "anyOf"):
        for _, place in schema[word].items() if word in schema else ():
            yield from _parts(place)


def _members(parts: list[Place], key: str) -> Iterator[Place]:
    """The schemas that `parts` have for the member `key` of an object."""
    for part in parts:
        if (place := part.at("properties", key)) is not None:
            yield place
        patterns = part.at("patternProperties")
        for pattern, place in patterns.items() if patterns else ():
            if re.search(pattern, key):
                yield place
        rest = part.at("additionalProperties")
        if rest is not None and rest.value is not False:
            yield rest
