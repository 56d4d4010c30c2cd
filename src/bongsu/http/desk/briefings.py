"""Briefings: a page that needs no JavaScript, a stream for those who have it, the typists' page."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import msgspec
from starlette.responses import Response, StreamingResponse

from bongsu.desk.statements.briefings import (
    KEY_CHARS_MAX,
    LINE_CHARS_MAX,
    SHOWN_LINES,
    SPEAKER_CHARS_MAX,
    Briefings,
    BriefingState,
    Line,
    NewLine,
)
from bongsu.http.desk import wording
from bongsu.http.desk.briefing_feed import BriefingFeed
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.statements import PUBLISHERS
from bongsu.http.desk.visit import Visit

HOME = "/operator/briefings"
HEARTBEAT_SECONDS = 20.0
STREAM_SECONDS_MAX = 600.0  # then the browser comes again by itself


class BriefingPages:
    def __init__(self, briefings: Briefings, feed: BriefingFeed) -> None:
        self._briefings = briefings
        self._feed = feed

    def endpoints(self) -> Iterator[Endpoint]:
        yield get("/briefings", self.public_list)
        yield get("/briefings/{briefing}", self.public_show)
        yield get("/briefings/{briefing}/stream", self.stream)
        yield get(HOME, self.list, roles=PUBLISHERS)
        yield post(HOME, self.add, roles=PUBLISHERS)
        yield get(f"{HOME}/{{briefing}}", self.show, roles=PUBLISHERS)
        yield post(f"{HOME}/{{briefing}}/state", self.set_state, roles=PUBLISHERS)
        yield post(f"{HOME}/{{briefing}}/lines", self.say, roles=PUBLISHERS)

    async def public_list(self, visit: Visit) -> Response:
        return visit.render("statements/briefings.html", briefings=await self._briefings.list_all())

    async def public_show(self, visit: Visit) -> Response:
        return await self._page(visit, "statements/briefing.html")

    async def stream(self, visit: Visit) -> Response:
        """Server-sent events: a line each, and how the briefing stands."""
        briefing = await self._briefings.get(visit.path["briefing"])
        given = visit.request.headers.get("last-event-id") or visit.query.get("after", "0")
        after = _whole(given) or 0
        self._feed.check_room()
        headers = {"X-Accel-Buffering": "no"}
        body = self._events(visit, briefing.briefing_id, after)
        return StreamingResponse(body, headers=headers, media_type="text/event-stream")

    async def list(self, visit: Visit) -> Response:
        return visit.render(
            "statements/operator_briefings.html", briefings=await self._briefings.list_all()
        )

    async def add(self, visit: Visit) -> Response:
        starts = visit.time("starts", required=True)
        assert starts is not None, "required"
        title = wording.title(visit, "title")
        briefing_id = await self._briefings.add(visit.operator, title, starts)
        return visit.redirect(f"{HOME}/{briefing_id}")

    async def show(self, visit: Visit) -> Response:
        return await self._page(visit, "statements/operator_briefing.html")

    async def set_state(self, visit: Visit) -> Response:
        state = visit.text("state", 20, required=True)
        if state not in set(BriefingState):
            raise visit.refuse("base.field_wrong", name="state")
        briefing_id = visit.path["briefing"]
        await self._briefings.set_state(visit.operator, briefing_id, BriefingState(state))
        return visit.redirect(f"{HOME}/{briefing_id}")

    async def say(self, visit: Visit) -> Response:
        briefing_id = visit.path["briefing"]
        corrects = wording.number(visit, "corrects", 0) or None
        line = NewLine(
            visit.text("key", KEY_CHARS_MAX, required=True),
            visit.text("speaker", SPEAKER_CHARS_MAX, required=True),
            wording.text(visit, "said", LINE_CHARS_MAX),
            corrects,
        )
        await self._briefings.say(visit.operator, briefing_id, line)
        return visit.redirect(f"{HOME}/{briefing_id}")

    async def _page(self, visit: Visit, template: str) -> Response:
        """The latest lines, which go on by themselves, or those from a given one on."""
        briefing = await self._briefings.get(visit.path["briefing"])
        briefing_id, latest = briefing.briefing_id, max(0, briefing.lines - SHOWN_LINES)
        given = _from(visit)
        after = latest if given is None else min(given, latest)
        lines = await self._briefings.list_lines(briefing_id, after)
        return visit.render(
            template,
            briefing=briefing,
            lines=lines,
            corrected=await self._briefings.list_corrections(briefing_id, lines),
            after=after,
            latest=latest,
            shown_lines=SHOWN_LINES,
            states=list(BriefingState),
            line_key=secrets.token_urlsafe(12),
        )

    async def _events(self, visit: Visit, briefing_id: str, after: int) -> AsyncIterator[bytes]:
        ends_at = asyncio.get_running_loop().time() + STREAM_SECONDS_MAX
        state = None
        async with self._feed.watch(briefing_id) as channel:
            while asyncio.get_running_loop().time() < ends_at:
                changed = channel.changed
                if channel.has_left_behind(after):
                    yield b"event: reload\ndata:\n\n"
                    return
                for line in channel.after(after):
                    yield _event(visit, line)
                    after = line.number
                if channel.state is not state:
                    state = channel.state
                    yield f"event: state\ndata: {state.value}\n\n".encode()
                if state is BriefingState.ENDED and not channel.after(after):
                    return
                if not await _wait(changed):
                    yield b": still here\n\n"


def _from(visit: Visit) -> int | None:
    """After which line somebody wants to read; None for the latest lines."""
    return _whole(visit.query.get("after", ""))


def _whole(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else None


async def _wait(changed: asyncio.Event) -> bool:
    """Whether there is something new before a proxy might think that we are gone."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            await changed.wait()
    except TimeoutError:
        return False
    return True


def _event(visit: Visit, line: Line) -> bytes:
    told = {
        "number": line.number,
        "at": visit.face.time_text(line.said_ts, "%H:%M:%S"),
        "speaker": line.speaker,
        "text": line.text.said(visit.language),
        "corrects": line.corrects,
    }
    return b"id: %d\nevent: line\ndata: %s\n\n" % (line.number, msgspec.json.encode(told))
