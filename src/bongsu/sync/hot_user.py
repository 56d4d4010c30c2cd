"""What is kept of a person while one of their devices syncs: a few positions, no content.

Loaded once from the database, then kept up by the log. Everything here may be dropped and loaded
again at any time.
"""

import asyncio
from collections import OrderedDict
from typing import Any, Protocol, cast

import msgspec

from bongsu.log.position import partition_of
from bongsu.push.count_mode import CountMode
from bongsu.sync.history import JOIN, History
from bongsu.sync.sources import AccountDataRecord
from bongsu.sync.unread import Rules, Unread

IGNORED_USER_LIST = "m.ignored_user_list"
INVITE_PERMISSION = "m.invite_permission_config"
PUSH_RULES = "m.push_rules"
DECISIVE_TYPES = (IGNORED_USER_LIST, INVITE_PERMISSION, PUSH_RULES)

OWN_ECHO_SECONDS = 0.005  # by then the answer to a send has left
UNREAD_ROOMS_MAX = 2_000
PRESENCE_NEWS_MAX = 1_000


class Waiter(Protocol):
    """A request that waits for news of one person."""

    def wake(self) -> None:
        """There are some, or the time is up. It may be told so again, and changes nothing else
        before it returns."""
        ...


class HotUser:
    __slots__ = ("_waiting", "account_data_position", "blocks_invites", "histories", "ignored",
                 "is_stale", "loaded_moment", "moment", "partition", "presence", "presence_moment",
                 "recent", "rules", "unread", "user_id")  # fmt: skip

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.partition = partition_of(user_id)
        self.histories: dict[str, History] = {}
        self.ignored: frozenset[str] = frozenset()
        self.blocks_invites = False
        self.rules = Rules(user_id, None)
        self.account_data_position = 0
        self.unread: OrderedDict[str, Unread] = OrderedDict()
        # Moments (see `Hub`): of the latest news for this person, and by room the latest there,
        # the most recent last; by user the latest change of their presence.
        self.moment = 0
        self.loaded_moment = 0
        self.recent: dict[str, int] = {}
        self.presence: dict[str, int] = {}
        self.presence_moment = 0  # the latest of these
        self.is_stale = False
        self._waiting: set[Waiter] = set()

    # -- kept up by the log --------------------------------------------------------------------

    def history(self, room_id: str) -> History:
        found = self.histories.get(room_id)
        if found is None:
            found = self.histories[room_id] = History(room_id, partition_of(room_id))
        return found

    @property
    def joined_rooms(self) -> list[str]:
        return [r for r, history in self.histories.items() if history.latest == JOIN]

    def apply_account_data(self, record: AccountDataRecord) -> None:
        """Take in a change, and what it decides: who is ignored, which rules are in force."""
        self.account_data_position = max(self.account_data_position, record.position)
        if record.room_id or record.type not in DECISIVE_TYPES:
            return
        if record.type == PUSH_RULES:
            self.rules = Rules(self.user_id, record.content)
            self.unread.clear()
            return
        content = _object(record.content)
        if record.type == IGNORED_USER_LIST:
            ignored = content.get("ignored_users")
            names = cast(dict[str, Any], ignored) if isinstance(ignored, dict) else {}
            self.ignored = frozenset(names) - {self.user_id}
            self.unread.clear()
        else:
            self.blocks_invites = content.get("default_action") == "block"

    def remember_unread(self, room_id: str, unread: Unread) -> None:
        self.unread[room_id] = unread
        if len(self.unread) > UNREAD_ROOMS_MAX:
            self.unread.popitem(last=False)

    def forget_redacted(self, room_id: str) -> None:
        """An event there was redacted: it highlights no more, nor is it what rules look for."""
        unread = self.unread.get(room_id)
        if unread is not None and (
            unread.has_highlights or self.rules.mode(room_id) is CountMode.SCAN
        ):
            del self.unread[room_id]

    # -- waking --------------------------------------------------------------------------------

    def touch(self, moment: int, room_id: str | None = None) -> None:
        """Something is new for this person (in that room): wake their waiting requests."""
        self._note(moment, room_id)
        self._wake()

    def touch_by_own(self, moment: int, room_id: str) -> None:
        """The same for an event of their own: its send is answered first.

        matrix-js-sdk takes an event of a thread that overtakes the answer for a failed send.
        """
        self._note(moment, room_id)
        if self._waiting:
            asyncio.get_running_loop().call_later(OWN_ECHO_SECONDS, self._wake)

    def note(self, moment: int, room_id: str) -> None:
        """Something is new in a room that is no reason to answer: the next answer shows it."""
        self.recent.pop(room_id, None)
        self.recent[room_id] = moment

    def _note(self, moment: int, room_id: str | None) -> None:
        self.moment = moment
        if room_id is not None:
            self.note(moment, room_id)

    def _wake(self) -> None:
        for waiter in self._waiting:
            waiter.wake()

    def touch_presence(self, moment: int, user_id: str) -> None:
        if len(self.presence) < PRESENCE_NEWS_MAX or user_id in self.presence:
            self.presence[user_id] = self.presence_moment = moment
        self.touch(moment)

    def rooms_since(self, moment: int) -> list[str]:
        """Rooms with news after a moment, which must not be before `loaded_moment`."""
        rooms: list[str] = []
        for room_id, touched in reversed(self.recent.items()):
            if touched <= moment:
                break
            rooms.append(room_id)
        return rooms

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def add_waiting(self, waiter: Waiter) -> None:
        self._waiting.add(waiter)

    def discard_waiting(self, waiter: Waiter) -> None:
        self._waiting.discard(waiter)


def _object(content: bytes | None) -> dict[str, Any]:
    if content is None:
        return {}
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
