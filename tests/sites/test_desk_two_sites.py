"""The desk at the site of a standby: what it can do while there is no primary, and afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.two_sites import DATABASE, TwoSites, two_sites
from harness.desk import File, Visitor
from integration.test_desk_reports_pages import link, receipt, report

from bongsu.files.desk_keys import load_file_keys
from bongsu.node.desk import Desk, desk_databases
from bongsu.node.desk_parts import DeskParts

__all__ = ["two_sites"]  # the fixture
pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def desk_at(sites: TwoSites, name: str, folder: Path) -> AsyncIterator[Visitor]:
    """A visitor of the desk at this site. Desks have nothing in common but their keys."""
    keys = folder / "keys"
    load_file_keys(keys)
    settings = replace(
        sites.settings(name), data=folder / name, desk_keys=keys, desk_listen="127.0.0.1:0",
        rate_limits=False,
    )  # fmt: skip
    assert settings.database_url is not None
    async with desk_databases(settings, settings.database_url) as databases:
        desk = Desk(DeskParts(settings, *databases), settings.database_url)
        await desk.start()
        visitor = Visitor(desk.listens_at)
        try:
            yield visitor
        finally:
            await visitor.close()
            await desk.stop()


@pytest.mark.parametrize("how", ["killed", "hung"])
async def test_reports_and_pages_while_there_is_no_primary(
    two_sites: TwoSites, tmp_path: Path, how: str
) -> None:
    """Goal: reports go on and each arrives once; public pages are as the own server has them.
    Method: lose the primary at `a`, look and report at `b`, promote `b`."""
    async with desk_at(two_sites, "a", tmp_path) as a, desk_at(two_sites, "b", tmp_path) as b:
        before = await report(a, files=(File("evidence", "one.pdf", b"one"),))
        assert (await b.get(link(before))).status == 200, "sealed at one site, opened at another"
        assert (await b.get("/measures")).status == 200
        if how == "killed":
            await asyncio.to_thread(two_sites.a.kill)
        else:
            two_sites.hang(two_sites.a)
        spooled = await report(b, files=(File("evidence", "two.pdf", b"two"),))
        assert "not yet confirmed at a second site" in spooled.text
        for path in ("/", "/status.json", "/report", "/measures", "/statements", "/investigations"):
            assert (await b.get(path)).status == 200, path
        await asyncio.to_thread(two_sites.b.promote)
        async with asyncio.timeout(120):
            while (shown := await b.get(link(spooled))).status != 200:
                await asyncio.sleep(0.2)
        assert "two.pdf" in shown.text
        after = await report(b)
        assert "not yet confirmed" not in after.text
        stored = two_sites.b.sql("SELECT receipt FROM desk.report ORDER BY 1", DATABASE).split()
        assert stored == sorted(map(receipt, (before, spooled, after)))
