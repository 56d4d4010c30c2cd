"""The desk's whole story, small: fire, notices, intake with the database lost, recount, rules,
money, appeal, report. What it checks is in `bongsu.demo`; here it has to come to its end."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from harness.desk import Visitor

from bongsu.demo.intake import Answered, Intake, judge
from bongsu.demo.stage import PASSWORD, Stage
from bongsu.demo.visitor import Broken
from bongsu.desk.reports.generator import generate

CHAPTERS = [
    "fire", "notices", "intake", "recount", "assessment", "rules", "approval", "payout", "appeal",
    "investigation", "prevention", "apology", "audit",
]  # fmt: skip

STORY_SECONDS_MAX = 240.0


async def test_the_story_holds_and_stays_to_be_looked_at_until_ctrl_c(tmp_path: Path) -> None:
    demo = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("bongsu")), "desk", "demo", "--reports", "200",
        "--rate", "40", "--stay", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )  # fmt: skip
    assert demo.stdout is not None
    told = ""
    try:
        async with asyncio.timeout(STORY_SECONDS_MAX):
            while PASSWORD not in told:
                line = (await demo.stdout.readline()).decode()
                assert line, told
                told += line
    except TimeoutError:
        demo.kill()
        pytest.fail(f"it does not go on:\n{told}")
    lines = [line.split()[1] for line in told.splitlines() if line.startswith("✓")]
    assert lines == CHAPTERS
    assert "0 lost, 0 doubled" in told
    assert "All of it held: 13 chapters in" in told
    assert not os.listdir(tmp_path)  # it keeps to its own folder

    url = re.search(r"It stays at (\S+) until Ctrl-C", told)
    assert url
    visitor = Visitor(url[1])
    assert (await visitor.sign_in("ben", PASSWORD)).path == "/operator"
    await visitor.close()
    demo.send_signal(signal.SIGINT)
    async with asyncio.timeout(STORY_SECONDS_MAX):
        assert (await demo.communicate())[0] == b""
    assert demo.returncode == 0


class Tables:
    """A stage whose tables hold what a test says."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    async def rows(self, query: str) -> list[dict[str, Any]]:
        return self._rows


@pytest.mark.parametrize("fault", ["lost", "new", "doubled", "receipt", "unanswered", "unfelt"])
async def test_a_story_that_does_not_hold_is_told_so(fault: str) -> None:
    intake = Intake(list(generate(seed=1, count=3)), lost_ts=1000, back_ts=3000)
    sent = [one.submission for one in intake.made]
    intake.answers = {one.report_id: Answered(one.receipt, "/x", False) for one in sent}
    rows = [{"report_id": one.report_id, "receipt": one.receipt, "versions": 1} for one in sent]
    assert "3 reports answered in" in await judge(cast(Stage, Tables(rows)), intake)
    match fault:
        case "lost":
            rows.pop()
        case "new":
            rows.append({**rows[0], "report_id": "other"})
        case "doubled":
            rows[0]["versions"] = 2
        case "receipt":
            rows[0]["receipt"] = "other"
        case "unanswered":
            del intake.answers[sent[0].report_id]
        case _:
            intake.answers = {
                id: one._replace(is_confirmed=True) for id, one in intake.answers.items()
            }
    with pytest.raises(Broken):
        await judge(cast(Stage, Tables(rows)), intake)
