"""What machines may ask the desk, described in OpenAPI 3.1: made of the very types that handlers
decode and encode."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from starlette.responses import JSONResponse, Response

from bongsu.http.desk.endpoints import Endpoint, api
from bongsu.http.desk.openapi_operations import (
    ALWAYS,
    OPERATIONS,
    STATUSES,
    TOKENS,
    Operation,
    Query,
    Refusal,
)
from bongsu.http.desk.visit import Visit

PATH = "/api/openapi.json"
_REFS = "#/components/schemas/{name}"


class OpenApiPage:
    def __init__(self, url: str) -> None:
        self._url = url

    def endpoints(self) -> Iterator[Endpoint]:
        yield api("GET", PATH, self.show)

    async def show(self, visit: Visit) -> Response:
        return JSONResponse(describe(self._url))


def describe(url: str) -> dict[str, Any]:
    """The whole description."""
    types = [Refusal, *(one.answer for one in OPERATIONS)]
    types += [one.body for one in OPERATIONS if one.body is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFS)
    by_type = dict(zip(map(str, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bongsu desk", "version": "1"},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": text}
                for name, text in TOKENS.items()
            },
        },
    }


def _operation(one: Operation, by_type: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": one.summary,
        "operationId": f"{one.method} {one.path}",
        "parameters": [*_path_parameters(one.path), *map(_query_parameter, one.query)],
        "responses": _responses(one, by_type),
    }
    if one.body is not None:
        told["requestBody"] = {
            "required": True,
            "content": {one.media_type: {"schema": by_type[str(one.body)]}},
        }
    if one.token:
        told["security"] = [{one.token: []}]
    return told


def _responses(one: Operation, by_type: Mapping[str, Any]) -> dict[str, Any]:
    refusal = _json(by_type[str(Refusal)])
    failures = {status: STATUSES[status] for status in one.statuses} | ALWAYS
    return {
        "200": {"description": "Done", "content": _json(by_type[str(one.answer)])},
        **{
            str(status): {"description": text, "content": refusal}
            for status, text in failures.items()
        },
    }


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            is_whole = name in ("version", "number")
            schema = {"type": "integer", "minimum": 1} if is_whole else {"type": "string"}
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "in": "query",
        "description": query.description,
        "schema": dict(query.schema),
    }


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
