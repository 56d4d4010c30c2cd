"""What the endpoints of the admin API take alike."""

from bongsu import ids
from bongsu.errors import InvalidParam
from bongsu.http.message import Request
from bongsu.ids import RoomId, UserId

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
OFFSET_MAX = 10_000_000


class Local:
    """Reads ids of this server's own users from a request."""

    def __init__(self, server_name: str) -> None:
        self.server_name = server_name

    def user(self, request: Request) -> UserId:
        user_id = ids.user_id(request.path["user_id"])
        if ids.domain_of(user_id) != self.server_name:
            raise InvalidParam("Can only look up local users")
        return user_id


def room_of(request: Request) -> RoomId:
    return ids.room_id(request.path["room_id"])


def page_of(request: Request) -> tuple[int, int]:
    """Where the page begins, and how long it is at most."""
    offset = request.query_int("from", 0, maximum=OFFSET_MAX)
    return offset, request.query_int("limit", LIMIT_DEFAULT, minimum=0, maximum=LIMIT_MAX)


def is_backwards(request: Request) -> bool:
    way = request.query_text("dir", "f")
    if way not in ("f", "b"):
        raise InvalidParam("Query parameter dir is neither f nor b")
    return way == "b"


def flag_of(request: Request, name: str) -> bool | None:
    """A query parameter that may be true, false or absent."""
    return request.query_bool(name) if name in request.query else None
