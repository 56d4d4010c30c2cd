"""Which threads somebody follows (MSC4306, "Thread Subscriptions").

A subscription is account data of the room, one a thread, under a type of the server's own that is
never shown as such. So it is an entry of the user's partition, compared and set, and its position
there is the `bump_stamp` by which clients tell the later of two changes. Sliding sync shows them
(`sync.sliding.threads`).
"""

from typing import Protocol

import msgspec

from bongsu.errors import NotFound, Refused
from bongsu.ids import RoomId
from bongsu.log.entry import LoggedEvent
from bongsu.log.position import partition_of
from bongsu.rooms.access import RoomView
from bongsu.users.account_data import THREAD_SUBSCRIPTION, AccountDataService, Content
from bongsu.users.requester import Requester

NOT_IN_THREAD = "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD"
CONFLICTING_UNSUBSCRIPTION = "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION"


class ThreadSubscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """As it is stored. `automatic`: the client subscribed, not the person.

    `seen_through`, once unsubscribed: the room's position then. What happened up to there
    subscribes nobody again.
    """

    subscribed: bool = False
    automatic: bool = False
    seen_through: int = 0


class EventFinder(Protocol):
    async def find(
        self, requester: Requester, room_id: str, event_id: str
    ) -> tuple[RoomView, LoggedEvent]:
        """`NotFound` also for who may not see it."""
        ...


class Heads(Protocol):
    async def head(self, partition: int) -> int:
        """The last position given out, asked of the primary."""
        ...


class ThreadSubscriptions:
    def __init__(self, events: EventFinder, heads: Heads, account_data: AccountDataService) -> None:
        self._events = events
        self._heads = heads
        self._account_data = account_data

    async def get(self, requester: Requester, room_id: RoomId, root: str) -> ThreadSubscription:
        """`NotFound` without a subscription, or for who may not see the thread."""
        await self._events.find(requester, room_id, root)
        content = await self._account_data.get(requester.user_id, room_id, _type(root))
        subscription = msgspec.json.decode(content, type=ThreadSubscription)
        if not subscription.subscribed:
            raise NotFound("Not subscribed")
        return subscription

    async def subscribe(
        self, requester: Requester, room_id: RoomId, root: str, cause: str | None
    ) -> None:
        """Follow a thread: by the person's will, or for the event `cause` that mentions them.

        `Refused` if the cause is not in the thread, or older than that the person unsubscribed.
        """
        await self._events.find(requester, room_id, root)
        caused_at = 0
        if cause is not None:
            _, event = await self._events.find(requester, room_id, cause)
            if event.facts.thread != root:
                raise Refused("That event is not in the thread", code=NOT_IN_THREAD)
            caused_at = event.position

        async def change(content: Content) -> Content | None:
            standing = msgspec.convert(content, ThreadSubscription)
            if cause is None:
                if standing.subscribed and not standing.automatic:
                    return None
                return msgspec.to_builtins(ThreadSubscription(subscribed=True))
            if standing.subscribed:
                return None
            if caused_at <= standing.seen_through:
                raise Refused(
                    "Unsubscribed since that event", code=CONFLICTING_UNSUBSCRIPTION, status=409
                )
            return msgspec.to_builtins(ThreadSubscription(subscribed=True, automatic=True))

        await self._account_data.update(requester.user_id, room_id, _type(root), change)

    async def unsubscribe(self, requester: Requester, room_id: RoomId, root: str) -> None:
        await self._events.find(requester, room_id, root)
        seen_through = await self._heads.head(partition_of(room_id))

        async def change(content: Content) -> Content | None:
            if not msgspec.convert(content, ThreadSubscription).subscribed:
                return None
            return msgspec.to_builtins(ThreadSubscription(seen_through=seen_through))

        await self._account_data.update(requester.user_id, room_id, _type(root), change)


def _type(root: str) -> str:
    return THREAD_SUBSCRIPTION + root
