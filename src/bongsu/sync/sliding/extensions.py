"""What is beside rooms: messages to devices, keys, account data, receipts, typing, threads."""

from collections.abc import Collection, Mapping, Sequence

from bongsu.log.entry import Receipt
from bongsu.log.position import ORIGIN
from bongsu.sync.device_lists import NOTHING, DeviceListReader, DeviceLists
from bongsu.sync.history import Section
from bongsu.sync.hub import Hub
from bongsu.sync.sliding.connection import ACCOUNT_DATA, RECEIPTS, ConnectionState
from bongsu.sync.sliding.cursors import encode_cursor, parse_cursor
from bongsu.sync.sliding.plan import TYPING, Config, Task
from bongsu.sync.sliding.request import THREADS, Extensions, is_on
from bongsu.sync.sliding.room_result import Shown
from bongsu.sync.sliding.threads import (
    NO_THREADS,
    THREADS_DEFAULT,
    THREADS_MAX,
    ThreadNews,
    ThreadStore,
    load_threads,
    render,
)
from bongsu.sync.sources import DeviceAnswer, DeviceSource, SyncStore, TypingSource
from bongsu.sync.streams.account_data import (
    AccountDataNews,
    PushRules,
    load_account_data,
    load_account_data_of,
)
from bongsu.sync.streams.receipts import load_receipts, receipt_event
from bongsu.sync.streams.timeline import RoomWork
from bongsu.sync.streams.typing import TypingNews, typing_candidates, typing_news
from bongsu.sync.token import mark_of
from bongsu.sync.view import View, encode

TO_DEVICE_LIMIT = 100
NO_DEVICE_NEWS = DeviceAnswer((), 0, False)
NO_ACCOUNT_DATA = AccountDataNews([], {})


