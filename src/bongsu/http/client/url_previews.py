"""Previews of links. Spec: client-server API, "Content repository", preview_url."""

from bongsu.errors import Refused
from bongsu.http.client.media import old
from bongsu.http.message import Request
from bongsu.http.routing import Answer, get
from bongsu.media.previews import UrlPreviews

TS_MAX = 2**53


class UrlPreviewEndpoints:
    """`previews` None: the operator wants none."""

    def __init__(self, previews: UrlPreviews | None) -> None:
        self._previews = previews

    @get("/_matrix/client/v1/media/preview_url", limit="preview")
    @old("GET", "/preview_url", limit="preview")
    async def preview(self, request: Request) -> Answer:
        """`ts` asks for how a page was at some time: the latest we have is given."""
        if self._previews is None:
            raise Refused("Links are not looked at here", code="M_UNRECOGNIZED", status=404)
        request.query_int("ts", 0, maximum=TS_MAX)
        url = request.query_required("url")
        return await self._previews.get(request.requester.user_id, url)
