"""Account data: what changed of it, or all of it; global and by room."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from bongsu.sync.hot_user import PUSH_RULES
from bongsu.sync.sources import AccountDataRecord, SyncStore
from bongsu.sync.view import View, encode

# The content of `m.push_rules` as shown, of what is stored (None: nothing): (user id, stored).
PushRules = Callable[[str, bytes | None], bytes]


class AccountDataNews(NamedTuple):
    """Rendered events: the global ones, and those by room."""

    everywhere: list[bytes]
    by_room: dict[str, list[bytes]]


async def load_account_data_of(
    store: SyncStore, view: View, rooms: Collection[str]
) -> dict[str, list[bytes]]:
    """All account data of rooms that are shown for the first time, rendered, by room."""
    news = AccountDataNews([], {})
    through = view.pin.vector[view.user.partition]
    for record in await store.load_account_data(view.user.user_id, 0):
        if record.room_id in rooms and record.position <= through and record.content is not None:
            _add(news, view, record)
    return news.by_room


async def load_account_data(store: SyncStore, view: View, push_rules: PushRules) -> AccountDataNews:
    """Everything for a first sync (push rules even if they are the defaults), else the changes."""
    news = AccountDataNews([], {})
    after = view.after(view.user.partition)
    if after is not None and view.user.account_data_position <= after:
        return news
    through = view.pin.vector[view.user.partition]
    user_id = view.user.user_id
    has_push_rules = False
    for record in await store.load_account_data(user_id, after or 0):
        if record.position > through or (record.content is None and after is None):
            continue  # what was overwritten meanwhile comes with the next sync
        if not record.room_id and record.type == PUSH_RULES:
            has_push_rules = True
            record = record._replace(content=push_rules(user_id, record.content))
        _add(news, view, record)
    if after is None and not has_push_rules:
        defaults = push_rules(user_id, None)
        _add(news, view, AccountDataRecord("", PUSH_RULES, 0, defaults))
    return news


def _add(news: AccountDataNews, view: View, record: AccountDataRecord) -> None:
    # Deleted: shown once as empty (MSC3391), for clients know of no other way to hear it.
    content = record.content if record.content is not None else b"{}"
    event = b'{"type":%b,"content":%b}' % (encode(record.type), content)
    if record.room_id:
        selection = view.filter.room_account_data
        if selection.allows(record.type) and selection.allows_room(record.room_id):
            news.by_room.setdefault(record.room_id, []).append(event)
    elif view.filter.account_data.allows(record.type):
        news.everywhere.append(event)
