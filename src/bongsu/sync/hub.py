"""The one listener of the log for all who sync on this node: feeds of rooms, hot users, wake-ups.

Every change gets a *moment*, a count of this process. A hot user knows in which rooms something
happened at which moment, and a token that this process gave out knows its moment; so what is new
since then is found without looking at anything else.

An entry costs a dictionary lookup if nobody here watches its room, and a touch for each member
who does.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence

from bongsu.errors import Unavailable
from bongsu.log.entry import (
    Entry,
    EventFacts,
    Kind,
    LoggedEvent,
    Receipt,
    decode_account_data,
    decode_facts,
    decode_forget,
    decode_receipt,
    decode_signed_users,
)
from bongsu.log.position import PARTITIONS
from bongsu.sync.device_lists import RecentChanges
from bongsu.sync.history import JOIN, Change
from bongsu.sync.hot_user import DECISIVE_TYPES, HotUser
from bongsu.sync.room_feed import EVENT_BYTES_MAX, EVENTS_PER_ROOM_MAX, MEMBER, RoomFeed
from bongsu.sync.sources import (
    AccountDataRecord,
    FollowerLike,
    PresenceSource,
    SyncStore,
    TypingSource,
)
from bongsu.sync.token import Pin
from bongsu.tasks import TaskOwner

HOT_USERS_MAX = 20_000
LOAD_SECONDS_MAX = 10.0
PRESENCE_WATCHERS_MAX = 200  # in larger rooms presence is not passed on
PRESENCE_LOADS_MAX = 20
RECEIPTS_AT_ONCE_WATCHERS_MAX = 100  # in larger rooms receipts are gathered
RECEIPTS_GATHERED_SECONDS = 1.0

_MEMBER_FACTS = b'["' + MEMBER.encode() + b'",'
READ_MARKERS = ("m.read", "m.read.private")


class Hub:
    def __init__(
        self,
        follower: FollowerLike,
        store: SyncStore,
        typing: TypingSource,
        presence: PresenceSource,
    ) -> None:
        self.follower = follower
        self.moment = 1
        self._vector = follower.applied
        self._store = store
        self._typing = typing
        self._presence = presence
        self._users: OrderedDict[str, HotUser] = OrderedDict()
        self._feeds: dict[str, RoomFeed] = {}
        self._loading: dict[str, asyncio.Future[HotUser]] = {}
        self._missed: dict[str, list[Entry]] = {}  # entries for users being loaded
        self._kept: deque[tuple[RoomFeed, LoggedEvent]] = deque()
        self._kept_bytes = 0
        self._tasks = TaskOwner("sync", limit=PRESENCE_LOADS_MAX)
        self.device_lists = RecentChanges(self._read_joined_rooms, self._touch_watchers)
        follower.listen(self._on_entries, self._on_jump)
        typing.listen(self._on_typing)
        presence.listen(self._on_presence)

    async def stop(self) -> None:
        await self._tasks.stop()
        await self.device_lists.stop()

    def pin(self) -> Pin:
        """The present, for an answer to be built of."""
        return Pin(self._vector, self.moment, self._typing.cursor, self._presence.cursor)

    def feed(self, room_id: str) -> RoomFeed | None:
        return self._feeds.get(room_id)

    def hot_user(self, user_id: str) -> HotUser | None:
        """The person, if loaded."""
        user = self._users.get(user_id)
        if user is not None:
            self._users.move_to_end(user_id)
        return user

    async def user(self, user_id: str) -> HotUser:
        """The person, loaded if need be. `Unavailable` if that takes too long."""
        user = self.hot_user(user_id)
        if user is not None:
            return user
        loading = self._loading.get(user_id)
        if loading is None:
            loading = self._loading[user_id] = asyncio.ensure_future(self._load(user_id))
            loading.add_done_callback(lambda _: self._loaded(user_id))
        return await asyncio.shield(loading)

    # -- loading -------------------------------------------------------------------------------

    async def _load(self, user_id: str) -> HotUser:
        """Read the tables as of now, then what the log brought meanwhile."""
        missed = self._missed[user_id] = []
        self._vector = self.follower.applied
        vector = self._vector
        await self._store.reach(vector)
        user = HotUser(user_id)
        for record in await self._store.load_memberships(user_id):
            history = user.history(record.room_id)
            if record.position <= vector[history.partition]:  # else the log will bring it
                history.add(Change(*record[1:]))
        for forgotten in await self._store.load_forgotten(user_id):
            user.history(forgotten.room_id).forgotten = forgotten.leave_position
        await self._load_account_data(user)
        for entry in missed:
            self._apply_to_user(user, entry)
        self._admit(user)
        return user

    async def _load_account_data(self, user: HotUser) -> None:
        records = await self._store.load_account_data(user.user_id, 0, DECISIVE_TYPES)
        latest = await self._store.load_account_data_position(user.user_id)
        # Only the latest value is stored: wait until it is ours to use.
        needed = max([latest, *(record.position for record in records)])
        vector = tuple(needed if p == user.partition else 0 for p in range(PARTITIONS))
        if not await self.follower.wait_until(vector, LOAD_SECONDS_MAX):
            raise Unavailable("Behind the log")
        for record in records:
            user.apply_account_data(record)
        user.account_data_position = max(user.account_data_position, latest)

    def _loaded(self, user_id: str) -> None:
        future = self._loading.pop(user_id)
        self._missed.pop(user_id, None)
        if not future.cancelled():
            future.exception()  # whoever waits has it; nobody may be waiting any more

    def _admit(self, user: HotUser) -> None:
        user.loaded_moment = user.moment = self.moment
        self._users[user.user_id] = user
        for room_id, history in user.histories.items():
            if history.latest == JOIN:
                self._watch(user, room_id, history.partition)
        if len(self._users) > HOT_USERS_MAX:
            self._evict_one()

    def _evict_one(self) -> None:
        for user_id, user in self._users.items():
            if not user.is_waiting:
                del self._users[user_id]
                for room_id in user.histories:
                    self._unwatch(user, room_id)
                return

    def _watch(self, user: HotUser, room_id: str, partition: int) -> None:
        feed = self._feeds.get(room_id)
        if feed is None:
            feed = self._feeds[room_id] = RoomFeed(room_id, partition, self._vector[partition])
        feed.watchers.add(user)

    def _unwatch(self, user: HotUser, room_id: str) -> None:
        feed = self._feeds.get(room_id)
        if feed is not None:
            feed.watchers.discard(user)
            if not feed.watchers:
                del self._feeds[room_id]

    # -- listening -----------------------------------------------------------------------------

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        self._vector = self.follower.applied
        self.moment += 1
        for entry in entries:
            match entry.kind:
                case Kind.EVENT:
                    self._on_event(entry)
                case Kind.RECEIPT:
                    self._on_receipt(entry)
                case Kind.DEVICE_LIST:
                    self._on_user_entry(entry.key, entry)
                    self._on_device_list(entry)
                case Kind.ACCOUNT_DATA | Kind.FORGET | Kind.TO_DEVICE | Kind.ONE_TIME_KEYS:
                    self._on_user_entry(entry.key, entry)
                case _:
                    pass

    def _on_event(self, entry: Entry) -> None:
        feed = self._feeds.get(entry.key)
        facts: EventFacts | None = None
        if feed is not None:
            event = LoggedEvent.from_entry(entry)
            facts = event.facts
            feed.append(event)
            self._keep(feed, event)
        if entry.facts.startswith(_MEMBER_FACTS):
            facts = facts or decode_facts(entry.facts)
            self._on_user_entry(facts.state_key or "", entry, facts)
        if feed is not None and facts is not None:
            moment, room_id = self.moment, entry.key
            for user in feed.watchers:
                if facts.redacts is not None:
                    user.forget_redacted(room_id)
                if user.user_id == facts.sender:
                    user.touch_by_own(moment, room_id)
                else:
                    user.touch(moment, room_id)

    def _on_receipt(self, entry: Entry) -> None:
        feed = self._feeds.get(entry.key)
        if feed is None:
            return
        receipt = decode_receipt(entry.body)
        if receipt.receipt_type not in READ_MARKERS:
            return
        feed.append_receipt(entry.position, receipt)
        owner = self._users.get(receipt.user_id)
        if owner is not None:
            self._count_read(owner, feed, receipt)
        if receipt.receipt_type == "m.read" and feed.shows_receipts:
            self._pass_on_receipt(feed)
        if owner is not None:
            owner.touch(self.moment, entry.key)

    def _pass_on_receipt(self, feed: RoomFeed) -> None:
        """Wake who watches a room: at once, or if they are many about once a second."""
        if len(feed.watchers) <= RECEIPTS_AT_ONCE_WATCHERS_MAX:
            for user in feed.watchers:
                user.touch(self.moment, feed.room_id)
            return
        for user in feed.watchers:
            user.note(self.moment, feed.room_id)
        if not feed.receipts_are_due:
            feed.receipts_are_due = True
            loop = asyncio.get_running_loop()
            loop.call_later(RECEIPTS_GATHERED_SECONDS, self._pass_on_gathered_receipts, feed)

    def _pass_on_gathered_receipts(self, feed: RoomFeed) -> None:
        feed.receipts_are_due = False
        self.moment += 1
        for user in feed.watchers:
            user.touch(self.moment, feed.room_id)

    def _count_read(self, owner: HotUser, feed: RoomFeed, receipt: Receipt) -> None:
        unread = owner.unread.get(feed.room_id)
        if unread is None:
            return
        through = self._vector[feed.partition]
        events = feed.between(unread.through, through)
        last = feed.events[-1].position if feed.events else feed.floor
        if events is None or not unread.read(receipt, last):
            del owner.unread[feed.room_id]
        else:
            unread.through = through

    def _on_device_list(self, entry: Entry) -> None:
        if entry.body:
            for signed in decode_signed_users(entry.body).user_ids:
                self.device_lists.add_for(self.moment, signed, entry.key)
            return
        user = self._users.get(entry.key)
        self.device_lists.add(entry.key, user.joined_rooms if user else None)

    async def _read_joined_rooms(self, user_id: str) -> Sequence[str]:
        await self._store.reach(self._vector)
        return await self._store.load_joined_rooms(user_id)

    def _touch_watchers(self, rooms: Sequence[str]) -> int:
        """Wake who is in these rooms for something that is not of the rooms themselves; the
        moment at which it happened."""
        self.moment += 1
        for room_id in rooms:
            feed = self._feeds.get(room_id)
            for user in feed.watchers if feed else ():
                user.touch(self.moment)
        return self.moment

    def _on_user_entry(self, user_id: str, entry: Entry, facts: EventFacts | None = None) -> None:
        missed = self._missed.get(user_id)
        if missed is not None:
            missed.append(entry)
        user = self._users.get(user_id)
        if user is not None:
            self._apply_to_user(user, entry, facts)

    def _apply_to_user(self, user: HotUser, entry: Entry, facts: EventFacts | None = None) -> None:
        match entry.kind:
            case Kind.EVENT:
                self._apply_membership(user, entry, facts or decode_facts(entry.facts))
            case Kind.ACCOUNT_DATA:
                data = decode_account_data(entry.body)
                content = None if data.content is None else bytes(data.content)
                room_id = data.room_id or ""
                user.apply_account_data(
                    AccountDataRecord(room_id, data.type, entry.position, content)
                )
                user.touch(self.moment, room_id or None)
            case Kind.FORGET:
                forget = decode_forget(entry.body)
                user.history(forget.room_id).forgotten = forget.leave_position
                user.touch(self.moment, forget.room_id)
            case _:
                user.touch(self.moment)

    def _apply_membership(self, user: HotUser, entry: Entry, facts: EventFacts) -> None:
        history = user.history(entry.key)
        before = history.latest
        history.add(
            Change(
                entry.position,
                facts.membership or "leave",
                facts.sender,
                facts.notify_total,
                facts.main_total,
            )
        )
        user.touch(self.moment, entry.key)
        if history.latest == before:
            return
        user.unread.pop(entry.key, None)
        if user.user_id not in self._users:
            return  # still loading: it will watch its rooms when it is admitted
        if history.latest == JOIN:
            self._watch(user, entry.key, history.partition)
        else:
            self._unwatch(user, entry.key)

    def keep_before(self, feed: RoomFeed, events: Sequence[LoggedEvent], floor: int) -> None:
        """Let a feed reach back to `floor`: `events` are all between there and where it began."""
        is_current = self._feeds.get(feed.room_id) is feed
        if is_current and len(feed.events) + len(events) <= EVENTS_PER_ROOM_MAX:
            feed.put_before(events, floor)
            for event in events:
                self._keep(feed, event)

    def _keep(self, feed: RoomFeed, event: LoggedEvent) -> None:
        """Bound what all feeds hold together: the oldest goes first, wherever it is."""
        self._kept.append((feed, event))
        self._kept_bytes += len(event.body)
        while self._kept_bytes > EVENT_BYTES_MAX:
            oldest_feed, oldest = self._kept.popleft()
            self._kept_bytes -= len(oldest.body)
            while oldest_feed.events and oldest_feed.events[0].position <= oldest.position:
                oldest_feed.drop_oldest()

    def _on_jump(self, partition: int) -> None:
        """Entries were skipped: forget everybody, each is loaded again with their next request."""
        self._vector = self.follower.applied
        self.moment += 1
        self.device_lists.forget(self.moment)
        users = list(self._users.values())
        self._users.clear()
        self._feeds.clear()
        self._kept.clear()
        self._kept_bytes = 0
        for user in users:
            user.is_stale = True
            user.touch(self.moment)

    def _on_typing(self, room_id: str) -> None:
        feed = self._feeds.get(room_id)
        if feed is not None:
            self.moment += 1
            for user in feed.watchers:
                user.touch(self.moment, room_id)

    def _on_presence(self, user_id: str) -> None:
        user = self._users.get(user_id)
        if user is None:
            self._tasks.start(self._load_presence_rooms(user_id))
        else:
            self._pass_on_presence(user_id, user.joined_rooms)

    async def _load_presence_rooms(self, user_id: str) -> None:
        """Somebody who is connected elsewhere: only the database knows their rooms."""
        self._pass_on_presence(user_id, await self._store.load_joined_rooms(user_id))

    def _pass_on_presence(self, user_id: str, rooms: Sequence[str]) -> None:
        self.moment += 1
        watchers: set[HotUser] = set()
        for room_id in rooms:
            feed = self._feeds.get(room_id)
            if feed is not None and len(feed.watchers) <= PRESENCE_WATCHERS_MAX:
                watchers.update(feed.watchers)
        if (user := self._users.get(user_id)) is not None:
            watchers.add(user)
        for watcher in watchers:
            watcher.touch_presence(self.moment, user_id)
