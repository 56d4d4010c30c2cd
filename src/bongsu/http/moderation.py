"""What a locked or a suspended account may still call. Client-server API, "Account moderation"."""

from bongsu.http.routing import Route

LOCKED_MAY = frozenset({"/_matrix/client/v3/logout", "/_matrix/client/v3/logout/all"})

# The spec's recommended set, and what would be a way round it. `{}` stands for any parameter.
# Redacting goes by /redact, where its service refuses other people's events.
_CLIENT = "/_matrix/client/v3"
SUSPENDED_MAY_NOT = frozenset({
    ("POST", f"{_CLIENT}/createRoom"),
    ("POST", f"{_CLIENT}/join/{{}}"),
    ("POST", f"{_CLIENT}/knock/{{}}"),
    ("POST", f"{_CLIENT}/rooms/{{}}/join"),
    ("POST", f"{_CLIENT}/rooms/{{}}/invite"),
    ("POST", f"{_CLIENT}/rooms/{{}}/kick"),
    ("POST", f"{_CLIENT}/rooms/{{}}/ban"),
    ("POST", f"{_CLIENT}/rooms/{{}}/unban"),
    ("POST", f"{_CLIENT}/rooms/{{}}/upgrade"),
    ("PUT", f"{_CLIENT}/rooms/{{}}/send/{{}}/{{}}"),
    ("PUT", f"{_CLIENT}/rooms/{{}}/state/{{}}"),
    ("PUT", f"{_CLIENT}/rooms/{{}}/state/{{}}/"),
    ("PUT", f"{_CLIENT}/rooms/{{}}/state/{{}}/{{}}"),
    ("PUT", f"{_CLIENT}/directory/room/{{}}"),
    ("PUT", f"{_CLIENT}/directory/list/room/{{}}"),
    ("PUT", f"{_CLIENT}/profile/{{}}/{{}}"),
    ("DELETE", f"{_CLIENT}/profile/{{}}/{{}}"),
    ("PUT", f"{_CLIENT}/profile/{{}}/displayname"),
    ("PUT", f"{_CLIENT}/profile/{{}}/avatar_url"),
    ("POST", "/_matrix/media/v3/upload"),
    ("POST", "/_matrix/media/v1/create"),
    ("PUT", "/_matrix/media/v3/upload/{}/{}"),
})  # fmt: skip


def locked_may(route: Route) -> bool:
    return route.path in LOCKED_MAY


def suspended_may(route: Route) -> bool:
    """Everything but `SUSPENDED_MAY_NOT`."""
    pattern = "/".join("{}" if part.startswith("{") else part for part in route.path.split("/"))
    return (route.verb, pattern) not in SUSPENDED_MAY_NOT
