"""Answers of unbounded size, as JSON written piece by piece; a short one is sent whole."""

from collections.abc import AsyncIterator

from bongsu.http.message import Response

Pieces = AsyncIterator[list[bytes]]


async def streamed(start: bytes, pieces: Pieces, end: bytes) -> Response:
    """`start`, all pieces with commas between them, `end`.

    The first two pages are awaited here, so that what fails at once is answered as an error, and
    so that what is no longer than a page has a length and needs no chunks.
    """
    first = await anext(pieces, None)
    second = None if first is None else await anext(pieces, None)
    if second is None:
        return Response(start + b",".join(first or ()) + end)
    return Response(b"", stream=_joined(start, [*(first or ()), *second], pieces, end))


async def _joined(
    start: bytes, head: list[bytes], pieces: Pieces, end: bytes
) -> AsyncIterator[bytes]:
    yield start + b",".join(head)
    is_first = not head
    async for page in pieces:
        if page:
            yield (b"" if is_first else b",") + b",".join(page)
            is_first = False
    yield end