class ExtensionReader:
    def __init__(
        self,
        hub: Hub,
        store: SyncStore,
        typing: TypingSource,
        push_rules: PushRules,
        devices: DeviceSource,
        device_lists: DeviceListReader,
        threads: ThreadStore,
    ) -> None:
        self._hub = hub
        self._store = store
        self._typing = typing
        self._push_rules = push_rules
        self._devices = devices
        self._device_lists = device_lists
        self._threads = threads
        self.source_mark = mark_of(typing.source)

    # -- devices -------------------------------------------------------------------------------

    async def load_devices(
        self, view: View, extensions: Extensions, incarnation: bytes
    ) -> DeviceAnswer:
        """Messages and key counts; what the token of the extension covers is deleted."""
        to_device = extensions.to_device
        if not is_on(to_device) and not is_on(extensions.e2ee):
            return NO_DEVICE_NEWS
        since = ORIGIN if view.since is None else view.since.vector
        if to_device is None or not is_on(to_device):
            # None: nothing is acknowledged, for nothing is shown.
            answer = await self._devices.answer(view.device, None, 0, view.pin.vector)
            return answer._replace(messages=(), has_news=False, is_full=False)
        cursor = 0
        if to_device.since:  # of another incarnation, it acknowledges nothing here
            found = parse_cursor(to_device.since, incarnation, 1, "since of to_device")
            cursor = found[0] if found else 0
        limit = TO_DEVICE_LIMIT if to_device.limit is None else to_device.limit
        return await self._devices.answer(view.device, since, cursor, view.pin.vector, limit)

    async def load_device_lists(
        self, view: View, extensions: Extensions, changed: Collection[str]
    ) -> DeviceLists:
        since = view.since
        if since is None or not is_on(extensions.e2ee):
            return NOTHING
        return await self._device_lists.read(
            view.user, since.vector, view.pin.vector, changed, since.moment
        )

    def render_devices(
        self, extensions: Extensions, answer: DeviceAnswer, lists: DeviceLists, incarnation: bytes
    ) -> list[bytes]:
        parts: list[bytes] = []
        if is_on(extensions.to_device):
            token = encode(encode_cursor(incarnation, answer.to_device))
            parts.append(
                b'"to_device":{"next_batch":%b,"events":[%b]}' % (token, b",".join(answer.messages))
            )
        if is_on(extensions.e2ee):
            fields = list(answer.counts)
            if lists is not NOTHING:
                names = {"changed": sorted(lists.changed), "left": sorted(lists.left)}
                fields.append(b'"device_lists":' + encode(names))
            parts.append(b'"e2ee":{%b}' % b",".join(fields))
        return parts

    # -- account data --------------------------------------------------------------------------

    async def load_account_data(
        self, view: View, extensions: Extensions, state: ConnectionState
    ) -> AccountDataNews:
        """Everything if none was sent yet, else the changes: of all rooms, wanted or not."""
        on = is_on(extensions.account_data)
        if view.since is None and not on:
            return NO_ACCOUNT_DATA
        if on and not state.account_data:
            whole = await load_account_data(
                self._store, view._replace(since=None), self._push_rules
            )
            if view.since is None:
                return whole
            news = await load_account_data(self._store, view, self._push_rules)
            return AccountDataNews(whole.everywhere, news.by_room)
        return await load_account_data(self._store, view, self._push_rules)

    async def room_account_data(
        self,
        view: View,
        wanted: Mapping[str, Config],
        tasks: Sequence[Task],
        news: AccountDataNews,
    ) -> dict[str, Sequence[bytes]]:
        """Of the wanted rooms that it is asked for: all of it where it was not sent before."""
        covered = {room for room, config in wanted.items() if config.extensions & ACCOUNT_DATA}
        shown: dict[str, Sequence[bytes]] = {
            room: events for room, events in news.by_room.items() if room in covered
        }
        if view.since is None:
            return shown
        anew = {
            task.room_id
            for task in tasks
            if task.room_id in covered
            and (_lacks(task, ACCOUNT_DATA) or (task.sent is not None and task.sent.behind))
        }
        if anew:
            shown |= await load_account_data_of(self._store, view, anew)
        return shown

    # -- threads -------------------------------------------------------------------------------

    async def load_threads(
        self, view: View, extensions: Extensions, state: ConnectionState
    ) -> ThreadNews:
        """The latest changes of thread subscriptions: of all there are if none were sent yet."""
        wanted, user = extensions.threads, view.user
        if wanted is None or not is_on(wanted):
            return NO_THREADS
        after = (view.after(user.partition) or 0) if state.threads else 0
        if user.account_data_position <= after:  # they are kept as account data
            return NO_THREADS
        limit = THREADS_DEFAULT if wanted.limit is None else min(wanted.limit, THREADS_MAX)
        through = view.pin.vector[user.partition]
        return await load_threads(self._threads, user.user_id, after, through, limit)

    def keeps_threads(self, view: View, extensions: Extensions, state: ConnectionState) -> bool:
        """Whether all changes up to the answer will have been sent, or named as left out."""
        if is_on(extensions.threads):
            return True
        after = view.after(view.user.partition)
        return state.threads and view.user.account_data_position <= (after or 0)

    def render_threads(self, news: ThreadNews, incarnation: bytes) -> bytes:
        return b'"%b":%b' % (THREADS.encode(), render(news, incarnation, "prev_batch"))

    # -- receipts and typing -------------------------------------------------------------------

    async def load_receipts(
        self, view: View, tasks: Sequence[Task]
    ) -> Mapping[str, Sequence[Receipt]]:
        """Of joined rooms by id: what is new, or all where none were sent."""
        works: list[RoomWork] = []
        for task in tasks:
            anew = _lacks(task, RECEIPTS)
            covered = task.config.extensions & RECEIPTS
            if task.section is Section.JOINED and (covered or not anew):
                after = 0 if anew else task.after
                works.append(RoomWork(task.history, after, task.through, anew))
        return await load_receipts(self._hub, self._store, view, works)

    def render_receipts(
        self,
        view: View,
        tasks: Sequence[Task],
        receipts: Mapping[str, Sequence[Receipt]],
        shown: Mapping[str, Shown],
    ) -> list[bytes]:
        """Members of `receipts.rooms`. Of a room's past only those matter that lie on the events
        shown, and one's own."""
        rendered: list[bytes] = []
        for task in tasks:
            found = receipts.get(task.room_id, ())
            if not task.config.extensions & RECEIPTS:
                continue
            if _lacks(task, RECEIPTS):
                ids, user_id = shown[task.room_id].event_ids, view.user.user_id
                found = [r for r in found if r.event_id in ids or r.user_id == user_id]
            if found:
                rendered.append(encode(task.room_id) + b":" + receipt_event(found))
        return rendered

    def load_typing(
        self,
        view: View,
        wanted: Mapping[str, Config],
        tasks: Sequence[Task],
        changed: Collection[str],
    ) -> TypingNews:
        rooms = {*changed, *(task.room_id for task in tasks)}
        rooms |= typing_candidates(self._typing, self.source_mark, view)
        new = {t.room_id for t in tasks if t.is_initial or (t.sent and t.sent.behind)}
        covered = [
            room_id
            for room_id in rooms
            if (config := wanted.get(room_id)) is not None
            and config.extensions & TYPING
            and view.user.histories[room_id].latest == "join"
        ]
        return typing_news(self._typing, self.source_mark, view, covered, new)


def _lacks(task: Task, extension: int) -> bool:
    """Whether the room was not sent with the extension before."""
    return task.is_initial or task.sent is None or not task.sent.extensions & extension
