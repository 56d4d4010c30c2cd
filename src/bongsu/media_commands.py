"""What `bongsu media` does: look at the stores and the copies in them, and restore missing ones."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import asyncpg

from bongsu.engines import any_database
from bongsu.errors import OperatorError
from bongsu.files.blob_store import FileBlobStore
from bongsu.media.repair import PAGE_ROWS, Repair
from bongsu.media.stores import SiteStores, StoreFailed
from bongsu.node.content import site_stores
from bongsu.postgres.database import Database
from bongsu.postgres.media_store import PostgresMediaStore
from bongsu.settings import Settings


async def status(settings: Settings, say: Callable[[str], object]) -> None:
    """Say of every store whether it answers and how many contents it has."""
    async with _opened(settings) as (rows, stores):
        held, short, after = Counter[str](), 0, b""
        while page := await rows.list_copies(after, PAGE_ROWS):
            for copies in page:
                held.update(copies.sites)
                short += len(set(copies.sites) & stores.stores.keys()) < stores.copies
            after = page[-1].blob.sha256
        for site in sorted({*stores.stores, *held}):
            say(f"{site:12}  {held[site]:10} contents  {_state(stores, site)}")
        say(f"{short} contents have fewer than {stores.copies} copies.")


async def repair(settings: Settings, say: Callable[[str], object], *, verify: bool) -> bool:
    """Restore what can be; False when something is still short of copies."""
    async with _opened(settings) as (rows, stores):
        report = await Repair(rows, stores).look(verify=verify)
        say(
            f"{report.checked} contents, {report.restored} copies restored"
            f" ({report.restored_bytes} bytes), {report.short} still short of copies."
        )
        return not report.short


def _state(stores: SiteStores, site: str) -> str:
    if site not in stores.stores:
        return "not in media_stores"
    return "answers" if stores.health[site].is_up else "does not answer"


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[tuple[PostgresMediaStore, SiteStores]]:
    files = FileBlobStore(settings.data / "media")
    stores = site_stores(settings, files)
    if stores is None:
        raise OperatorError("media_stores: there are none, media are files in the data folder")
    try:
        async with any_database(settings) as dsn, asyncpg.create_pool(dsn, max_size=2) as pool:
            for site, store in stores.stores.items():
                try:
                    await store.probe(write=True)
                except StoreFailed:
                    stores.health[site].failed()
            yield PostgresMediaStore(Database(pool)), stores
    finally:
        await stores.stop()
        await files.close()
