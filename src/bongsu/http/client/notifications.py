"""Matrix spec, client-server API, "Listing Notifications"."""

from bongsu.http.message import Request
from bongsu.http.routing import get
from bongsu.push.notifications import PAGE_EVENTS_MAX, NotificationPage, NotificationReader

LIMIT_DEFAULT = 20


class Notifications:
    def __init__(self, reader: NotificationReader) -> None:
        self._reader = reader

    @get("/_matrix/client/v3/notifications")
    async def list_notifications(self, request: Request) -> NotificationPage:
        return await self._reader.list_notifications(
            request.requester.user_id,
            from_token=request.query_text("from") or None,
            limit=request.query_int("limit", LIMIT_DEFAULT, minimum=1, maximum=PAGE_EVENTS_MAX),
            only_highlight=request.query_text("only") == "highlight",
        )
