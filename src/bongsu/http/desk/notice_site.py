"""Keeps the public notices rendered: in memory for the front, and as copies elsewhere."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from bongsu.desk.notices.board import Board
from bongsu.desk.notices.keeper import Keeper
from bongsu.errors import BongsuError
from bongsu.http.desk.face import Face
from bongsu.http.desk.notice_front import NoticeFront
from bongsu.http.desk.notice_links import CopyLinks, LiveLinks
from bongsu.http.desk.notice_render import NoticePages, Page, PageLinks, State
from bongsu.http.desk.notice_words import NoticeWording
from bongsu.http.desk.texts import LANGUAGES
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

LOOK_SECONDS = 0.5
RENDER_SECONDS = 30.0  # though nothing changed: the pages say of when they are
COPY_TRIES_SECONDS = 10.0

log = structlog.get_logger()


class Copy(Protocol):
    """A place for a copy of the pages."""

    async def write(self, files: Mapping[str, bytes]) -> None:
        """Bring it level; files in the order given, so that no page refers to what is not there.
        Raises `OSError` or a `BongsuError` when it cannot."""
        ...


class NoticeSite:
    def __init__(
        self,
        face: Face,
        keeper: Keeper,
        wording: NoticeWording,
        copies: Mapping[str, Copy],
        clock: Clock = now_ms,
    ) -> None:
        self.front = NoticeFront(is_secure=face.is_secure)
        self._face = face
        self._keeper = keeper
        self._wording = wording
        self._copies = copies
        self._copied_ts: dict[str, int] = {}
        self._clock = clock
        self._pages = NoticePages(face)
        self._live = LiveLinks(face.static)
        self._copied = CopyLinks(face.static, face.public_url)
        self._shown: tuple[Board | None, bool, int] = (None, False, 0)
        self._files: Mapping[str, bytes] = {}
        self._changed = asyncio.Event()
        self._tasks = TaskOwner("notice pages")

    def start(self) -> None:
        """The pages are there when this returns; they are kept level from now on."""
        self.render()
        self._tasks.start(self._keep_rendered())
        for name, copy in self._copies.items():
            self._tasks.start(self._keep_copied(name, copy))

    async def stop(self) -> None:
        await self._tasks.stop()

    def copy_ages(self) -> dict[str, float]:
        """Seconds since each copy was level with what is shown; -1 for one that never was."""
        now = self._clock()
        return {
            name: (now - ts) / 1000 if (ts := self._copied_ts.get(name)) is not None else -1.0
            for name in self._copies
        }

    def render(self) -> None:
        """Make every page anew from what the keeper shows."""
        board, is_stale, now = self._keeper.shown(), self._keeper.is_stale, self._clock()
        state = State(board, now, is_stale)
        self._wording.learn(board)
        self.front.replace(self._all(state, self._live))
        self._files = self._copy(state)
        self._shown = (self._keeper.board, is_stale, now)
        self._changed.set()

    async def _keep_rendered(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            board, is_stale, at = self._shown
            if (
                board is not self._keeper.board
                or is_stale != self._keeper.is_stale
                or self._clock() - at > RENDER_SECONDS * 1000
            ):
                try:
                    self.render()
                except Exception:
                    log.exception("the notices were not rendered")

    async def _keep_copied(self, name: str, copy: Copy) -> None:
        written: Mapping[str, bytes] = {}
        while True:
            if self._files is written:
                self._changed.clear()
                await self._changed.wait()
            files, of = self._files, self._shown[2]
            try:
                await copy.write(files)
                written = files
                self._copied_ts[name] = of
            except (OSError, BongsuError) as error:
                log.warning("the copy of the notices is not level", reason=str(error)[:200])
                await asyncio.sleep(COPY_TRIES_SECONDS)

    def _all(self, state: State, links: PageLinks) -> dict[str, list[Page]]:
        return {
            language: list(self._pages.render(state, language, links)) for language in LANGUAGES
        }

    def _copy(self, state: State) -> dict[str, bytes]:
        """Files of the copy: what others refer to first, the front pages last."""
        files = {file.name: file.body for file in self._face.static.all()}
        pages = {
            CopyLinks.file(page.name, language): page.text.encode()
            for language, of_language in self._all(state, self._copied).items()
            for page in of_language
        }
        ordered = sorted(pages, key=lambda name: name.startswith("index."))
        return files | {name: pages[name] for name in ordered}
