"""Previews of links."""

from bongsu.http.client.url_previews import UrlPreviewEndpoints
from bongsu.lxml.page_reader import LxmlPageReader
from bongsu.media.moderation import MediaModeration
from bongsu.media.previews import UrlPreviews
from bongsu.node.content import Content
from bongsu.outgoing.client import Outgoing
from bongsu.pillow.measure import PillowMeasurer
from bongsu.postgres.database import Database
from bongsu.postgres.media_moderation_store import PostgresMediaModerationStore
from bongsu.postgres.preview_store import PostgresPreviewStore
from bongsu.settings import Settings


class LinkPreviews:
    """The service that looks at links, if the settings want one."""

    def __init__(
        self, settings: Settings, database: Database, content: Content, outgoing: Outgoing
    ) -> None:
        self._previews: UrlPreviews | None = None
        if settings.url_previews:
            name = settings.server_name
            store = PostgresMediaModerationStore(database, name)
            self._previews = UrlPreviews(
                PostgresPreviewStore(database),
                outgoing,
                LxmlPageReader(),
                PillowMeasurer(),
                content.repository,
                MediaModeration(store, content.blobs, name),
                blocklist=settings.url_preview_blocklist,
            )

    def endpoints(self) -> list[object]:
        return [UrlPreviewEndpoints(self._previews)]

    async def stop(self) -> None:
        if self._previews is not None:
            await self._previews.stop()
