"""Searching messages. Spec: "Server Side Search"."""

from collections.abc import AsyncIterator

import msgspec

from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, post
from bongsu.rooms.room_state import RoomStates
from bongsu.search.answering import Answering
from bongsu.search.criteria import Criteria, Search
from bongsu.search.service import Result, SearchService

# 10,000 rooms in a filter are some half megabyte.
BODY_BYTES_MAX = 1024 * 1024


class Categories(msgspec.Struct, frozen=True):
    room_events: Criteria | None = None


class SearchBody(msgspec.Struct, frozen=True):
    search_categories: Categories


class SearchEndpoints:
    def __init__(self, service: SearchService, answering: Answering, states: RoomStates) -> None:
        self._service = service
        self._answering = answering
        self._states = states

    @post("/_matrix/client/v3/search", limit="search", body_bytes_max=BODY_BYTES_MAX)
    async def search(self, request: Request) -> Answer:
        criteria = request.json(SearchBody).search_categories.room_events
        if criteria is None:
            return {"search_categories": {}}
        search = Search(criteria, request.query_text("next_batch"))
        found = await self._service.search(request.requester, search)
        answer = await self._answering.answer(search, found)
        if not criteria.include_state:
            return {"search_categories": {"room_events": answer}}
        start = b'{"search_categories":{"room_events":' + msgspec.json.encode(answer)[:-1]
        return Response(b"", stream=self._with_state(start, criteria, found.results))

    async def _with_state(
        self, start: bytes, criteria: Criteria, results: list[Result]
    ) -> AsyncIterator[bytes]:
        """The answer, and the state of each room in it, a page at a time."""
        yield start + b',"state":{'
        rooms = {result.view.room_id: result.view for result in results}
        for number, (room_id, view) in enumerate(rooms.items()):
            yield (b"," if number else b"") + msgspec.json.encode(room_id) + b":["
            separator = b""
            if view.state_through is not None:
                members = None
                if criteria.filter.lazy_load_members:
                    shown = [each.event for each in results if each.view is view]
                    members = await self._answering.senders_of(view, shown)
                async for page in self._states.stream_state(view, view.state_through, members):
                    if page:
                        yield separator + b",".join(page)
                        separator = b","
            yield b"]"
        yield b"}}}}"
