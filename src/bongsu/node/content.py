"""The media repository."""

from bongsu.files.blob_store import FileBlobStore
from bongsu.files.thumbnail_cache import FileThumbnailCache
from bongsu.http.client.media import MediaEndpoints
from bongsu.media.repository import MediaRepository, MediaSettings
from bongsu.media.thumbnails import Thumbnails
from bongsu.pillow.thumbnailer import PillowThumbnailer
from bongsu.postgres.database import Database
from bongsu.postgres.media_store import PostgresMediaStore
from bongsu.settings import Settings


class Content:
    """Media under the data folder, found by their hash."""

    def __init__(self, settings: Settings, database: Database) -> None:
        root = settings.data / "media"
        self._blobs = FileBlobStore(root)
        self._repository = MediaRepository(
            PostgresMediaStore(database),
            self._blobs,
            settings.server_name,
            MediaSettings(upload_bytes_max=settings.max_upload_bytes),
        )
        self._thumbnails = Thumbnails(self._blobs, FileThumbnailCache(root), PillowThumbnailer())

    def endpoints(self) -> list[object]:
        return [MediaEndpoints(self._repository, self._thumbnails)]

    async def start(self) -> None:
        await self._blobs.sweep()

    async def stop(self) -> None:
        await self._thumbnails.close()
        await self._blobs.close()
