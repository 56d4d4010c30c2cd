"""Where the desk's evidence lies: beside the media, apart from them, at as many sites."""

from dataclasses import replace

from bongsu.files.blob_store import FileBlobStore
from bongsu.media.stores import SiteStores
from bongsu.node.content import site_stores
from bongsu.settings import Settings


class EvidenceStores:
    """`blobs` is the store: files on one machine, else a folder of its own in every site's bucket,
    so that no purge of media can touch it, nor one of another `folder`. Start and stop it."""

    def __init__(self, settings: Settings, folder: str = "evidence") -> None:
        self._files = FileBlobStore(settings.desk_data / folder)
        places = tuple(f"{place.rstrip('/')}/{folder}" for place in settings.media_stores)
        self._stores = site_stores(replace(settings, media_stores=places), self._files)
        self.blobs: SiteStores | FileBlobStore = self._stores or self._files

    async def start(self) -> None:
        await self._files.sweep()
        if self._stores:
            await self._stores.start()

    async def stop(self) -> None:
        if self._stores:
            await self._stores.stop()
        await self._files.close()
