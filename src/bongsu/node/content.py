"""The media repository."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.errors import OperatorError
from bongsu.files.blob_store import FileBlobStore
from bongsu.files.thumbnail_cache import FileThumbnailCache
from bongsu.http.client.media import MediaEndpoints
from bongsu.media.repair import Repair
from bongsu.media.repository import MediaRepository, MediaSettings
from bongsu.media.stores import SiteStores
from bongsu.media.thumbnails import Thumbnails
from bongsu.pillow.thumbnailer import PillowThumbnailer
from bongsu.postgres.database import Database
from bongsu.postgres.media_store import PostgresMediaStore
from bongsu.s3.signature import Keys
from bongsu.s3.store import S3Store
from bongsu.settings import Settings


class Content:
    """Media found by their hash: under the data folder, or in the sites' stores.

    `may_repair` tells whether this is the node that restores missing copies.
    """

    def __init__(
        self, settings: Settings, database: Database, may_repair: Callable[[], bool]
    ) -> None:
        root = settings.data / "media"
        self._files = FileBlobStore(root)
        self._stores = site_stores(settings, self._files)
        self.blobs = self._stores or self._files
        store = PostgresMediaStore(database)
        self._repair = Repair(store, self._stores, may_repair) if self._stores else None
        self.repository = MediaRepository(
            store,
            self.blobs,
            settings.server_name,
            MediaSettings(upload_bytes_max=settings.max_upload_bytes),
        )
        self._thumbnails = Thumbnails(self.blobs, FileThumbnailCache(root), PillowThumbnailer())

    def endpoints(self) -> list[object]:
        return [MediaEndpoints(self.repository, self._thumbnails)]

    def collectors(self) -> list[Collector]:
        """What shows the stores and their repair in `/metrics`."""
        return [MediaCollector(self._stores, self._repair)] if self._stores and self._repair else []

    def missing(self) -> list[str]:
        """The stores that do not answer."""
        health = self._stores.health.items() if self._stores else ()
        return [f"the media store of {site} does not answer" for site, h in health if not h.is_up]

    async def start(self) -> None:
        await self._files.sweep()
        if self._stores and self._repair:
            await self._stores.start()
            self._repair.start()

    async def stop(self) -> None:
        await self._thumbnails.close()
        if self._stores and self._repair:
            await self._repair.stop()
            await self._stores.stop()
        await self._files.close()


def site_stores(settings: Settings, spool: FileBlobStore) -> SiteStores | None:
    """The stores that `settings` names; None when media are files. In a running loop only."""
    if not settings.media_stores:
        return None
    keys = load_keys(settings.media_keys) if settings.media_keys else None
    named = (store.partition("=") for store in settings.media_stores)
    stores = {site: S3Store(url, keys) for site, _, url in named}
    return SiteStores(stores, settings.site, spool)


def load_keys(path: Path) -> Keys:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return Keys(str(table["access_key"]), str(table["secret_key"]))
    except (OSError, ValueError, KeyError) as error:
        raise OperatorError(
            f"media_keys: {path} must hold access_key and secret_key ({error!r})"
        ) from None


class MediaCollector(Collector):
    """Shows which stores answer, and what the repair did."""

    def __init__(self, stores: SiteStores, repair: Repair) -> None:
        self._stores = stores
        self._repair = repair

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "bongsu_media_store_up", "Whether a media store answers.", labels=["site"]
        )
        for site, health in self._stores.health.items():
            up.add_metric([site], health.is_up)
        yield up
        done = self._repair.total
        for name, meaning, value in (
            ("checked", "Contents whose copies were looked at.", done.checked),
            ("restored", "Copies restored.", done.restored),
            ("restored_bytes", "Bytes of copies restored.", done.restored_bytes),
            ("failed", "Copies that could not be restored yet.", done.failed),
        ):
            yield CounterMetricFamily(f"bongsu_media_repair_{name}", meaning, value)
        short = self._repair.last.short
        yield GaugeMetricFamily(
            "bongsu_media_short", "Contents with too few copies, at the last look.", short
        )
