"""Reports on their way: none lost, none doubled, wherever a process dies."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fixtures.report_house import IntakeHouse, desk_pool, make_desk, pieces, submission

from bongsu.desk.reports.intake import Accepted
from bongsu.desk.reports.spooling import SpoolFull, encode
from bongsu.errors import TooLarge, Unavailable
from bongsu.files.report_spool import ReportSpool
from bongsu.postgres.database import Database

REPORTS = 3
# The steps on each way: into the database, into the spool, from the spool into the database.
WAYS = [
    *[("store", step) for step in (
        "before_stage", "after_stage", "before_place", "after_place", "before_insert",
        "before_commit", "after_insert", "before_discard", "after_discard")],
    *[("spool", step) for step in (
        "after_stage", "after_place", "before_write", "before_rename", "after_write")],
    *[("forward", step) for step in (
        "before_place", "after_place", "before_insert", "before_commit", "after_insert",
        "before_remove", "after_remove", "before_discard", "after_discard")],
]  # fmt: skip
CRASHER = Path(__file__).with_name("desk_crash.py")


@pytest.fixture
async def house(database_dsn: str, tmp_path: Path) -> AsyncIterator[IntakeHouse]:
    await make_desk(database_dsn)
    house = IntakeHouse(Database(await desk_pool(database_dsn)), tmp_path)
    yield house
    await house.close()
    await house.database.close()


async def stored(house: IntakeHouse) -> list[tuple[str, int, int]]:
    """(report id, versions, files) of every report."""
    rows = await house.database.fetch("""
        SELECT report_id,
               (SELECT count(*) FROM report_version AS v WHERE v.report_id = report.report_id),
               (SELECT count(*) FROM report_file AS f WHERE f.report_id = report.report_id)
        FROM report ORDER BY report_id
    """)
    return [tuple(row) for row in rows]


async def take_in(house: IntakeHouse, numbers: range) -> None:
    for number in numbers:
        content = b"%PDF-" + bytes([number]) * 100_000
        file = await house.intake.stage("매출.pdf", pieces(content))
        await house.intake.receive(submission(number, (file,)))


def without_database(house: IntakeHouse) -> None:
    async def insert(*_: object) -> set[str]:
        raise Unavailable("no primary")

    house.store.insert = insert
    house.wire()


def with_database(house: IntakeHouse) -> None:
    del house.store.insert
    house.wire()


async def test_confirmed_when_the_database_is_there(house: IntakeHouse) -> None:
    await house.intake.start()
    accepted = await asyncio.gather(*(house.intake.receive(submission(n)) for n in range(20)))
    assert all(each.is_confirmed for each in accepted)
    assert (await house.intake.receive(submission(3))).is_confirmed  # a doubled submit
    assert len(await stored(house)) == 20
    assert await house.spool.list_batches() == []


async def test_spooled_without_a_database_then_forwarded_once(house: IntakeHouse) -> None:
    without_database(house)
    await house.intake.start()
    await take_in(house, range(REPORTS))
    assert house.intake.spooled_total == REPORTS
    await house.intake.stop()
    assert await stored(house) == []
    with_database(house)
    await house.forwarder.forward_all()
    await house.forwarder.forward_all()
    assert await stored(house) == sorted(
        (submission(number).report_id, 1, 1) for number in range(REPORTS)
    )
    assert (await house.spool.look()).used_bytes == 0
    (row, *_) = await house.database.fetch("SELECT sha256, size FROM report_file")
    assert await house.evidence.exists(row["sha256"])
    assert row["size"] == 100_005


@pytest.mark.parametrize(("act", "step"), WAYS)
async def test_killed_at_any_step(
    house: IntakeHouse, database_dsn: str, tmp_path: Path, act: str, step: str
) -> None:
    """Goal: whatever was answered is stored once, and what was not is stored at most once.

    Method: a process of its own kills itself (SIGKILL) at the step; then the reporters who got no
    answer send again, and a healthy process forwards.
    """
    if act == "forward":
        without_database(house)
        await house.intake.start()
        await take_in(house, range(REPORTS))
        await house.intake.stop()
        with_database(house)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CRASHER), database_dsn, str(tmp_path), act, step, str(REPORTS),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    lines = [line.split() for line in output.decode().splitlines()]
    answered = {int(line[1]) for line in lines if line[0] == "answered"}
    await house.forwarder.forward_all()
    assert {submission(n).report_id for n in answered} <= {row[0] for row in await stored(house)}
    await house.intake.start()
    await take_in(house, range(REPORTS))
    await house.forwarder.forward_all()
    assert await stored(house) == sorted((submission(n).report_id, 1, 1) for n in range(REPORTS))
    assert await house.spool.list_batches() == []
    for row in await house.database.fetch("SELECT sha256 FROM report_file"):
        assert await house.evidence.exists(row["sha256"])


async def test_a_full_spool_says_so_and_keeps_what_it_has(
    house: IntakeHouse, tmp_path: Path
) -> None:
    without_database(house)
    house.spool = ReportSpool(tmp_path / "spool", bytes_max=5_000, free_bytes_min=0)
    house.wire()
    await house.intake.start()
    answers: list[object] = []
    for number in range(20):
        answers += await asyncio.gather(
            house.intake.receive(submission(number)), return_exceptions=True
        )
    kept = sum(isinstance(answer, Accepted) for answer in answers)
    assert kept > 0
    assert all(isinstance(answer, Accepted | SpoolFull) for answer in answers)
    assert isinstance(answers[-1], SpoolFull)
    with_database(house)
    await house.forwarder.forward_all()
    assert len(await stored(house)) == kept


async def test_staging_refuses_what_is_too_large_and_leaves_nothing(house: IntakeHouse) -> None:
    with pytest.raises(TooLarge):
        await house.spool.stage(pieces(bytes(1_000_000)), bytes_max=999_999)
    assert (await house.spool.look()).used_bytes == 0


async def test_a_damaged_batch_is_set_aside_and_stops_nobody(
    house: IntakeHouse, tmp_path: Path
) -> None:
    without_database(house)
    await house.intake.start()
    await house.intake.receive(submission(1))
    (name,) = await house.spool.list_batches()
    path = tmp_path / "spool" / "batches" / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    await house.intake.receive(submission(2))
    with_database(house)
    await house.forwarder.forward_all()
    assert [row[0] for row in await stored(house)] == [submission(2).report_id]
    assert (tmp_path / "spool" / "broken" / name).exists()


async def test_one_report_that_the_database_refuses_stops_nobody(
    house: IntakeHouse, tmp_path: Path
) -> None:
    poison = submission(7, country="K\0")
    await house.spool.write([encode(each, house.box) for each in (submission(6), poison)])
    await house.forwarder.forward_all()
    assert [row[0] for row in await stored(house)] == [submission(6).report_id]
    assert len(list((tmp_path / "spool" / "broken").iterdir())) == 1


async def test_reports_wait_for_tables_that_are_not_there_yet(house: IntakeHouse) -> None:
    await house.intake.start()
    await house.database.execute("ALTER TABLE report RENAME TO report_before")
    assert not (await house.intake.receive(submission(1))).is_confirmed
    with pytest.raises(Unavailable):
        await house.forwarder.forward_all()
    await house.database.execute("ALTER TABLE report_before RENAME TO report")
    await house.forwarder.forward_all()
    assert len(await stored(house)) == 1


async def test_two_processes_do_not_forward_at_once(house: IntakeHouse, tmp_path: Path) -> None:
    other = ReportSpool(tmp_path / "spool")
    with other.forwarding() as is_theirs:
        assert is_theirs
        assert not await house.forwarder.forward_all()
    assert await house.forwarder.forward_all()
    await other.close()


async def test_nothing_personal_lies_open_in_the_spool_or_the_tables(
    house: IntakeHouse, tmp_path: Path
) -> None:
    secrets = ["홍길동".encode(), b"u1@example.org", "하루 매출".encode(), b"110-000001"]
    without_database(house)
    await house.intake.start()
    await house.intake.receive(submission(1))
    (name,) = await house.spool.list_batches()
    assert not any(s in (tmp_path / "spool" / "batches" / name).read_bytes() for s in secrets)
    with_database(house)
    await house.forwarder.forward_all()
    (row,) = await house.database.fetch("""
        SELECT report::text || latest::text || (SELECT string_agg(mark::text, '')
        FROM report_mark AS mark) AS everything FROM report, report_version AS latest
    """)
    plain = row["everything"]
    assert not any(s.hex() in plain or s.decode() in plain for s in secrets)
