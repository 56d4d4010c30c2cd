"""Syncing and filters. Spec: client-server API, "Syncing" and "Filtering"."""

from bongsu.errors import Forbidden, InvalidParam, Refused
from bongsu.http.message import Request, Response, TakeAgain
from bongsu.http.repeated import Reply, Taken
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.rooms.client_event import Device
from bongsu.sync.filter import FILTER_BYTES_MAX, FilterDefinition
from bongsu.sync.polls import Polls
from bongsu.sync.request import WAIT_SECONDS_MAX, SyncRequest
from bongsu.sync.stored_filters import StoredFilters
from bongsu.sync.v2 import SyncService

FILTER = "/_matrix/client/v3/user/{user_id}/filter"
PRESENCES = ("online", "unavailable", "offline")
# Under its first name clients look for `state_after` under that name.
STATE_AFTER_UNSTABLE = "org.matrix.msc4222.use_state_after"


class SyncEndpoints:
    def __init__(self, sync: SyncService, filters: StoredFilters) -> None:
        self._sync = sync
        self._filters = filters

    @get("/_matrix/client/v3/sync", auth=Auth.GUEST)
    async def sync(self, request: Request) -> Response:
        requester = request.requester
        presence = request.query_text("set_presence") or "online"
        if presence not in PRESENCES:
            raise InvalidParam("set_presence is none of online, unavailable and offline")
        timeout_ms_max = int(WAIT_SECONDS_MAX * 1000)
        timeout_seconds = request.query_int("timeout", 0, maximum=timeout_ms_max) / 1000
        asked = SyncRequest(
            device=Device(requester.user_id, requester.device_id),
            filter=await self._filters.resolve(requester.user_id, request.query_text("filter")),
            since=request.query_text("since"),
            timeout_seconds=timeout_seconds,
            full_state=request.query_bool("full_state"),
            set_presence=presence,
            state_key=_state_key(request),
        )
        rest = max(0.0, timeout_seconds - request.waited_seconds)
        answer = await self._sync.sync(asked._replace(timeout_seconds=rest))
        if not isinstance(answer, bytes):
            return Response(stream=answer)
        return Response(answer, take_again=self._take_again(request, asked))

    def _take_again(self, request: Request, asked: SyncRequest) -> TakeAgain | None:
        """Takes a poll that differs from this one in its token alone."""
        if asked.since is None or asked.full_state:
            return None
        around = around_since(request.query_string, asked.since)
        if around is None or len(request.query["since"]) > 1:
            return None
        before, after = around
        return PollAgain(self._sync.polls, asked, request.raw_path + b"?" + before, after).take

    @post(FILTER, auth=Auth.GUEST, limit="other", body_bytes_max=FILTER_BYTES_MAX)
    async def add_filter(self, request: Request) -> Answer:
        definition = request.json(FilterDefinition)
        return {"filter_id": await self._filters.add(_own_id(request), definition)}

    @get(f"{FILTER}/{{filter_id}}", auth=Auth.GUEST)
    async def get_filter(self, request: Request) -> Response:
        definition = await self._filters.get(_own_id(request), request.path["filter_id"])
        return Response(bytes(definition))

    @get("/_matrix/client/v3/events", auth=Auth.GUEST)
    @get("/_matrix/client/v3/initialSync", auth=Auth.GUEST)
    async def old_sync(self, request: Request) -> Answer:
        """Deprecated since the first stable version; `/sync` has taken their place."""
        raise Refused("Use /sync", code="M_UNRECOGNIZED", status=404)


class PollAgain:
    """A poll like the last one of its connection. `before` and `after` surround its token."""

    __slots__ = ("_after", "_asked", "_before", "_polls")

    def __init__(self, polls: Polls, asked: SyncRequest, before: bytes, after: bytes) -> None:
        self._polls = polls
        self._asked = asked
        self._before = before
        self._after = after

    def take(self, target: bytes, reply: Reply) -> Taken | None:
        before, after = self._before, self._after
        if not (target.startswith(before) and target.endswith(after)):
            return None
        since = target[len(before) : len(target) - len(after)].decode("ascii")
        return self._polls.park(self._asked, since, reply)


def around_since(query_string: bytes, since: str) -> tuple[bytes, bytes] | None:
    """What stands before and after the value of `since` in a query; None if that is not as it is
    written there."""
    name = b"&since="
    before, found, after = (b"&" + query_string).partition(name + since.encode())
    return ((before + name)[1:], after) if found and after[:1] in (b"", b"&") else None


def _own_id(request: Request) -> str:
    if request.path["user_id"] != request.requester.user_id:
        raise Forbidden("Filters of others are not yours to see")
    return request.requester.user_id


def _state_key(request: Request) -> str:
    if request.query_bool("use_state_after"):
        return "state_after"
    if request.query_bool(STATE_AFTER_UNSTABLE):
        return "org.matrix.msc4222.state_after"
    return "state"
