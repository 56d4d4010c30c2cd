"""Bodies of requests and answers of the operator API: JSON of the types that are described."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from bongsu.errors import BadJson
from bongsu.http.desk.visit import Visit

Body = TypeVar("Body")

# What people write: something, and nothing that the tables cannot hold.
Reason = Annotated[str, Meta(max_length=2_000, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")]
Words = Annotated[str, Meta(max_length=5_000, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")]
# Chosen by the caller for one act: sent again with the same key it is done once.
Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_\-]{1,32}$")]


async def read_json(visit: Visit, kind: type[Body], what: str) -> Body:
    """The body as `kind`; `BadJson` says what is wrong with it. `what`: "a batch of events"."""
    try:
        return msgspec.json.decode(await visit.body(), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadJson(f"Not {what}: {error}") from None


def answer_json(told: Struct) -> Response:
    return Response(msgspec.json.encode(told), media_type="application/json")
