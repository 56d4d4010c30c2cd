"""The OpenAPI files and event schemas of the Matrix spec: operations and their schemas."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DEFAULT_FOLDER = Path(__file__).parents[2] / ".." / "shared" / "matrix-spec"
FOLDER = Path(os.environ.get("MATRIX_SPEC_DIR", DEFAULT_FOLDER)).resolve()
MISSING = None if (FOLDER / "api").is_dir() else f"no Matrix spec in MATRIX_SPEC_DIR ({FOLDER})"

VERBS = ("get", "put", "post", "delete")


@cache
def _load(uri: str) -> Any:
    path = Path(unquote(urlsplit(uri).path))
    if "identity" in path.parts and not path.exists():
        return {}  # a copy may leave out the APIs of other servers: anything goes
    return yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)


@cache
def _resource(uri: str) -> "Resource[Any]":
    return Resource(_load(uri), DRAFT202012)


REGISTRY: "Registry[Any]" = Registry(retrieve=_resource)  # type: ignore[call-arg]
FORMATS = FormatChecker(formats=())


@FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@FORMATS.checks("mx-mxc-uri")
def _is_mxc_uri(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"mxc://[^/]+/[\w-]+", value) is not None


class Place:
    """A value in the files, and where it stands. Every `$ref` on the way is followed."""

    def __init__(self, uri: str, value: Any) -> None:
        while isinstance(value, dict) and isinstance(value.get("$ref"), str):
            uri = urljoin(uri, value["$ref"])
            value = _at(uri)
        self.uri = uri if "#" in uri else f"{uri}#"
        self.value = value

    @classmethod
    def file(cls, path: Path) -> "Place":
        return cls(path.as_uri(), _load(path.as_uri()))

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str | int) -> "Place":
        pointer = str(key).replace("~", "~0").replace("/", "~1").replace("%", "%25")
        return Place(f"{self.uri}/{pointer}", self.value[key])

    def at(self, *keys: str | int) -> "Place | None":
        """The place at the end of `keys`, or None where one leads nowhere."""
        place = self
        for key in keys:
            if key not in place:
                return None
            place = place[key]
        return place

    def items(self) -> Iterator[tuple[str, "Place"]]:
        """The members of an object or array; nothing for what is neither."""
        if isinstance(self.value, dict):
            yield from ((key, self[key]) for key in self.value)
        elif isinstance(self.value, list):
            yield from ((str(index), self[index]) for index in range(len(self.value)))

    def validator(self) -> Draft202012Validator:
        return Draft202012Validator({"$ref": self.uri}, registry=REGISTRY, format_checker=FORMATS)


def _at(uri: str) -> Any:
    """The value that a URI with a JSON pointer in its fragment names."""
    file, pointer = urldefrag(uri)
    value = _load(file)
    for part in unquote(pointer).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


@dataclass(frozen=True)
class Operation:
    """One verb on one path, as an OpenAPI file describes it. `path` has its `{names}`."""

    id: str
    verb: str
    path: str
    place: Place

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Of the paths it answers; a state key may be empty."""
        return re.compile(
            "/".join(
                "[^/]*" if part == "{stateKey}" else "[^/]+" if part[:1] == "{" else re.escape(part)
                for part in self.path.split("/")
            )
        )

    @property
    def parameters(self) -> list[Place]:
        listed = self.place.at("parameters")
        return [place for _, place in listed.items()] if listed else []

    @property
    def body(self) -> Place | None:
        """The schema of the JSON body."""
        return self.place.at("requestBody", "content", "application/json", "schema")

    def answer(self, status: int) -> Place | None:
        """The schema of the JSON answer with this status, if the operation names one."""
        return self.place.at("responses", str(status), "content", "application/json", "schema")


@cache
def operations() -> dict[str, Operation]:
    """Every operation of the client-server API, by its operationId."""
    found = {}
    for path in sorted((FOLDER / "api" / "client-server").glob("*.yaml")):
        file = Place.file(path)
        base = file["servers"][0].at("variables", "basePath", "default")
        for name, item in file["paths"].items():
            # A blank at the end tells two descriptions of one path apart.
            full = (base.value if base else "") + name.strip()
            for verb, place in item.items():
                if verb in VERBS:
                    found[place["operationId"].value] = Operation(
                        place["operationId"].value, verb.upper(), full, place
                    )
    return found


def error_schema() -> Place:
    return Place.file(FOLDER / "api/client-server/definitions/errors/error.yaml")


def event_schema(event: dict[str, Any]) -> Place | None:
    """The schema of an event of this type (and msgtype), if the spec has one."""
    folder = FOLDER / "event-schemas" / "schema"
    content = event["content"]
    subtype = content.get("msgtype") or content.get("method")
    for name in (f"{event['type']}${subtype}.yaml", f"{event['type']}.yaml"):
        if "/" not in name and (folder / name).is_file():
            return Place.file(folder / name)
    return None


def core_schema(name: str) -> Place:
    """`sync_room_event`, `stripped_state` and the like: what all events of a kind have."""
    return Place.file(FOLDER / "event-schemas" / "schema" / "core-event-schema" / f"{name}.yaml")
