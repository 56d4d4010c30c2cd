"""E1: bytes that an unerased report names are in the store. E2: bytes that none names leave it.

Two reports with the same bytes share them, and one may be erased at any moment of the other's
coming in. Each moment is made to happen here, on real tables and a real store.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fixtures.report_house import IntakeHouse, pieces, submission

from bongsu.desk.audit import Act
from bongsu.desk.reports import blob_removal
from bongsu.desk.reports.blob_removal import BlobRemoval
from bongsu.desk.reports.claim import Submission
from bongsu.desk.reports.following import Following
from bongsu.desk.reports.intake import EvidencePlacer
from bongsu.desk.reports.keys import derive
from bongsu.desk.reports.preparing import PlacedFile, PreparedReport
from bongsu.desk.reports.spooling import encode
from bongsu.desk.reports.stores import EvidenceGone, EvidenceLeaving
from bongsu.desk.reports.words import Status
from bongsu.errors import Refused, Unavailable
from bongsu.postgres.database import Database
from bongsu.postgres.desk.report_blob_store import PostgresBlobEnds, hold_blobs
from bongsu.postgres.desk.report_store import PostgresReports
from bongsu.users.tokens import now_ms

SAME = b"the same receipt" * 1000


class EvidenceHouse(IntakeHouse):
    """`later` is how far the removal's clock goes before ours."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__(database, folder)
        self.reports = PostgresReports(database)
        self.ends = PostgresBlobEnds(database)
        self.later = 0
        self.removal = BlobRemoval(self.ends, self.evidence, clock=self.clock)

    def clock(self) -> int:
        return now_ms() + self.later

    async def made(self, number: int, content: bytes = SAME) -> Submission:
        staged = await self.intake.stage(f"{number}.jpg", pieces(content))
        return submission(number, (staged,))

    async def prepared(self, number: int, content: bytes = SAME) -> PreparedReport:
        """Its bytes are put, its row is not written."""
        made = await self.made(number, content)
        staged = made.files[0].staged
        blob = await self.evidence.put(self.spool.stream_staged(staged), bytes_max=len(content))
        return self.preparer.report(made, [PlacedFile("a", blob.sha256, blob.size, ("",))])

    async def store_one(self, number: int, content: bytes = SAME) -> bytes:
        report = await self.prepared(number, content)
        await self.store.insert([report], now_ms())
        return report.first.files[0].sha256

    async def erase(self, number: int) -> None:
        report_id = submission(number).report_id
        act = Act("reporter", "reports.erase", report_id)
        await self.reports.erase(report_id, Status.ERASED, now_ms(), act)

    async def check(self, contents: Sequence[bytes] = (SAME,)) -> None:
        """E1 and E2, when nothing is under way any more."""
        rows = await self.database.fetch(
            "SELECT DISTINCT sha256 FROM report_file JOIN report USING (report_id)"
            " WHERE erased_ts IS NULL"
        )
        named = {row["sha256"] for row in rows}
        for content in contents:
            sha256 = hashlib.sha256(content).digest()
            assert await self.evidence.exists(sha256) == (sha256 in named)


@pytest.fixture
async def house(desk_database: Database, tmp_path: Path) -> AsyncIterator[EvidenceHouse]:
    house = EvidenceHouse(desk_database, tmp_path)
    await house.intake.start()
    yield house
    await house.close()


async def test_bytes_stay_as_long_as_one_report_has_them(house: EvidenceHouse) -> None:
    for number in (1, 2):
        sha256 = await house.store_one(number)
    await house.erase(1)
    assert await house.removal.remove_due() == 0
    assert await house.evidence.exists(sha256)
    await house.erase(2)
    assert await house.removal.remove_due() == 1
    assert not await house.evidence.exists(sha256)
    await house.store_one(3, SAME + b"another")
    with pytest.raises(EvidenceGone):  # whoever puts them from now on puts them once more
        await house.store_one(4)


async def test_bytes_put_before_a_removal_and_named_after_it_are_put_again(
    house: EvidenceHouse,
) -> None:
    """Goal: the report that comes in while another with its bytes is erased keeps its evidence.
    Method: the removal happens between the put and the row, through the intake and its spool."""
    await house.store_one(1)
    await house.erase(1)
    insert = house.store.insert
    calls = 0

    async def late(
        reports: Sequence[PreparedReport], now: int, removals: Mapping[bytes, int] | None = None
    ) -> set[str]:
        nonlocal calls
        calls += 1
        if calls == 1:
            assert await house.removal.remove_due() == 1
        return await insert(reports, now, removals or {})

    house.store.insert = late  # type: ignore[method-assign]
    accepted = await house.intake.receive(await house.made(2))
    assert not accepted.is_confirmed  # kept here, and on its way
    assert await house.forwarder.forward_all()
    assert calls == 3  # the forwarder learns which removal it was, and puts them after it
    await house.check()
    assert await house.database.fetch(
        "SELECT FROM report WHERE report_id = $1", submission(2).report_id
    )


async def test_nobody_names_bytes_while_they_are_being_removed(house: EvidenceHouse) -> None:
    sha256 = await house.store_one(1)
    await house.erase(1)
    claimed = await house.ends.claim(now_ms(), now_ms() + 60_000, 10)
    assert claimed == {sha256: 1}
    second = await house.prepared(2)
    with pytest.raises(EvidenceLeaving):
        await house.store.insert([second], now_ms())
    await house.evidence.delete(sha256)
    await house.ends.removed(claimed, now_ms(), 0)
    with pytest.raises(EvidenceGone) as gone:
        await house.store.insert([second], now_ms())
    second = await house.prepared(2)
    await house.store.insert([second], now_ms(), gone.value.removals)
    await house.check()
    await house.ends.removed(claimed, now_ms(), 0)  # a late word of the first removal
    assert await house.removal.remove_due() == 0
    await house.erase(2)
    assert await house.removal.remove_due() == 1
    await house.check()


