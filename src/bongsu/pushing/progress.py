"""How far one partition was dealt with: what is read, open, and done. Pure."""

from collections import deque
from collections.abc import Sequence

from bongsu.log.entry import Entry, Kind

BUFFER_ENTRIES_MAX = 5_000
LOOKED_AT = frozenset({Kind.EVENT, Kind.RECEIPT})


class Progress:
    """Of one partition that this node owns.

    Entries after `floor` are in memory as they arrived; what is before it and after `evaluated`
    must be read from the log.
    """

    def __init__(self, partition: int, floor: int) -> None:
        self.partition = partition
        self.floor = floor
        self.evaluated = floor
        self.saved = -1  # the cursor as it was last stored
        self.is_ready = False  # once it is known where to begin
        self._buffer: deque[Entry] = deque()
        self._open: dict[int, int] = {}  # notices not yet dealt with, by position

    def append(self, entry: Entry) -> None:
        if len(self._buffer) >= BUFFER_ENTRIES_MAX:
            self.skip_to(entry.position)
        elif entry.kind in LOOKED_AT:
            self._buffer.append(entry)

    def skip_to(self, position: int) -> None:
        """Keep nothing up to there in memory: the log has it."""
        self._buffer.clear()
        self.floor = position

    def take(self, limit: int) -> Sequence[Entry]:
        """The next entries from memory; only once `evaluated` has come to `floor`."""
        taken: list[Entry] = []
        while self._buffer and len(taken) < limit:
            entry = self._buffer.popleft()
            if entry.position > self.evaluated:
                taken.append(entry)
        return taken

    @property
    def is_drained(self) -> bool:
        return not self._buffer

    def begin(self, position: int) -> None:
        self._open[position] = self._open.get(position, 0) + 1

    def done(self, position: int) -> None:
        left = self._open.get(position, 0) - 1
        if left > 0:
            self._open[position] = left
        else:
            self._open.pop(position, None)

    @property
    def cursor(self) -> int:
        """Through which everything was dealt with."""
        return min(self.evaluated, min(self._open, default=self.evaluated + 1) - 1)
