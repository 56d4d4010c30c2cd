"""A drill on two nodes of one machine: one is killed and comes back, and the verdict is true."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bongsu import Bongsu
from harness.postgres import Postgres, is_listening
from harness.process import Process, free_port
from harness.synapse import answers

from bongsu.drill.drill import Drill, Times, lose_and_heal
from bongsu.drill.load import Pace
from bongsu.drill.marks import observe
from bongsu.drill.page import page
from bongsu.drill.summary import summary
from bongsu.drill.verdict import Limits, judge_run
from bongsu.nats.server_process import nats_binary

pytestmark = pytest.mark.timeout(600)
# The promises on time are those of quiet machines: here only what is counted is judged.
PATIENT = Limits(gap_primary=60.0, gap_replica=60.0)


class NodeLoss:
    """A node is killed and started again: `Loss` for servers that share engines."""

    how = "kill"

    def __init__(self, nodes: dict[str, Bongsu]) -> None:
        self._nodes = nodes

    async def primary(self) -> str | None:
        return None

    async def lose(self, site: str) -> str:
        await asyncio.to_thread(self._nodes[site].kill)
        return "killed"

    async def heal(self, site: str) -> str:
        await asyncio.to_thread(self._nodes[site].launch)
        return "started"

    async def is_whole(self) -> bool:
        urls = [node.url for node in self._nodes.values()]
        return all([await asyncio.to_thread(answers, f"{url}/ready") for url in urls])


@pytest.fixture
def nats(folder: Path) -> Iterator[str]:
    """A NATS server; its URL."""
    port = free_port()
    command = [str(nats_binary()), "--addr", "127.0.0.1", "--port", str(port)]
    process = Process(command, log=folder / "nats.log")
    process.wait_until(lambda: is_listening(port), seconds_max=30, what="NATS")
    yield f"nats://127.0.0.1:{port}"
    process.stop()


@pytest.fixture
def nodes(folder: Path, engine: Postgres, nats: str) -> Iterator[dict[str, Bongsu]]:
    """Two servers on one database, one bus and one folder of media."""
    database_url = engine.create_database("bongsu")
    made = {
        name: Bongsu(
            folder / name / "data", database_url=database_url, settings={"BONGSU_NATS_URL": nats}
        )
        for name in ("a", "b")
    }
    media = folder / "media"
    media.mkdir()
    for node in made.values():
        node.data.mkdir(parents=True)
        (node.data / "media").symlink_to(media)
        node.start()
    yield made
    for node in made.values():
        print(node.log_tail())
        node.stop()


async def test_loss_made_by_hand(nodes: dict[str, Bongsu], tmp_path: Path) -> None:
    """The drill only watches; marks in a file say what is done to the node, and when."""
    marks = tmp_path / "marks"
    urls = {name: [node.url] for name, node in nodes.items()}
    drill = Drill(urls, "by hand", Pace(senders=2, rooms=4))

    async def script(drill: Drill) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(observe(drill, None, 120.0, marks))
            await asyncio.sleep(0.5)  # marks count from when somebody looks
            await _mark(marks, "a spade is near the cable")
            await _mark(marks, "lose a replica")
            await asyncio.to_thread(nodes["a"].kill)
            await asyncio.sleep(2)
            await _mark(marks, "heal")
            await asyncio.to_thread(nodes["a"].start)
            await _mark(marks, "back")
            await _mark(marks, "end")

    outcome = judge_run(await drill.play(script, leave=True), PATIENT)
    print(summary(outcome, "drill"))
    assert not [one for one in outcome.broken if not one.unit]
    run = outcome.run
    assert (run.lost, run.was_primary) == ("a", False)
    assert None not in (run.lost_at, run.healed_at, run.back_at)
    assert "a spade is near the cable" in [event.what for event in run.events]


async def _mark(marks: Path, line: str) -> None:
    with marks.open("a") as file:
        file.write(line + "\n")
    await asyncio.sleep(0.5)


async def test_node_killed_and_back(nodes: dict[str, Bongsu], tmp_path: Path) -> None:
    urls = {name: [node.url] for name, node in nodes.items()}
    drill = Drill(urls, "kill", Pace(senders=2, rooms=6, upload_seconds=0.3), tmp_path / "journal")

    async def script(drill: Drill) -> None:
        await lose_and_heal(drill, NodeLoss(nodes), "a", Times(2.0, 4.0, 2.0))

    run = await drill.play(script)
    outcome = judge_run(run, PATIENT)
    print(summary(outcome, "drill"))
    (tmp_path / "drill.html").write_text(page([outcome]))
    counted = [one for one in outcome.broken if not one.unit]
    assert not counted, [(one.name, one.value) for one in counted]
    assert run.lost_at is not None
    assert run.back_at is not None
    assert run.ledger.acknowledged > 50, "too little was sent to prove anything"
    assert run.media.uploaded > 2
    assert run.media.downloaded > 2