async def test_bytes_named_by_a_row_that_is_not_committed_yet_stay(house: EvidenceHouse) -> None:
    sha256 = await house.store_one(1)
    second = await house.prepared(2)
    row = second.first.files[0]
    began, end = asyncio.Event(), asyncio.Event()

    async def body(connection: Any) -> None:
        await hold_blobs(connection, [row.sha256], {}, now_ms())
        began.set()
        await end.wait()
        await connection.execute(
            "INSERT INTO report_file (report_id, number, version, sha256, size, sites, scan)"
            " SELECT report_id, 2, 1, $2, 1, '{}', 'pending' FROM report WHERE report_id = $1",
            submission(3).report_id, row.sha256,
        )  # fmt: skip

    await house.store_one(3, b"something else")
    naming = asyncio.create_task(house.database.write(body))
    await began.wait()
    erasing = asyncio.create_task(house.erase(1))
    await done_or_waiting(house.database, erasing)
    assert await house.removal.remove_due() == 0
    end.set()
    await naming
    await erasing
    assert await house.removal.remove_due() == 0  # it looked, and saw the row
    assert await house.evidence.exists(sha256)
    await house.erase(3)
    assert await house.removal.remove_due() == 2
    await house.check((SAME, b"something else"))


async def done_or_waiting(database: Database, task: asyncio.Task[None]) -> None:
    """Until it has done what it wants, or waits for somebody's lock."""
    async with asyncio.timeout(60):
        while not task.done() and not await database.fetch(
            "SELECT FROM pg_locks WHERE NOT granted"
        ):
            await asyncio.sleep(0.01)


async def test_two_reports_erased_at_the_same_moment_leave_nothing(house: EvidenceHouse) -> None:
    for number in range(1, 7):
        await house.store_one(number)
    await asyncio.gather(
        *(house.erase(number) for number in range(1, 7)),
        *(house.removal.remove_due() for _ in range(3)),
    )
    await house.removal.remove_due()
    await house.check()


async def test_a_removal_that_failed_or_died_is_done_by_another(
    house: EvidenceHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = await house.store_one(1)
    await house.erase(1)

    async def away(sha256: bytes) -> None:
        raise Unavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(house.evidence, "delete_everywhere", away)
        assert await house.removal.remove_due() == 0
    assert await house.removal.remove_due() == 0  # the claim is another's still
    house.later = blob_removal.CLAIM_MS + 1000
    assert await house.removal.remove_due() == 1
    assert not await house.evidence.exists(sha256)
    house.later = 2 * blob_removal.KEPT_MS
    await house.removal.remove_due()
    assert not await house.database.fetch("SELECT FROM report_blob")  # forgotten


async def test_bytes_that_come_again_for_an_erased_report_leave_again(house: EvidenceHouse) -> None:
    """A report that was spooled, stored all the same, and erased before it was forwarded."""
    await house.store_one(1)
    await house.erase(1)
    assert await house.removal.remove_due() == 1
    await house.spool.write([_record(house, await house.made(1))])
    assert await house.forwarder.forward_all()
    assert not await house.spool.list_batches()
    house.later = blob_removal.CLAIM_MS + 1000
    assert await house.removal.remove_due() == 1
    await house.check()


async def test_bytes_of_an_amendment_that_is_refused_leave(house: EvidenceHouse) -> None:
    await house.store_one(1)
    following = Following(
        house.reports, house.sealer, house.preparer, EvidencePlacer(house.spool, house.evidence)
    )
    report = await following.open(_token(1))
    made = await house.made(1, b"one more")
    act = Act("reporter", "reports.erase", report.facts.report_id)
    await house.reports.erase(report.facts.report_id, Status.ERASED, now_ms(), act)
    with pytest.raises(Refused):
        await following.amend(report, 1, made.claim, made.personal, files=made.files)
    await house.removal.remove_due()
    await house.check((SAME, b"one more"))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_at_once(house: EvidenceHouse, seed: int) -> None:
    """Reports with one of three files each come in, are erased and come in again, while three
    desks remove what is due; when all is quiet both promises hold."""
    chance = random.Random(seed)
    contents = [bytes([each]) * 5000 for each in range(3)]
    numbers = iter(range(1, 10_000))

    async def live() -> None:
        for _ in range(6):
            number = next(numbers)
            content = chance.choice(contents)
            await house.intake.receive(await house.made(number, content))
            await asyncio.sleep(chance.random() * 0.02)
            if chance.random() < 0.8:
                await house.forwarder.forward_all()
                if await house.database.fetch(
                    "SELECT FROM report WHERE report_id = $1", submission(number).report_id
                ):
                    await house.erase(number)

    async def remove() -> None:
        for _ in range(20):
            await house.removal.remove_due()
            await asyncio.sleep(chance.random() * 0.01)

    await asyncio.gather(*(live() for _ in range(5)), *(remove() for _ in range(3)))
    while await house.spool.list_batches():
        try:
            await house.forwarder.forward_all()
        except Unavailable:
            await asyncio.sleep(0.05)
    house.later = blob_removal.CLAIM_MS + 1000
    while await house.removal.remove_due():
        pass
    await house.check(contents)
    (row,) = await house.database.fetch("SELECT count(*) FROM report")
    assert row[0] == 30


def _record(house: EvidenceHouse, made: Submission) -> bytes:
    return encode(made, house.box)


def _token(number: int) -> str:
    return derive(f"{number:043d}").link_token
