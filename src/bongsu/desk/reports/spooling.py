"""What intake needs of a local disk, and how reports are written there.

SpoolFull     no room: the one case in which a report is turned away, with a clear answer
SpoolBroken   a batch that is not what was written
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import msgspec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from bongsu.desk.reports.claim import Submission
from bongsu.desk.sealing import FileKeys
from bongsu.errors import BongsuError, Unavailable


class SpoolFull(Unavailable):
    """Nothing of it was kept."""


class SpoolBroken(BongsuError):
    """What was read is not what was written."""


class Staged(NamedTuple):
    """A file in the staging area, fsync'd."""

    name: str
    sha256: bytes
    size: int


class Waiting(NamedTuple):
    """What lies in a spool: batches to be forwarded, batches set aside, and the room taken."""

    batches: int
    broken: int
    used_bytes: int
    bytes_max: int


class Box:
    """Seals what lies in the spool, under a key of the key file: no database is needed for it."""

    def __init__(self, file_keys: FileKeys) -> None:
        self._box = SecretBox(file_keys.derive("report spool"))

    def encrypt(self, content: bytes) -> bytes:
        return bytes(self._box.encrypt(content))

    def decrypt(self, content: bytes) -> bytes:
        """`SpoolBroken` if it was changed or sealed under another key."""
        try:
            return self._box.decrypt(content)
        except (CryptoError, ValueError) as error:
            raise SpoolBroken("A spooled report does not open: is this its key file?") from error


class Spool(Protocol):
    """Implemented by `files.report_spool.ReportSpool`, which says what each promises."""

    async def stage(self, content: AsyncIterator[bytes], *, bytes_max: int) -> Staged: ...

    def stream_staged(self, name: str) -> AsyncIterator[bytes]: ...

    async def discard_staged(self, names: Sequence[str]) -> None: ...

    async def write(self, records: Sequence[bytes]) -> str: ...

    async def list_batches(self) -> list[str]: ...

    async def read(self, name: str) -> list[bytes]: ...

    async def remove(self, name: str) -> None: ...

    async def set_aside(self, name: str) -> None: ...

    async def sweep(self, named: set[str]) -> int: ...

    async def look(self) -> Waiting: ...

    def forwarding(self) -> AbstractContextManager[bool]: ...


def encode(submission: Submission, box: Box) -> bytes:
    return box.encrypt(msgspec.msgpack.encode(submission))


def decode(record: bytes, box: Box) -> Submission:
    """`SpoolBroken` if it is none that we wrote."""
    try:
        return msgspec.msgpack.decode(box.decrypt(record), type=Submission)
    except msgspec.DecodeError as error:
        raise SpoolBroken(f"A spooled report cannot be read ({error})") from error
