"""The desk's key file: one key a line in hexadecimal, oldest first, readable by its owner only."""

import os
from pathlib import Path

from bongsu.desk.sealing import KEY_BYTES, FileKeys, new_key
from bongsu.errors import OperatorError

KEYS_MAX = 100
_LINE_CHARS = 2 * KEY_BYTES + 1


def load_file_keys(path: Path, *, is_shared: bool = False) -> FileKeys:
    """The keys in `path`, which is made with a first one if it is not there. One that several
    sites share is never made: it would hold a key that the others have not got."""
    try:
        if is_shared and not path.exists():
            raise OperatorError(f"desk_keys: {path} is missing; copy it from another site")
        if not path.exists():
            _make(path)
        return FileKeys(_read(path))
    except OSError as error:
        raise OperatorError(f"desk_keys: {path} cannot be used ({error.strerror})") from None


def add_file_key(path: Path) -> None:
    """Add a key, which then wraps the data keys. It has to be the same at every site."""
    keys = _read(path)
    if len(keys) >= KEYS_MAX:
        raise OperatorError(f"desk_keys: {path} holds {KEYS_MAX} keys; remove the oldest")
    _replace(path, [*keys, new_key()])


def _read(path: Path) -> list[bytes]:
    lines = path.read_text("ascii", "replace")[: KEYS_MAX * _LINE_CHARS].split()
    try:
        keys = [bytes.fromhex(line) for line in lines]
    except ValueError:
        keys = []
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise OperatorError(f"desk_keys: {path} is no key file: one key of 64 hex digits a line")
    if path.stat().st_mode & 0o077:
        raise OperatorError(f"desk_keys: others may read {path}: chmod 600 it")
    return keys


def _make(path: Path) -> None:
    """Of two processes that make it at once, both go on with the same one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = _write(path, [new_key()])
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _replace(path: Path, keys: list[bytes]) -> None:
    _write(path, keys).replace(path)


def _write(path: Path, keys: list[bytes]) -> Path:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w") as text:
        text.writelines(f"{key.hex()}\n" for key in keys)
        text.flush()
        os.fsync(text.fileno())
    return temporary
