"""The marks of an observed drill: lines typed on the keyboard, or added to a file.

    lose SITE [primary|replica]   now the site is lost, which holds the primary or not
    heal                          now it is given back
    back                          it is whole again
    end                           enough (Ctrl-D does as well)

SITE may be left out when the command line names it. Any other line is a note on the timeline.
"""

import asyncio
import sys
import threading
from pathlib import Path

from bongsu.drill.drill import Drill

POLL_SECONDS = 0.1
END = "end"


async def observe(
    drill: Drill, lost: str | None, seconds: float | None, marks: Path | None
) -> None:
    """The script of a drill whose loss is made by hand. `seconds`: its length at most."""
    drill.phase("observing")
    lines: asyncio.Queue[str] = asyncio.Queue()
    sources = [asyncio.create_task(_from_file(marks, lines))] if marks else []
    if sys.stdin.isatty():
        _from_keyboard(lines)
    try:
        async with asyncio.timeout(seconds):
            while (line := await lines.get()) != END:
                take(drill, line, lost)
    except TimeoutError:
        pass
    finally:
        for source in sources:
            source.cancel()


def take(drill: Drill, line: str, lost: str | None) -> None:
    """Let a mark have happened now."""
    word, *more = line.split() or [""]
    site = next((site for site in [*more, lost] if site in drill.urls), None)
    if word == "lose" and site is not None:
        if {"primary", "replica"} & set(more):
            drill.run.was_primary = "primary" in more
        drill.lost(site)
    elif line == "heal":
        drill.healed()
    elif line == "back":
        drill.back()
    elif line:
        drill.notes.event("", "mark", line, is_turn=True)


async def _from_file(path: Path, lines: asyncio.Queue[str]) -> None:
    """Lines added to `path` from now on; it need not be there yet."""
    offset = len(_content(path))
    while True:
        whole = _content(path)[offset:].rpartition(b"\n")[0]
        if whole:
            offset += len(whole) + 1
            for line in whole.decode(errors="replace").splitlines():
                lines.put_nowait(line.strip())
        await asyncio.sleep(POLL_SECONDS)


def _content(path: Path) -> bytes:
    """What a hand wrote: a few lines."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _from_keyboard(lines: asyncio.Queue[str]) -> None:
    """A thread that dies with us: reading a terminal cannot be cancelled."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.strip())
        loop.call_soon_threadsafe(lines.put_nowait, END)

    threading.Thread(target=read, daemon=True).start()
