"""The command `bongsu drill`."""

import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import msgspec
import uvloop

from bongsu.drill.drill import Drill, Say, Times, known_primary, lose_and_heal, whole
from bongsu.drill.load import Pace
from bongsu.drill.log_table import read_log
from bongsu.drill.losses import HOWS, LabLoss
from bongsu.drill.marks import observe
from bongsu.drill.page import page
from bongsu.drill.summary import as_json, headline, series_summary, summary
from bongsu.drill.verdict import Limits, Outcome, Run, judge_run
from bongsu.drill.watch import LabWatch
from bongsu.errors import OperatorError
from bongsu.lab import topology
from bongsu.lab.topology import Lab

EXIT_BROKEN = 1
REPEATS_MAX = 1000
QUIET_SECONDS = 5.0  # between progress lines that nobody sees rewritten
_CHOICES = ("each", "primary", "replica")


@click.command()
@click.option("--lose", help="SITE, or each, primary, replica; several by commas.  [primary]")
@click.option("--how", default="kill", help="kill, cut, hang; several by commas.  [kill]")
@click.option("--repeat", type=click.IntRange(1, REPEATS_MAX), help="Drills in a row.")
@click.option("--seconds", type=click.FloatRange(1, 3600), help="How long it stays lost.  [15]")
@click.option("--site-urls", help="SITE=URL,… of nodes or balancers.  [the lab's]")
@click.option("--data", type=click.Path(path_type=Path), envvar="BONGSU_LAB", default=Path("lab"),
              help="The lab's folder (BONGSU_LAB).  [lab]")  # fmt: skip
@click.option("--report", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for drill.html, drill.json and the journals.")  # fmt: skip
@click.option("--json", "to_json", is_flag=True, help="The verdicts as JSON on standard output.")
@click.option("--observe", "observed", is_flag=True, help="The loss is made by hand: see MARKS.")
@click.option("--marks", type=click.Path(path_type=Path), help="File that marks are added to.")
@click.option("--registration-token", help="For servers that demand one to register.")
@click.option("--gap-primary", default=Limits.gap_primary, help="Seconds.  [5]")
@click.option("--gap-replica", default=Limits.gap_replica, help="Seconds.  [1]")
@click.option("--senders", default=Pace.senders, type=click.IntRange(2, 1000),
              help="A site.  [4]")  # fmt: skip
@click.option("--pause", default=Pace.pause_seconds, help="Of a sender, in seconds.  [0.1]")
def command(
    lose: str | None, how: str, repeat: int | None, seconds: float | None, site_urls: str | None,
    data: Path, report: Path | None, to_json: bool, observed: bool, marks: Path | None,
    registration_token: str | None, gap_primary: float, gap_replica: float, senders: int,
    pause: float,
) -> None:  # fmt: skip
    """Lose a site under load, bring it back, and see which promises held.

    Exit code 1 when one was broken. With --observe the loss is made by hand, in any deployment;
    MARKS say when, typed or added to a file, a line each: "lose SITE primary" (or replica), "heal",
    "back", "end".
    """
    lab = topology.find(data) if site_urls else topology.load(data)
    series = Series(
        urls=_parsed(site_urls) if site_urls else _urls_of(lab),
        lab=lab,
        limits=Limits(gap_primary, gap_replica),
        pace=Pace(senders=senders, pause_seconds=pause),
        report=report,
        to_json=to_json,
        registration_token=registration_token,
    )
    if observed:
        work = series.observe(None if lose in _CHOICES else lose, seconds, marks)
    else:
        work = series.run(_ways(lose or "primary", how, series.urls), repeat, seconds)
    outcomes = uvloop.run(work)
    if to_json:
        told = [as_json(outcome, whole=False) for outcome in outcomes]
        click.echo(msgspec.json.encode(told).decode())
    sys.exit(0 if all(outcome.is_kept for outcome in outcomes) else EXIT_BROKEN)


class Series:
    """Drills in a row, each judged and told when it ends."""

    def __init__(
        self, *, urls: dict[str, list[str]], lab: Lab | None, limits: Limits, pace: Pace,
        report: Path | None, to_json: bool, registration_token: str | None,
    ) -> None:  # fmt: skip
        self.urls = urls
        self._lab, self._limits, self._pace = lab, limits, pace
        self._report, self._token = report, registration_token
        self._outcomes: list[Outcome] = []
        self._to_stderr = to_json  # standard output is for programs then
        self._say = progress()

    async def run(
        self, ways: Sequence[tuple[str, str]], repeat: int | None, seconds: float | None
    ) -> list[Outcome]:
        """`repeat` drills (without it, one of each way) that go round `ways` (site, how)."""
        if self._lab is None:
            raise OperatorError("There is no lab to lose a site of: see --data, or use --observe")
        for chosen, how in itertools.islice(itertools.cycle(ways), repeat or len(ways)):
            loss = LabLoss(self._lab, how)
            if not await whole(loss):
                raise OperatorError("The lab is not whole: see `bongsu lab status`")
            site = await self._site(chosen, loss)
            times = Times(away=seconds or Times.away)
            drill = self._drill(how)
            watch = LabWatch(self._lab, drill.notes)

            async def script(drill: Drill) -> None:
                await lose_and_heal(drill, loss, site, times)  # noqa: B023  # awaited in this turn

            watches = [watch.run, partial(_until_replaced, drill, watch, site)]
            log = partial(read_log, self._lab)
            self._tell(await drill.play(script, watches, watch.events, read_log=log))
        return self._outcomes

    async def observe(
        self, lost: str | None, seconds: float | None, marks: Path | None
    ) -> list[Outcome]:
        """One drill without a hand of ours in it."""
        if seconds is None and marks is None and not sys.stdin.isatty():
            raise OperatorError("--observe: needs a keyboard, --marks or --seconds to end it")
        drill = self._drill("by hand")
        watch = LabWatch(self._lab, drill.notes) if self._lab else None

        async def script(drill: Drill) -> None:
            await observe(drill, lost, seconds, marks)

        watches = [watch.run, partial(_notice_role, drill, watch)] if watch else []
        told = watch.events if watch else list
        log = partial(read_log, self._lab) if self._lab else None
        leave = self._lab is None
        self._tell(await drill.play(script, watches, told, read_log=log, leave=leave))
        return self._outcomes

    def _drill(self, how: str) -> Drill:
        journal = None
        if self._report:
            self._report.mkdir(parents=True, exist_ok=True)
            journal = self._report / f"journal-{len(self._outcomes) + 1:03}.jsonl"
            journal.unlink(missing_ok=True)
        return Drill(self.urls, how, self._pace, journal, self._token, self._say)

    async def _site(self, chosen: str, loss: LabLoss) -> str:
        primary = await known_primary(loss)
        if chosen == "primary":
            if primary is None:
                raise OperatorError("No site says that it has the primary: see `bongsu lab status`")
            return primary
        if chosen == "replica":
            times_lost = Counter(outcome.run.lost for outcome in self._outcomes)
            return min((s for s in self.urls if s != primary), key=lambda s: times_lost[s])
        return chosen

    def _tell(self, run: Run) -> None:
        outcome = judge_run(run, self._limits)
        self._outcomes.append(outcome)
        title = f"drill {len(self._outcomes)}"
        click.echo("\n" + summary(outcome, title) + "\n", err=self._to_stderr)
        if len(self._outcomes) > 1:
            click.echo(series_summary(self._outcomes) + "\n", err=self._to_stderr)
        if self._report:
            self._write(self._report, headline(run))

    def _write(self, report: Path, title: str) -> None:
        told = [as_json(outcome, whole=True) for outcome in self._outcomes]
        (report / "drill.json").write_bytes(msgspec.json.encode(told))
        (report / "drill.html").write_text(page(self._outcomes), "utf-8")
        click.echo(f"{title}: {report / 'drill.html'}", err=self._to_stderr)


def progress() -> Say:
    """Says where the drill is: a line rewritten on a terminal, else one now and then."""
    said_at = float("-inf")

    def say(line: str) -> None:
        nonlocal said_at
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)
        elif time.monotonic() - said_at >= QUIET_SECONDS:
            said_at = time.monotonic()
            click.echo(line, err=True)

    return say


