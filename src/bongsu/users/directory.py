"""Finding people. Spec: "User Directory", "Mutual rooms"."""

import unicodedata
from collections.abc import Sequence
from typing import Protocol

import msgspec

from bongsu.errors import InvalidParam
from bongsu.ids import UserId, is_room_id, localpart_of

TERM_CHARACTERS_MAX = 255
RESULTS_DEFAULT = 10
RESULTS_MAX = 50
MUTUAL_ROOMS_PER_PAGE = 500


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody in the directory."""

    user_id: str
    display_name: str | None = None
    avatar_url: str | None = None


class SearchResult(msgspec.Struct, frozen=True):
    """The best matches first; `limited`: there were more."""

    results: list[Found]
    limited: bool


class MutualRooms(msgspec.Struct, frozen=True, omit_defaults=True):
    joined: list[str]
    count: int  # of all, not only of this page
    next_batch: str | None = None


class DirectoryStore(Protocol):
    async def find(self, searcher: str, texts: Sequence[str]) -> tuple[list[Found], bool]:
        """Others whose user id or display name holds one of the texts (ASCII in any case), and
        who share a room with the searcher or are in one that is open to everybody; whether there
        may be more."""
        ...

    async def list_mutual_rooms(self, user_id: str, other: str) -> list[str]:
        """Rooms that both are joined to, in order."""
        ...


class UserDirectory:
    def __init__(self, store: DirectoryStore) -> None:
        self._store = store

    async def search(self, searcher: UserId, term: str, limit: int | None) -> SearchResult:
        """Nobody for an empty term; `InvalidParam` for one too long or a limit below 1."""
        wanted = RESULTS_DEFAULT if limit is None else min(limit, RESULTS_MAX)
        if wanted < 1 or len(term) > TERM_CHARACTERS_MAX:
            raise InvalidParam("The search term is too long or the limit below 1")
        text = unicodedata.normalize("NFC", term).strip()
        if not text:
            return SearchResult([], False)
        found, is_cut = await self._store.find(searcher, _spellings(text))
        found.sort(key=lambda each: _rank(each, text.casefold()))
        return SearchResult(found[:wanted], is_cut or len(found) > wanted)

    async def mutual_rooms(self, user_id: UserId, other: UserId, after: str | None) -> MutualRooms:
        """Rooms that both are joined to, a page from the token `after`, a room id, on."""
        if user_id == other:
            raise InvalidParam("That is yourself")
        if after is not None and not is_room_id(after):
            raise InvalidParam("Unknown token")
        rooms = await self._store.list_mutual_rooms(user_id, other)
        rest = [room for room in rooms if after is None or room > after]
        page = rest[:MUTUAL_ROOMS_PER_PAGE]
        return MutualRooms(page, len(rooms), page[-1] if len(rest) > len(page) else None)


def _spellings(text: str) -> list[str]:
    """The text in the cases in which names are written: the store knows only those of ASCII."""
    cases = {text, text.lower(), text.upper(), text.title()}
    return sorted({_ascii_lower(each) for each in cases})


def _ascii_lower(text: str) -> str:
    return "".join(each.lower() if each.isascii() else each for each in text)


def _rank(found: Found, text: str) -> tuple[int, bool, str]:
    """Whole names before beginnings before the rest, and who has a profile before who has none."""
    names = (found.user_id, localpart_of(found.user_id), (found.display_name or "").casefold())
    is_beginning = any(name.startswith(text) for name in names)
    match = 0 if text in names else 1 if is_beginning else 2
    return match, found.display_name is None and found.avatar_url is None, found.user_id
