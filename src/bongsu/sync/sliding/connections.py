"""Connection states in memory and in the database, by the mark of their content.

A state that is new is stored before the answer that names it, together with others of the moment.
While there is no primary no answer is withheld for that: it is stored afterwards, and only if
the process dies before must the client begin anew (M_UNKNOWN_POS). Who asks another process sooner
than it is stored waits there a little.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import structlog

from bongsu.errors import Refused, Unavailable
from bongsu.sync.sliding.connection import (
    EMPTY,
    EMPTY_MARK,
    ConnectionId,
    ConnectionState,
    decode_state,
    encode_state,
    mark_state,
)
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

ROOMS_CACHED_MAX = 1_000_000  # in all states in memory together: some 100 MB
UNSAVED_MAX = 10_000
SAVED_AT_ONCE_MAX = 100
SAVE_SECONDS_MAX = 1.0  # that an answer waits for its state to be stored
RETRY_SECONDS = 0.5
NOT_YET_SAVED_SECONDS = (0.05, 0.2, 0.75)  # pauses before looking again


class SavedState(NamedTuple):
    """A state to store, and the mark of the one it follows, which is still in use."""

    connection: ConnectionId
    mark: bytes
    state: bytes
    base: bytes


class ConnectionStore(Protocol):
    async def load(self, connection: ConnectionId, mark: bytes) -> bytes | None:
        """Confirmed."""
        ...

    async def save(self, states: Sequence[SavedState]) -> None:
        """Keeps the base and the latest few of each connection, and few connections a device."""
        ...


class UnknownPosition(Refused):
    """The client begins anew, without a position."""

    code = "M_UNKNOWN_POS"

    def __init__(self) -> None:
        super().__init__("Unknown position")


class Connections:
    def __init__(self, store: ConnectionStore) -> None:
        self._store = store
        self._known: OrderedDict[tuple[ConnectionId, bytes], ConnectionState] = OrderedDict()
        self._rooms = 0
        self._unsaved: OrderedDict[tuple[ConnectionId, bytes], SavedState] = OrderedDict()
        self._tasks = TaskOwner("sliding sync")
        self._is_saving = False
        self._progress = asyncio.Event()  # set, and replaced, when something was stored

    async def stop(self) -> None:
        """Give what is unsaved a last chance."""
        await self._tasks.stop()
        while self._unsaved:
            if not await self._save_some():
                break

    async def load(
        self, connection: ConnectionId, mark: bytes, room_ids: Callable[[], Iterable[str]]
    ) -> ConnectionState:
        """The state of that mark. `UnknownPosition` if there is none, `Unavailable` if that cannot
        be known now. `room_ids` are all rooms it may speak of."""
        if mark == EMPTY_MARK:
            return EMPTY
        known = self._known.get((connection, mark))
        if known is not None:
            self._known.move_to_end((connection, mark))
            return known
        encoded = await self._read(connection, mark)
        state = None if encoded is None else decode_state(encoded, room_ids())
        if state is None:
            raise UnknownPosition
        self._remember(connection, mark, state)
        return state

    def keep(self, connection: ConnectionId, base: bytes, state: ConnectionState) -> bytes:
        """The mark of a state that follows the one of `base`. `Unavailable` if too many wait."""
        if state == EMPTY:
            return EMPTY_MARK
        if self._known.get((connection, base)) == state:
            return base
        encoded = encode_state(state)
        mark = mark_state(encoded)
        key = (connection, mark)
        # One that was stored before may have been forgotten since: store it again.
        if mark != base and key not in self._unsaved:
            if len(self._unsaved) >= UNSAVED_MAX:
                raise Unavailable("Too many connection states wait to be stored")
            self._unsaved[key] = SavedState(connection, mark, encoded, base)
            if not self._is_saving:
                self._is_saving = True
                self._tasks.start(self._save())
        self._remember(connection, mark, state)
        return mark

    async def stored(self, connection: ConnectionId, mark: bytes) -> None:
        """Wait until the state of that mark is stored, or for `SAVE_SECONDS_MAX`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SAVE_SECONDS_MAX):
                while (connection, mark) in self._unsaved:
                    await self._progress.wait()

    def _remember(self, connection: ConnectionId, mark: bytes, state: ConnectionState) -> None:
        key = (connection, mark)
        before = self._known.pop(key, EMPTY)
        self._known[key] = state
        self._rooms += len(state.rooms) - len(before.rooms)
        while self._rooms > ROOMS_CACHED_MAX and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._rooms -= len(oldest.rooms)

    async def _read(self, connection: ConnectionId, mark: bytes) -> bytes | None:
        waiting = self._unsaved.get((connection, mark))
        if waiting is not None:
            return waiting.state
        for seconds in (*NOT_YET_SAVED_SECONDS, None):
            encoded = await self._store.load(connection, mark)
            if encoded is not None or seconds is None:
                return encoded
            await asyncio.sleep(seconds)
        return None

    async def _save(self) -> None:
        try:
            while self._unsaved:
                if not await self._save_some():
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._is_saving = False

    async def _save_some(self) -> bool:
        """False if the database would not have it now: nothing is lost, it is tried again."""
        some = list(self._unsaved.values())[:SAVED_AT_ONCE_MAX]
        try:
            await self._store.save(some)
        except Unavailable as error:
            log.debug("connection states not stored", reason=error.message)
            return False
        for each in some:
            self._unsaved.pop((each.connection, each.mark), None)
        self._progress.set()
        self._progress = asyncio.Event()
        return True
