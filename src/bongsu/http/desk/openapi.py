"""What machines may ask the desk, described in OpenAPI 3.1: made of the very types that handlers
decode and encode."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import JSONResponse, Response

from bongsu.desk.drill_report import Drill
from bongsu.desk.investigation.document import Document
from bongsu.desk.investigation.machine_events import Taken
from bongsu.http.desk.compensation_api import (
    Checked,
    LedgerTotals,
    ProgrammeList,
    ProgrammeText,
)
from bongsu.http.desk.endpoints import Endpoint, api
from bongsu.http.desk.investigation_public import InvestigationList
from bongsu.http.desk.machine_api import DrillsTaken, EventBatch, EventList
from bongsu.http.desk.prevention import MeasureList
from bongsu.http.desk.statements import StatementList, ToldStatement
from bongsu.http.desk.visit import Visit

PATH = "/api/openapi.json"
_REFS = "#/components/schemas/{name}"


class Refusal(Struct, frozen=True):
    """Every answer that is no success. `code` is for programs, `message` for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Operation:
    """`token`: the scheme that opens it, "" for everybody. `statuses`: how else it may answer."""

    method: str
    path: str
    summary: str
    answer: Any
    body: Any = None
    media_type: str = "application/json"  # of the body
    token: str = ""
    query: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()


OPERATIONS: Sequence[Operation] = (
    Operation(
        "post", "/api/machine-events",
        "Add events, all or none. Sent again with the same ids they change nothing.",
        Taken, EventBatch, token="sender", statuses=(400, 401, 409, 413),
    ),
    Operation(
        "get", "/api/machine-events", "Events between two times, 1,000 at most.",
        EventList, token="operator", query=("from", "to"), statuses=(400, 401, 403),
    ),
    Operation(
        "post", "/api/drill-reports",
        "Add the events of drills (drill.json of `bongsu drill --report`), and open measures again "
        "that they disprove.",
        DrillsTaken, list[Drill] | Drill, token="sender", statuses=(400, 401, 409, 413),
    ),
    Operation(
        "post", "/api/witness-logs",
        "Add a witness's decisions: its log's lines of JSON. Other lines are let pass.",
        Taken, str, "text/plain", "sender", statuses=(401, 413),
    ),
    Operation("get", "/api/investigations", "The latest published reports.", InvestigationList),
    Operation(
        "get", "/api/investigations/{case}/{version}",
        "A published version. The SHA-256 of these bytes is shown with it.",
        Document, statuses=(404,),
    ),
    Operation("get", "/api/measures", "Public measures.", MeasureList),
    Operation("get", "/api/statements", "The latest version of every statement.", StatementList),
    Operation(
        "get", "/api/statements/{statement}/{version}",
        "A version of a statement with all that its hash is made of.",
        ToldStatement, statuses=(404,),
    ),
    Operation(
        "post", "/api/compensation/check", "What is wrong in a programme's text, line by line.",
        Checked, ProgrammeText, token="operator", statuses=(400, 401, 403),
    ),
    Operation(
        "get", "/api/compensation/programmes", "The latest version of every programme.",
        ProgrammeList, token="operator", statuses=(401, 403),
    ),
    Operation(
        "get", "/api/compensation/ledger", "What the ledger's accounts hold, by class and unit.",
        LedgerTotals, token="operator", statuses=(401, 403),
    ),
)  # fmt: skip

_TOKENS = {
    "sender": "The token of a sender of machine events, made on the operators' pages.",
    "operator": "The token of an operator's session (the cookie desk_session).",
}
_STATUSES = {
    400: "What was sent cannot be taken; nothing of it was",
    401: "No token, or one that is not known",
    403: "The operator lacks the role",
    404: "There is no such thing",
    409: "An event of this id is known with another content; nothing was taken",
    413: "Too long",
}
_ALWAYS = {429: "Too often; Retry-After says when", 503: "Not known; try again, it does no harm"}


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
                for name, text in _TOKENS.items()
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
    failures = {status: _STATUSES[status] for status in one.statuses} | _ALWAYS
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
            schema = {"type": "integer", "minimum": 1} if name == "version" else {"type": "string"}
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0}
    return {"name": name, "in": "query", "description": "ms since 1970", "schema": schema}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
