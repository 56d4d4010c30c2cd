"""Write what was asked for, and never over what somebody else wrote."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bongsu.errors import OperatorError
from bongsu.lab.component import write_file

MODE_SECRET = 0o600
MODE_PROGRAM = 0o700
_RECORD = "written.json"

Files = Mapping[str, str]
"""Texts by their paths below the command's folder."""


def write_secret(path: Path, text: str) -> None:
    """For its owner alone from its first byte; whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, text, None)


class Folder:
    """A folder of made files, and the record of what was made: the hash of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        record = path / _RECORD
        self._hashes: dict[str, str] = {}
        if record.exists():
            self._hashes = msgspec.json.decode(record.read_bytes(), type=dict[str, str])

    def write(self, files: Files, *, force: bool) -> list[str]:
        """Bring the files to these texts; gives the names of those that changed.

        `OperatorError`, with nothing written, when one of them was edited by hand and `force` is
        not given. Programs (texts that begin with #!) may be run by their owner.
        """
        changed = [name for name, text in files.items() if self._text(name) != text]
        edited = [name for name in changed if self._is_edited(name)]
        if edited and not force:
            raise OperatorError(
                "These were edited by hand and would be overwritten; nothing was written:\n"
                + "\n".join(f"  {self.path / name}" for name in edited)
                + "\nMove them away, or say --force."
            )
        for name in changed:
            self._write(name, files[name])
        self._hashes |= {name: _hash(text) for name, text in files.items()}
        write_secret(
            self.path / _RECORD, msgspec.json.format(msgspec.json.encode(self._hashes)).decode()
        )
        return changed

    def _write(self, name: str, text: str) -> None:
        write_secret(self.path / name, text)
        if text.startswith("#!"):
            (self.path / name).chmod(MODE_PROGRAM)

    def _text(self, name: str) -> str | None:
        try:
            return (self.path / name).read_text()
        except FileNotFoundError:
            return None

    def _is_edited(self, name: str) -> bool:
        text = self._text(name)
        return text is not None and self._hashes.get(name) != _hash(text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
