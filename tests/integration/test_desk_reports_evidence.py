"""Evidence files: scanned, given out as attachments alone; personal data sealed anew and erased."""

import asyncio
import re
from typing import Any

import pytest
from fixtures.desk_house import DeskHouse
from harness.desk import File
from integration.test_desk_assessment import QUEUE, fill
from integration.test_desk_reports_pages import link, report

from bongsu.desk.reports.retention import DAY_MS, Retention
from bongsu.desk.reports.scanning import Scan
from bongsu.desk.roles import Role
from bongsu.host.scan_command import CommandScanner
from bongsu.postgres.desk.report_store import PostgresReports
from bongsu.users.tokens import now_ms

HTML = b"<html><script>alert(1)</script></html>"
# Says infected when it finds the word; a real scanner is called in the same way.
SCANNER = "sh -c '! grep -q MALWARE'"


@pytest.fixture
def desk_settings() -> dict[str, Any]:
    return {"desk_scan_command": SCANNER}


async def scanned(house: DeskHouse) -> list[str]:
    async with asyncio.timeout(60):
        while True:
            rows = await house.database.fetch("SELECT scan FROM report_file ORDER BY size")
            found = [row["scan"] for row in rows]
            if rows and "pending" not in found:
                return found
            await asyncio.sleep(0.2)


async def test_files_are_scanned_and_only_downloaded(desk_house: DeskHouse) -> None:
    files = (File("evidence", "page.html", HTML, "text/html"),
             File("evidence", "bad.bin", HTML + b"MALWARE"))  # fmt: skip
    await report(desk_house.visitor(), files=files)
    assert await scanned(desk_house) == ["clean", "infected"]
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    queue = await operator.get(QUEUE)
    path = re.search(r'href="(/operator/reports/r/[^"]+)"', queue.text)
    assert path
    page = await operator.get(f"{path[1]}/files/1")
    assert page.text == HTML.decode()
    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Disposition"].startswith('attachment; filename="page.html"')
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.path.startswith("/files/report/")
    assert (await operator.get(f"{path[1]}/files/2")).status == 403
    assert (await operator.get(f"{path[1]}/files/3")).status == 404
    forged = page.path[:-1] + ("0" if page.path[-1] != "0" else "1")
    assert (await operator.get(forged)).status == 404
    publisher = await desk_house.operator("paul", Role.PUBLISHER)
    assert (await publisher.get(f"{path[1]}/files/1")).status == 403
    acts = [entry.action for entry in await desk_house.parts.audit.list_latest(20)]
    assert acts.count("assessment.look_at_file") == 1


async def pieces(*content: bytes) -> Any:
    for piece in content:
        yield piece


async def test_scanners_that_fail_or_hang_say_nothing_good() -> None:
    for command, verdict, seconds_max in (
        ("true", Scan.CLEAN, 60), ("false", Scan.INFECTED, 60), ("sh -c 'exit 2'", Scan.FAILED, 60),
        ("/no/such/scanner", Scan.FAILED, 60), ("sh -c 'sleep 60 & wait'", Scan.FAILED, 0.5),
    ):  # fmt: skip
        scanner = CommandScanner(command, seconds_max=seconds_max)
        assert await scanner.scan(pieces(b"x" * 1_000_000)) is verdict, command


async def test_rotating_keys_keeps_reports_readable(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    path = link(await report(visitor, files=(File("evidence", "one.pdf", b"1"),)))
    await visitor.post(f"{path}/withdraw", {"text": "mistaken", "entry_key": "k"}, form_at=path)
    before = await desk_house.database.fetch("SELECT contact FROM report_version")
    count = await desk_house.parts.sealing_keys.rotate("test", pause_seconds=0)
    assert count >= 6
    after = await desk_house.database.fetch("SELECT contact FROM report_version")
    assert before != after
    shown = await visitor.get(path)
    for text in ("shop@example.org", "홍길동", "one.pdf", "mistaken"):
        assert text in shown.text


async def test_reports_are_erased_when_their_time_is_over(desk_house: DeskHouse) -> None:
    """What sums need stays: category, period, loss."""
    ids = await fill(desk_house, 5)
    await desk_house.database.execute("UPDATE report SET changed_ts = 1")
    visitor = desk_house.visitor()
    path = link(await report(visitor, files=(File("evidence", "one.pdf", b"1"),)))
    days = 30
    retention = Retention(PostgresReports(desk_house.database), days, clock=now_ms)
    assert await retention.erase_expired() == len(ids)  # they came long ago
    later = Retention(
        PostgresReports(desk_house.database), days, clock=lambda: now_ms() + (days + 1) * DAY_MS
    )
    assert await later.erase_expired() == 1
    shown = await visitor.get(path)
    assert "has been erased" in shown.text
    assert "300,000 KRW" in shown.text
    for text in ("홍길동", "shop@example.org", "one.pdf"):
        assert text not in shown.text
    (row,) = await desk_house.database.fetch(
        "SELECT count(*) FROM report_version WHERE description IS NOT NULL"
    )
    assert row[0] == 0
    assert not await desk_house.database.fetch("SELECT FROM report_mark")
    late = await visitor.post(
        f"{path}/withdraw", {"text": "me", "entry_key": "l"}, form_at="/report"
    )
    assert late.status == 409
