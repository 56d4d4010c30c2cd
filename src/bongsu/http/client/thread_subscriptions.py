"""Following threads (MSC4306, MSC4308), under the names that matrix-rust-sdk knows them by."""

import msgspec

from bongsu.errors import InvalidParam
from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, Auth, delete, get, put
from bongsu.ids import EventId, RoomId, event_id, room_id
from bongsu.rooms.client_event import Device
from bongsu.rooms.thread_subscriptions import ThreadSubscriptions
from bongsu.sync.sliding.threads import THREADS_DEFAULT, THREADS_MAX, ThreadPages

UNSTABLE = "/_matrix/client/unstable"
SUBSCRIPTION = f"{UNSTABLE}/io.element.msc4306/rooms/{{room_id}}/thread/{{event_id}}/subscription"
BODY_BYTES_MAX = 16 * 1024


class SubscriptionBody(msgspec.Struct, frozen=True):
    """`automatic`: the event for which the client subscribes; without it, the person did."""

    automatic: str | None = None


class ThreadSubscriptionEndpoints:
    def __init__(self, subscriptions: ThreadSubscriptions, pages: ThreadPages) -> None:
        self._subscriptions = subscriptions
        self._pages = pages

    @get(SUBSCRIPTION, auth=Auth.GUEST)
    async def get_subscription(self, request: Request) -> Answer:
        found = await self._subscriptions.get(request.requester, *_thread(request))
        return {"automatic": found.automatic}

    @put(SUBSCRIPTION, auth=Auth.GUEST, limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def subscribe(self, request: Request) -> Answer:
        automatic = request.json(SubscriptionBody).automatic
        cause = None if automatic is None else event_id(automatic)
        await self._subscriptions.subscribe(request.requester, *_thread(request), cause)
        return {}

    @delete(SUBSCRIPTION, auth=Auth.GUEST, limit="other")
    async def unsubscribe(self, request: Request) -> Answer:
        await self._subscriptions.unsubscribe(request.requester, *_thread(request))
        return {}

    @get(f"{UNSTABLE}/io.element.msc4308/thread_subscriptions", auth=Auth.GUEST)
    async def changes(self, request: Request) -> Response:
        if request.query_text("dir", "b") != "b":
            raise InvalidParam("dir is not b")
        return Response(
            await self._pages.page(
                Device(request.requester.user_id, request.requester.device_id),
                request.query_text("from"),
                request.query_text("to"),
                request.query_int("limit", THREADS_DEFAULT, minimum=1, maximum=THREADS_MAX),
            )
        )


def _thread(request: Request) -> tuple[RoomId, EventId]:
    return room_id(request.path["room_id"]), event_id(request.path["event_id"])