async def _until_replaced(drill: Drill, watch: LabWatch, site: str) -> None:
    """Write down when another primary than the lost one is seen."""
    while drill.run.lost_at is None or not drill.run.was_primary or watch.primary == site:
        await asyncio.sleep(0.1)
    drill.replaced()


async def _notice_role(drill: Drill, watch: LabWatch) -> None:
    """Find out whether the site lost by hand holds the primary."""
    primary = watch.primary
    while drill.run.lost_at is None:
        primary = watch.primary
        await asyncio.sleep(0.02)
    if drill.run.was_primary is None and primary is not None:
        drill.run.was_primary = primary == drill.run.lost
    await _until_replaced(drill, watch, drill.run.lost)


def _ways(lose: str, how: str, urls: dict[str, list[str]]) -> list[tuple[str, str]]:
    """(site, how) of every drill of a round; the sites turn faster."""
    hows = how.split(",")
    if not set(hows) <= set(HOWS):
        raise OperatorError(f"--how: {how!r} is none of {', '.join(HOWS)}")
    sites = [site for word in lose.split(",") for site in (urls if word == "each" else [word])]
    unknown = [site for site in sites if site not in urls and site not in _CHOICES]
    if unknown:
        raise OperatorError(f"--lose: there is no site {unknown[0]!r}, only {', '.join(urls)}")
    return [(site, one) for one in hows for site in sites]


def _parsed(site_urls: str) -> dict[str, list[str]]:
    """`SITE=URL,…`; a site may stand there more than once."""
    urls: dict[str, list[str]] = {}
    for part in site_urls.split(","):
        site, equals, url = part.strip().partition("=")
        if not (site and equals and url.startswith(("http://", "https://"))):
            raise OperatorError(f"--site-urls: {part!r} is not SITE=http://host:port")
        urls.setdefault(site, []).append(url.rstrip("/"))
    return urls


def _urls_of(lab: Lab | None) -> dict[str, list[str]]:
    assert lab is not None, "loaded, or it was an error"
    return {site.name: lab.node_urls(site) for site in lab.sites}
