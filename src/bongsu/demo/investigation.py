"""The last chapters: what happened and why, read by a second person and published; the apology."""

import hashlib
import json
import re
import time

from bongsu.demo.intake import Intake
from bongsu.demo.stage import People, Stage
from bongsu.demo.visitor import Page, Upload, Visitor, hold

HOME = "/operator/investigations"
PRIVATE = "never-for-the-public"
DRAFT_HASH = r'name="hash" value="([0-9a-f]{64})"'


async def publish(stage: Stage, people: People, intake: Intake, figures: list[str]) -> str:
    """A case of what machines saw and what this story measured."""
    ines = people.investigator
    await _machine_events(ines, intake)
    case = await _case(ines, intake)
    await ines.post(
        f"{case}/interviews", {"held": "2022-10-17T10:00", "person": PRIVATE, "said": PRIVATE},
        at=f"{case}/interviews",
    )  # fmt: skip
    event = await _timeline(ines, case)
    await _evidence(ines, case, figures)
    await _say(ines, case, event, figures)
    version = await _out(people, case)
    await _judge(stage, version, figures)
    return f"version 1 is public at {version}: page, JSON by its hash, evidence; nothing private"


async def prevent(stage: Stage, people: People) -> str:
    """A measure that a drill has to prove: a word does not close it."""
    ines = people.investigator
    case = (await ines.get(HOME)).found(rf'href="({HOME}/[\w-]+)"')
    cause = (await ines.get(case)).found(r'/items/([\w-]+)">The power')
    plan = {
        "title_en": "Two feeds", "title_ko": "전원을 둘로", "description_en": "A second feed.",
        "owner": "Facilities", "due": "2023-06-30T18:00", "asked": "drill", "drills": "3",
        "how": "kill", "role": "primary", "cause": f"{case.rpartition('/')[2]}/{cause}",
        "is_public": "yes",
    }  # fmt: skip
    measure = (await ines.post("/operator/measures/new", plan, at="/operator/measures/new")).path
    word = Upload("proof", "word.txt", b"It is done, believe us.")
    await ines.post(f"{measure}/proof", at=measure, files=[word], status=400)
    page = await stage.visitor().get("/measures?lang=en")
    hold("Two feeds" in page.text, "the measure is not public")
    hold("overdue" in page.text, "nobody sees that it is overdue")
    return "a measure without its proof stands there as overdue; a word does not close it"


async def apologise(stage: Stage, people: People) -> str:
    paul = people.publisher
    said = {
        "kind": "apology", "language": ["ko", "en"], "title_0": "사과드립니다",
        "body_0": "서비스가 멈춰 죄송합니다.", "title_1": "We are sorry",
        "body_1": "It was our fault.",
    }  # fmt: skip
    home = "/operator/statements"
    path = (await paul.post(home, said, at=home)).path
    page = await paul.post(f"{path}/publish", {"revision": "1"}, at=path)
    public = await stage.visitor().get(f"{page.path}?lang=en")
    hold("It was our fault." in public.text, "the apology is not public")
    return f"the apology stands in two languages under its hash at {page.path}"


async def audit(stage: Stage, people: People) -> str:
    count, broken = await stage.audit()
    hold(broken is None, f"the audit log breaks: {broken}")
    hold(count > 0, "the audit log is empty")
    return f"{count:,} acts stand in the audit log, and its chain holds"


async def _machine_events(ines: Visitor, intake: Intake) -> None:
    """A sender of its own; the same batch twice is once."""
    page = await ines.post("/operator/machines", {"sender": "demo"}, at="/operator/machines")
    token = page.found(r"<code>(bge_[\w-]+)</code>")
    events = [
        {"id": "lost", "at": intake.lost_ts, "kind": "loss", "what": "database killed"},
        {"id": "back", "at": intake.back_ts, "kind": "recovery", "what": "database answers again",
         "uncertainty_ms": 500},
    ]  # fmt: skip
    body = json.dumps({"events": events}).encode()
    first, again = [json.loads(await ines.tell("/api/machine-events", body, token)) for _ in "12"]
    hold(first == {"new": 2, "known": 0}, f"the events were taken as {first}")
    hold(again == {"new": 0, "known": 2}, f"sent again they were taken as {again}")


async def _case(ines: Visitor, intake: Intake) -> str:
    began = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(intake.lost_ts / 1000 - 3600 + 9 * 3600))
    fields = {"title_ko": "데이터센터 화재", "title_en": "Fire in a data centre", "began": began}
    return (await ines.post(HOME, fields, at=HOME)).path


async def _timeline(ines: Visitor, case: str) -> str:
    """Takes the machines' events up; gives the id of one of them."""
    page = await ines.get(f"{case}/machine")
    keys = re.findall(r'name="event" value="(demo/[^"]+)"', page.text)
    hold(len(keys) == 2, f"{len(keys)} events of ours are in the case's time, not 2")
    page = await ines.post(
        f"{case}/machine", {"event": keys, "is_public": "yes"}, at=f"{case}/machine"
    )
    return page.found(r'/items/([\w-]+)">[^<]*database killed')


async def _evidence(ines: Visitor, case: str, figures: list[str]) -> None:
    file = Upload("file", f"{PRIVATE}.txt", "\n".join(figures).encode())
    await ines.post(f"{case}/evidence", {"description": PRIVATE}, at=case, files=[file])
    shown = {"is_public": "yes", "public_name": "figures.txt", "caption_en": "What was measured"}
    await ines.post(f"{case}/evidence/1", shown, at=case)


async def _say(ines: Visitor, case: str, event: str, figures: list[str]) -> None:
    public = {"is_public": "yes", "note": PRIVATE}
    items = {
        "section": {"heading_en": "Summary", "body_en": "\n".join(figures)},
        "cause": {"title_en": "The power of one site went", "is_direct": "yes", "events": event,
                  "evidence": "E1"},
        "factor": {"title_en": "The notice page depended on it"},
        "question": {"text_en": "Why did the fire spread?"},
    }  # fmt: skip
    for kind, fields in items.items():
        await ines.post(f"{case}/new/{kind}", fields | public, at=f"{case}/new/{kind}")


async def _out(people: People, case: str) -> str:
    drafts = f"{case}/drafts"
    page = await people.investigator.post(drafts, {"summary": "The first report"}, at=drafts)
    draft, hash = page.path, page.found(DRAFT_HASH)
    verdict = {"hash": hash, "verdict": "approve"}
    await people.investigator.post(f"{draft}/review", verdict, at=draft, status=403)
    await people.approver.post(f"{draft}/review", verdict, at=draft)
    return (await people.publisher.post(f"{draft}/publish", {"hash": hash}, at=draft)).path


async def _judge(stage: Stage, version: str, figures: list[str]) -> None:
    reader = stage.visitor()
    page = await reader.get(f"{version}?lang=en")
    data = await reader.get(f"/api{version}")
    case = version.split("/")[2]
    file = await reader.get(f"/files/investigations/{case}/1")
    hold(file.text == "\n".join(figures), "the evidence is not what was attached")
    hold(hashlib.sha256(data.text.encode()).hexdigest() in page.text, "the hash is not shown")
    hold("database answers again" in page.text, "the timeline lacks the machines' event")
    for each in (page, data):
        _nothing_private(each)


def _nothing_private(page: Page) -> None:
    hold(PRIVATE not in page.text, f"{page.path} shows what is private")
    hold("@ines" not in page.text, f"{page.path} names an investigator")
