"""Presence of the people one shares a room with."""

from bongsu.sync.sources import PresenceSource, SyncStore
from bongsu.sync.view import View

ACTIVE_USERS_MAX = 500  # looked at for a first sync


async def load_presence(source: PresenceSource, store: SyncStore, view: View) -> list[bytes]:
    """Rendered `m.presence` events: of those who changed, or of everyone active."""
    since = view.since
    if since is not None and since.moment and since.moment >= view.user.loaded_moment:
        moment = since.moment
        changed = [each for each, at in view.user.presence.items() if at > moment]
    elif since is not None and not view.full_state:
        changed = []  # a client that comes from elsewhere has its own idea until they change
    else:
        changed = await _active(source, store, view)
    events = [
        source.event(each) for each in changed if view.filter.presence.allows("m.presence", each)
    ]
    return [event for event in events if event is not None]


async def _active(source: PresenceSource, store: SyncStore, view: View) -> list[str]:
    active = list(source.active_users())[:ACTIVE_USERS_MAX]
    sharing = await store.load_sharing(active, view.user.joined_rooms) if active else set[str]()
    return [each for each in active if each in sharing or each == view.user.user_id]
