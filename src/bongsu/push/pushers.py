"""Pushers: where a person's notices are to be sent.

Matrix spec, client-server API, POST /pushers/set and GET /pushers. Kinds are http and email, the
latter only with an address that is bound to the account: nobody has others written to.
"""

from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bongsu.errors import InvalidParam, MissingParam, TooLarge
from bongsu.ids import DeviceId, UserId
from bongsu.push.rules import is_shallow

PUSHERS_PER_USER_MAX = 100
PUSHKEY_BYTES_MAX = 512
APP_ID_CHARS_MAX = 64
TEXT_CHARS_MAX = 512
DATA_BYTES_MAX = 8 * 1024

KINDS = ("http", "email")
NOTIFY_PATH = "/_matrix/push/v1/notify"
EMAIL_APP_ID = "m.email"  # of all pushers of the kind email, and of no other


class Pusher(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pusher, as clients see it; its user, app id and pushkey name it."""

    app_id: str
    pushkey: str
    kind: str
    app_display_name: str
    device_display_name: str
    lang: str
    data: dict[str, Any]
    profile_tag: str | None = None


class PusherBody(Struct, frozen=True):
    """Body of POST /pushers/set."""

    app_id: str | UnsetType = UNSET
    pushkey: str | UnsetType = UNSET
    kind: str | UnsetType | None = UNSET
    app_display_name: str | UnsetType | None = UNSET
    device_display_name: str | UnsetType | None = UNSET
    lang: str | UnsetType | None = UNSET
    data: dict[str, Any] | UnsetType | None = UNSET
    profile_tag: str | None = None
    append: bool | None = None


class PusherStore(Protocol):
    async def put(
        self,
        user_id: UserId,
        device_id: DeviceId,
        pusher: Pusher,
        *,
        append: bool,
        pushers_max: int,
    ) -> bool:
        """Add a pusher or replace the one of the same name. Unless `append`, take app id and
        pushkey away from everybody else. False, and nothing done, if one more were too many."""
        ...

    async def delete(self, user_id: UserId, app_id: str, pushkey: str) -> None: ...

    async def list_pushers(self, user_id: UserId) -> list[Pusher]: ...


class AddressOwners(Protocol):
    async def owner(self, address: str) -> UserId | None:
        """Whose account an e-mail address is bound to."""
        ...


class PushersService:
    """What people may do with their pushers. Without `addresses` no e-mail is sent.

    The spec wants https; `plain_http` is for gateways in networks that the operator allowed.
    """

    def __init__(
        self,
        store: PusherStore,
        addresses: AddressOwners | None = None,
        *,
        plain_http: bool = False,
    ) -> None:
        self._store = store
        self._addresses = addresses
        self._plain_http = plain_http

    async def set_pusher(self, user_id: UserId, device_id: DeviceId, body: PusherBody) -> None:
        """Make, change or, with the kind null, delete a pusher.

        Raises `MissingParam`, `InvalidParam`, and `TooLarge` for one pusher too many.
        """
        _check_present(body)
        if body.kind is None:
            app_id, pushkey = _parse_name(body)
            await self._store.delete(user_id, app_id, pushkey)
            return
        pusher = parse_pusher(body, plain_http=self._plain_http)
        if pusher.kind == "email":
            await self._check_address(user_id, pusher.pushkey)
        added = await self._store.put(
            user_id,
            device_id,
            pusher,
            append=body.append is True,
            pushers_max=PUSHERS_PER_USER_MAX,
        )
        if not added:
            raise TooLarge(f"More than {PUSHERS_PER_USER_MAX} pushers")

    async def list_pushers(self, user_id: UserId) -> list[Pusher]:
        return await self._store.list_pushers(user_id)

    async def _check_address(self, user_id: UserId, address: str) -> None:
        if self._addresses is None:
            raise InvalidParam("This server sends no e-mail")
        if await self._addresses.owner(address) != user_id:
            raise InvalidParam("pushkey is no e-mail address of this account")


def parse_pusher(body: PusherBody, *, plain_http: bool = False) -> Pusher:
    """The pusher in a body whose kind is not null; `InvalidParam` or `MissingParam`."""
    _check_present(body)
    app_id, pushkey = _parse_name(body)
    if not isinstance(body.kind, str) or body.kind not in KINDS:
        raise InvalidParam("Only pushers of the kinds http and email are offered")
    if (body.kind == "email") != (app_id == EMAIL_APP_ID):
        raise InvalidParam(f"The app id of a pusher of the kind email is {EMAIL_APP_ID}")
    return Pusher(
        app_id=app_id,
        pushkey=pushkey,
        kind=body.kind,
        app_display_name=_text("app_display_name", body.app_display_name, TEXT_CHARS_MAX),
        device_display_name=_text("device_display_name", body.device_display_name, TEXT_CHARS_MAX),
        lang=_text("lang", body.lang, TEXT_CHARS_MAX),
        data=_parse_data(body.data, body.kind, plain_http=plain_http),
        profile_tag=_text("profile_tag", body.profile_tag, TEXT_CHARS_MAX)
        if body.profile_tag is not None
        else None,
    )


def _check_present(body: PusherBody) -> None:
    missing = [name for name in ("kind", "app_id", "pushkey") if getattr(body, name) is UNSET]
    if body.kind is not None:
        wanted = ("app_display_name", "device_display_name", "lang", "data")
        missing += [name for name in wanted if getattr(body, name) in (UNSET, None)]
    if missing:
        raise MissingParam(f"Missing parameters: {', '.join(missing)}")


def _parse_name(body: PusherBody) -> tuple[str, str]:
    app_id = _text("app_id", body.app_id, APP_ID_CHARS_MAX)
    pushkey = _text("pushkey", body.pushkey, PUSHKEY_BYTES_MAX)
    if len(pushkey.encode()) > PUSHKEY_BYTES_MAX:
        raise InvalidParam("pushkey is too long")
    return app_id, pushkey


def _parse_data(data: Any, kind: str, *, plain_http: bool) -> dict[str, Any]:
    if kind == "http":
        _check_url(data.get("url"), plain_http)
    if not is_shallow(data) or len(msgspec.json.encode(data)) > DATA_BYTES_MAX:
        raise InvalidParam("data is too large or nested too deeply")
    return data


def _check_url(url: Any, plain_http: bool) -> None:
    if url is None:
        raise MissingParam("Missing parameters: data.url")
    if not isinstance(url, str) or not is_notify_url(url):
        raise InvalidParam(f"data.url must be a https URL with the path {NOTIFY_PATH}")
    if urlsplit(url).scheme != "https" and not plain_http:
        raise InvalidParam("data.url must be a https URL")


def is_notify_url(url: str) -> bool:
    """Whether a push gateway may be reached there. Where it may not point to (hosts of our own
    network) is for the delivery to decide, when the name is resolved."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    printable = url.isascii() and url.isprintable() and " " not in url
    return (
        printable
        and parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and parts.path == NOTIFY_PATH
    )


def _text(name: str, value: Any, chars_max: int) -> str:
    assert isinstance(value, str), "checked to be present"
    if "\x00" in value or len(value) > chars_max:
        raise InvalidParam(f"{name} is too long or holds a NUL")
    return value
