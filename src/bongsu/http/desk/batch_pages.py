"""What the pages of batches have in common: lines counted, a file out, an answer in."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from starlette.responses import Response

from bongsu.http.desk.visit import Visit

LINES_SHOWN = 500
ID_CHARS_MAX = 64


class HasState(Protocol):
    @property
    def state(self) -> StrEnum: ...


def count_states(lines: Iterable[HasState], states: type[StrEnum]) -> dict[str, int]:
    """How many lines are in which state; of each state, in their order."""
    found = Counter(line.state.value for line in lines)
    return {state.value: found[state.value] for state in states}


async def uploaded(visit: Visit, bytes_max: int) -> bytes:
    """The file of the field `result`; a byte more than `bytes_max` if it is longer."""
    files = visit.files("result")
    if not files:
        raise visit.refuse("base.field_missing", name="result")
    return await files[0].read(bytes_max + 1)


def download(name: str, content: bytes, media_type: str) -> Response:
    """A batch as a file: saved under `name`, and kept by nobody on the way."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, headers=headers, media_type=media_type)
