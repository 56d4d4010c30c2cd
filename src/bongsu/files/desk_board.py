"""Files of the desk's notices: the board, and the copy of the public pages."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from bongsu.desk.notices.board import Board

BOARD_BYTES_MAX = 64 * 1024**2

log = structlog.get_logger()


class BoardOnDisk:
    """Implements `desk.notices.keeper.BoardFile`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> Board | None:
        return await asyncio.to_thread(self._load)

    async def save(self, board: Board) -> None:
        body = msgspec.json.encode(board)
        await asyncio.to_thread(replace_file, self._path, body)

    def _load(self) -> Board | None:
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(BOARD_BYTES_MAX), type=Board)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the kept board cannot be read", reason=str(error))
            return None


class PublicFolder:
    """A folder that any web server can serve: each file is replaced whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[str, bytes] = {}

    async def write(self, files: Mapping[str, bytes]) -> None:
        """Write what differs from what was written before, in the order given. What is not among
        `files` any more stays: somebody may have a link to it."""
        changed = {n: body for n, body in files.items() if self._written.get(n) != body}
        await asyncio.to_thread(self._write, changed)
        self._written = dict(files)

    def _write(self, files: Mapping[str, bytes]) -> None:
        for name, body in files.items():
            replace_file(self._path / name, body, mode=0o644)


def replace_file(path: Path, body: bytes, *, mode: int = 0o600) -> None:
    """`body` as the whole content of `path`, on disk before it is seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(file, "wb") as writer:
        writer.write(body)
        writer.flush()
        os.fsync(writer.fileno())
    temporary.replace(path)
