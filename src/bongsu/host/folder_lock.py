"""One Bongsu a data folder: a lock that the kernel drops with its holder, however that dies."""

import fcntl
import os
from pathlib import Path

from bongsu.errors import OperatorError


class FolderLock:
    """Held from construction to `release`, or to the end of the process.

    Raises `OperatorError` naming the holder's process id when another holds it, and when nothing
    may be written there.
    """

    def __init__(self, folder: Path) -> None:
        self._file = _opened(folder)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            raise OperatorError(
                f"Another Bongsu (process {holder or 'unknown'}) uses the data folder {folder}: "
                "stop it first, or choose another folder with BONGSU_DATA"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def _opened(folder: Path) -> int:
    try:
        return os.open(folder / "bongsu.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperatorError(
            f"The data folder {folder} cannot be written ({error.strerror}): "
            "give it to the account that runs Bongsu, or choose another with BONGSU_DATA"
        ) from None
