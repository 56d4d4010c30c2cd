"""What the services of this area need of the database."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from bongsu.desk.reports.preparing import PreparedReport
from bongsu.media.content import Blob


class IntakeStore(Protocol):
    async def insert(self, reports: Sequence[PreparedReport], now: int) -> set[str]:
        """Store those reports that are not there yet, in one transaction; gives their ids.

        `Unavailable`: perhaps stored, perhaps not. The same call later does no harm.
        """
        ...


class EvidenceStore(Protocol):
    """The media stores, as `media.stores.SiteStores` or `files.blob_store` has them."""

    async def put(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Blob: ...
