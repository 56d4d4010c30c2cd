"""Changes of push rules survive others made at the same time."""

import msgspec
import pytest

from bongsu.errors import InvalidParam, MissingParam, Unavailable
from bongsu.ids import DeviceId, UserId
from bongsu.push.pushers import (
    Pusher,
    PusherBody,
    PushersService,
    is_notify_url,
    parse_pusher,
)
from bongsu.push.rules import RuleBody, parse_rule
from bongsu.push.ruleset import decode_changes
from bongsu.push.service import PushRulesService

ALICE = UserId("@alice:example.org")
RULE = parse_rule("override", "a", RuleBody(["notify"]))
OTHER = parse_rule("override", "b", RuleBody(["notify"]))


class Shelf:
    """A store in memory, where somebody else is quicker `rivals` times."""

    def __init__(self, rivals: int = 0) -> None:
        self.document: bytes | None = None
        self.rivals = rivals

    async def load(self, user_id: UserId) -> bytes | None:
        return self.document

    async def store(self, user_id: UserId, old_version: int, document: bytes) -> bool:
        if self.rivals > 0:
            self.rivals -= 1
            service = PushRulesService(rival := Shelf())
            rival.document = self.document
            await service.put_rule(user_id, "override", OTHER)
            self.document = rival.document
        if decode_changes(self.document).version != old_version:
            return False
        self.document = document
        return True


async def test_a_change_is_made_on_top_of_a_rivals() -> None:
    shelf = Shelf(rivals=2)
    service = PushRulesService(shelf)
    await service.put_rule(ALICE, "override", RULE)
    assert [r.rule_id for r in decode_changes(shelf.document).of("override")] == ["a", "b"]
    assert decode_changes(shelf.document).version == 3
    assert (await service.get_rule(ALICE, "override", "a")) == RULE


async def test_too_many_rivals_are_no_loop() -> None:
    with pytest.raises(Unavailable):
        await PushRulesService(Shelf(rivals=100)).put_rule(ALICE, "override", RULE)


BODY = PusherBody(
    app_id="org.example.app", pushkey="k", kind="http", app_display_name="App",
    device_display_name="Phone", lang="en", profile_tag="t",
    data={"url": "https://push.example.org/_matrix/push/v1/notify", "format": "event_id_only"},
)  # fmt: skip


def test_pusher() -> None:
    pusher = parse_pusher(BODY)
    assert (pusher.kind, pusher.profile_tag, pusher.data) == ("http", "t", BODY.data)


def changed(**fields: object) -> PusherBody:
    return PusherBody(**{name: getattr(BODY, name) for name in BODY.__struct_fields__} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "email"}, {"app_id": "a" * 65}, {"pushkey": "한" * 200}, {"pushkey": "\x00"},
        {"lang": "x" * 600}, {"data": {"url": "ftp://a/_matrix/push/v1/notify"}},
        {"data": {"url": 1}}, {"data": BODY.data | {"x": "y" * 9000}},  # type: ignore[operator]
        {"data": BODY.data | {"x": [[[[[[[[[]]]]]]]]]}},  # type: ignore[operator]
    ],
)  # fmt: skip
def test_bad_pushers(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidParam):
        parse_pusher(changed(**fields))


def test_missing_parameters_are_named() -> None:
    with pytest.raises(MissingParam, match="Missing parameters: lang, data"):
        parse_pusher(PusherBody(app_id="a", pushkey="k", kind="http", app_display_name="a",
                                device_display_name="d"))  # fmt: skip
    with pytest.raises(MissingParam, match=r"data\.url"):
        parse_pusher(changed(data={}))


@pytest.mark.parametrize(
    "url",
    [
        "https://a/_matrix/push/v1/notify/", "https:///_matrix/push/v1/notify", "https://a/",
        "//a/_matrix/push/v1/notify", "https://a:x/_matrix/push/v1/notify", "https://[/x",
        "https://a b/_matrix/push/v1/notify", "https://a/_matrix/push/v1/notify\n", "",
    ],
)  # fmt: skip
def test_urls_that_are_no_gateway(url: str) -> None:
    assert not is_notify_url(url)


def test_urls_of_gateways() -> None:
    assert is_notify_url("http://127.0.0.1:5000/_matrix/push/v1/notify")
    assert is_notify_url("https://push.example.org/_matrix/push/v1/notify?x=1")


class _Pushers:
    async def put(self, *_: object, **__: object) -> bool:
        return True

    async def delete(self, user_id: UserId, app_id: str, pushkey: str) -> None:
        raise AssertionError("not asked for here")

    async def list_pushers(self, user_id: UserId) -> list[Pusher]:
        return []


class _Addresses:
    async def owner(self, address: str) -> UserId | None:
        return ALICE if address == "alice@example.org" else None


async def test_email_goes_only_to_ones_own_address() -> None:
    body = PusherBody(
        app_id="m.email", pushkey="alice@example.org", kind="email", app_display_name="E-mail",
        device_display_name="alice@example.org", lang="en", data={},
    )  # fmt: skip
    assert parse_pusher(body).kind == "email"
    service = PushersService(_Pushers(), _Addresses())
    await service.set_pusher(ALICE, DeviceId("D"), body)
    others = msgspec.structs.replace(body, pushkey="bob@example.org")
    with pytest.raises(InvalidParam):
        await service.set_pusher(ALICE, DeviceId("D"), others)
    with pytest.raises(InvalidParam):
        await PushersService(_Pushers()).set_pusher(ALICE, DeviceId("D"), body)
    wrongs: list[dict[str, str]] = [{"app_id": "org.example"}, {"kind": "http"}, {"kind": "fax"}]
    for wrong in wrongs:
        with pytest.raises(InvalidParam):
            parse_pusher(msgspec.structs.replace(body, **wrong))


def test_gateways_are_asked_by_https() -> None:
    data = {"url": "http://push.example.org/_matrix/push/v1/notify"}
    body = PusherBody(
        app_id="a", pushkey="k", kind="http", app_display_name="", device_display_name="",
        lang="en", data=data,
    )  # fmt: skip
    with pytest.raises(InvalidParam):
        parse_pusher(body)
    assert parse_pusher(body, plain_http=True).data == data
