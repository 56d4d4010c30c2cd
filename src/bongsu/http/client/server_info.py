"""What this server is and can do. Spec: "Server Discovery", "API Versions", "Capabilities"."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bongsu.errors import NotFound, Refused
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get

VERSIONS = [f"v1.{minor}" for minor in range(1, 20)]
# Names that clients ask for before they use what has been stable since.
UNSTABLE_FEATURES = {
    "org.matrix.msc4306": True,  # thread subscriptions, in sliding sync too (MSC4308)
    "org.matrix.msc4222": True,  # /sync with use_state_after
    "org.matrix.simplified_msc3575": True,  # sliding sync (MSC4186)
    "uk.half-shot.msc2666.query_mutual_rooms": True,
}
PASSWORD_BY_EMAIL = "org.bongsu.password_by_email"  # our client asks before anybody has signed in
ROOM_VERSIONS = {"10": "stable", "11": "stable", "12": "stable"}


class ServerFacts(msgspec.Struct, frozen=True):
    """What the operator decides. `base_url` and `desk_url`: where clients reach this server
    and its desk, if it is told."""

    default_room_version: str = "12"
    base_url: str | None = None
    unstable_features: Mapping[str, bool] = {}
    support: Mapping[str, Any] = {}  # /.well-known/matrix/support; empty: nobody is named
    has_mail: bool = False
    desk_url: str | None = None
    site_urls: Mapping[str, str] = {}  # of each data centre, by its name


class ServerInfo:
    def __init__(self, facts: ServerFacts) -> None:
        self._facts = facts
        self._versions = {
            "versions": VERSIONS,
            "unstable_features": {
                **UNSTABLE_FEATURES,
                PASSWORD_BY_EMAIL: facts.has_mail,
                **facts.unstable_features,
            },
        }
        self._capabilities = capabilities(facts.default_room_version, facts.has_mail)

    @get("/_matrix/client/versions", auth=Auth.NONE)
    async def versions(self, request: Request) -> Answer:
        return self._versions

    @get("/_matrix/client/v3/capabilities", auth=Auth.GUEST)
    async def get_capabilities(self, request: Request) -> Answer:
        if not request.requester.is_admin:
            return {"capabilities": self._capabilities}
        moderation = {"m.account_moderation": {"suspend": True, "lock": True}}
        return {"capabilities": {**self._capabilities, **moderation}}

    @get("/.well-known/matrix/client", auth=Auth.NONE)
    async def well_known_client(self, request: Request) -> Answer:
        if self._facts.base_url is None:
            raise NotFound("This server has not been told its address")
        answer: dict[str, Any] = {"m.homeserver": {"base_url": self._facts.base_url}}
        if self._facts.desk_url is not None:
            answer["org.bongsu.desk"] = {"base_url": self._facts.desk_url}
        if self._facts.site_urls:
            answer["org.bongsu.sites"] = [
                {"name": name, "base_url": url} for name, url in self._facts.site_urls.items()
            ]
        return answer

    @get("/.well-known/matrix/support", auth=Auth.NONE)
    async def well_known_support(self, request: Request) -> Answer:
        if not self._facts.support:
            raise NotFound("Nobody is named to ask")
        return dict(self._facts.support)

    @get("/_matrix/client/v1/auth_metadata", auth=Auth.NONE)
    async def auth_metadata(self, request: Request) -> Answer:
        raise Refused("OAuth 2.0 is not offered", code="M_UNRECOGNIZED", status=404)

    @get("/_matrix/client/v3/voip/turnServer")
    async def turn_server(self, request: Request) -> Answer:
        return {}


def capabilities(default_room_version: str, has_mail: bool) -> dict[str, Any]:
    """The capabilities of every user."""
    return {
        "m.change_password": {"enabled": True},
        "m.room_versions": {"default": default_room_version, "available": ROOM_VERSIONS},
        "m.set_displayname": {"enabled": True},
        "m.set_avatar_url": {"enabled": True},
        "m.3pid_changes": {"enabled": has_mail},
        "m.get_login_token": {"enabled": True},
        "m.profile_fields": {"enabled": True},
        "m.forget_forced_upon_leave": {"enabled": False},
    }
