"""The endpoints of push rules, pushers and notifications, from the path to the JSON."""

from typing import Any

import msgspec
import pytest

from bongsu.errors import Refused
from bongsu.http.client.notifications import Notifications
from bongsu.http.client.push_rules import PushRules
from bongsu.http.client.pushers import Pushers
from bongsu.http.message import Request, Response
from bongsu.http.router import Router
from bongsu.ids import DeviceId, UserId
from bongsu.push.notifications import NotificationPage
from bongsu.push.pushers import Pusher, PushersService
from bongsu.push.ruleset import decode_changes
from bongsu.push.service import PushRulesService
from bongsu.users.requester import Requester

ALICE = Requester(UserId("@alice:example.org"), DeviceId("PHONE"), b"")
RULES = "/_matrix/client/v3/pushrules"
RULE = {"actions": ["notify"], "pattern": "cake*lie"}


class Shelf:
    """Everything that the services keep, in memory."""

    def __init__(self) -> None:
        self.document: bytes | None = None
        self.pushers: dict[tuple[str, str], Pusher] = {}
        self.asked: dict[str, Any] = {}

    async def load(self, user_id: UserId) -> bytes | None:
        return self.document

    async def store(self, user_id: UserId, old_version: int, document: bytes) -> bool:
        assert decode_changes(self.document).version == old_version
        self.document = document
        return True

    async def put(
        self, user_id: UserId, device_id: DeviceId, pusher: Pusher, *, append: bool,
        pushers_max: int,
    ) -> bool:  # fmt: skip
        self.pushers[pusher.app_id, pusher.pushkey] = pusher
        return True

    async def delete(self, user_id: UserId, app_id: str, pushkey: str) -> None:
        self.pushers.pop((app_id, pushkey), None)

    async def list_pushers(self, user_id: UserId) -> list[Pusher]:
        return list(self.pushers.values())

    async def list_notifications(self, user_id: UserId, **asked: Any) -> NotificationPage:
        self.asked = asked
        return NotificationPage([])


class Client:
    def __init__(self) -> None:
        self.shelf = Shelf()
        self.router = Router()
        self.router.add(PushRules(PushRulesService(self.shelf)))
        self.router.add(Pushers(PushersService(self.shelf)))
        self.router.add(Notifications(self.shelf))

    async def ask(self, verb: str, target: str, body: Any = None) -> Any:
        path, _, query = target.partition("?")
        endpoint, parts = self.router.match(verb, path.encode())
        request = Request(verb, path.encode(), query.encode(), {}, "", "")
        request.path, request.requester = parts, ALICE
        request.body = b"" if body is None else msgspec.json.encode(body)
        answer = await endpoint.handler(request)
        encoded = answer.body if isinstance(answer, Response) else msgspec.json.encode(answer)
        return msgspec.json.decode(encoded)

    async def refusal(self, *arguments: Any) -> tuple[int, str]:
        with pytest.raises(Refused) as refused:
            await self.ask(*arguments)
        return refused.value.status, refused.value.code


async def test_a_rule_from_birth_to_death() -> None:
    client = Client()
    path = f"{RULES}/global/content/nocake"
    assert await client.ask("PUT", path, RULE) == {}
    wanted = RULE | {"rule_id": "nocake", "default": False, "enabled": True}
    assert await client.ask("GET", path) == wanted
    assert await client.ask("PUT", f"{path}/enabled", {"enabled": False}) == {}
    assert await client.ask("GET", f"{path}/enabled") == {"enabled": False}
    assert await client.ask("PUT", f"{path}/actions", {"actions": ["dont_notify"]}) == {}
    assert await client.ask("GET", f"{path}/actions") == {"actions": []}
    assert await client.ask("DELETE", path) == {}
    assert await client.refusal("DELETE", path) == (404, "M_NOT_FOUND")
    for verb in ("", "/enabled", "/actions"):
        assert await client.refusal("GET", path + verb) == (404, "M_NOT_FOUND")


async def test_all_lists_with_and_without_the_slash() -> None:
    client = Client()
    everything = await client.ask("GET", f"{RULES}/")
    assert set(everything["global"]) == {"override", "content", "room", "sender", "underride"}
    assert await client.ask("GET", RULES) == everything
    assert await client.ask("GET", f"{RULES}/global/") == everything["global"]
    assert await client.ask("GET", f"{RULES}/global") == everything["global"]
    assert await client.ask("GET", f"{RULES}/global/room/") == []
    overrides = await client.ask("GET", f"{RULES}/global/override")
    assert overrides == everything["global"]["override"]
    assert overrides[0] == {
        "rule_id": ".m.rule.master", "default": True, "enabled": False, "conditions": [],
        "actions": [],
    }  # fmt: skip
    assert await client.ask("GET", "/_matrix/client/r0/pushrules/") == everything


async def test_order_by_query() -> None:
    client = Client()
    for name in ("a", "b", "c?before=a", "d?after=b"):
        await client.ask("PUT", f"{RULES}/global/content/{name}", RULE)
    listed = await client.ask("GET", f"{RULES}/global/content/")
    assert [rule["rule_id"] for rule in listed] == ["b", "d", "c", "a"]
    for query in ("before=x", "after=.m.rule.master", "after="):
        refused = await client.refusal("PUT", f"{RULES}/global/content/e?{query}", RULE)
        assert refused == (400, "M_UNKNOWN")


async def test_ids_may_hold_what_paths_may_not() -> None:
    client = Client()
    path = f"{RULES}/global/room/%21a%3Fb%20%ED%95%9C:x"
    await client.ask("PUT", path, {"actions": []})
    assert (await client.ask("GET", path))["rule_id"] == "!a?b 한:x"


@pytest.mark.parametrize(
    ("verb", "path", "body", "wanted"),
    [
        ("PUT", "content/a", {"actions": []}, (400, "M_MISSING_PARAM")),
        ("PUT", "content/a", {"pattern": "a"}, (400, "M_MISSING_PARAM")),
        ("PUT", "content/a", None, (400, "M_MISSING_PARAM")),
        ("PUT", "content/a", [], (400, "M_BAD_JSON")),
        ("PUT", "content/.m.rule.mine", RULE, (400, "M_INVALID_PARAM")),
        ("PUT", "override/.m.rule.master", RULE, (400, "M_INVALID_PARAM")),
        ("PUT", "content/a%2Fb", RULE, (400, "M_INVALID_PARAM")),
        ("PUT", "content/a%5Cb", RULE, (400, "M_INVALID_PARAM")),
        ("PUT", "content/a%00b", RULE, (400, "M_INVALID_PARAM")),
        ("PUT", "content/" + "a" * 256, RULE, (400, "M_INVALID_PARAM")),
        ("PUT", "cakes/a", RULE, (400, "M_INVALID_PARAM")),
        ("GET", "cakes/", None, (400, "M_INVALID_PARAM")),
        ("PUT", "postcontent/a", RULE, (400, "M_INVALID_PARAM")),
        ("GET", "postcontent/.io.element.x", None, (404, "M_NOT_FOUND")),
        ("PUT", "postcontent/.io.element.x/enabled", {"enabled": True}, (404, "M_NOT_FOUND")),
        ("GET", "content/a/pattern", None, (404, "M_UNRECOGNIZED")),
        ("POST", "content/a", RULE, (405, "M_UNRECOGNIZED")),
        ("PUT", "content/a/enabled", {"enabled": True}, (404, "M_NOT_FOUND")),
        ("PUT", "content/a/enabled", {"enabled": 1}, (400, "M_BAD_JSON")),
        ("PUT", "content/a/enabled", {}, (400, "M_MISSING_PARAM")),
        ("PUT", "content/a/actions", {"actions": [{}]}, (400, "M_INVALID_PARAM")),
        ("PUT", "override/.m.x/actions", {"actions": []}, (404, "M_NOT_FOUND")),
        ("DELETE", "override/.m.rule.master", None, (400, "M_INVALID_PARAM")),
    ],
)
async def test_refusals(verb: str, path: str, body: Any, wanted: tuple[int, str]) -> None:
    assert await Client().refusal(verb, f"{RULES}/global/{path}", body) == wanted


async def test_scopes_of_old_versions_are_unknown() -> None:
    for path in ("device/tag/override/a", "device/", "other/override/a"):
        refused = await Client().refusal("GET", f"{RULES}/{path}")
        assert refused == (404, "M_UNRECOGNIZED")


async def test_pushers() -> None:
    client, path = Client(), "/_matrix/client/v3/pushers"
    pusher = {
        "lang": "en", "kind": "http", "app_display_name": "Mat Rix",
        "device_display_name": "iPhone 9", "profile_tag": "xxyyzz",
        "app_id": "com.example.app.ios", "pushkey": "APA91b",
        "data": {"url": "https://push.example.org/_matrix/push/v1/notify", "format": "x"},
    }  # fmt: skip
    assert await client.ask("POST", f"{path}/set", pusher | {"append": False}) == {}
    assert await client.ask("GET", path) == {"pushers": [pusher]}
    gone = {"kind": None, "app_id": pusher["app_id"], "pushkey": pusher["pushkey"]}
    assert await client.ask("POST", f"{path}/set", gone) == {}
    assert await client.ask("POST", f"{path}/set", gone) == {}
    assert await client.ask("GET", path) == {"pushers": []}
    del gone["kind"]
    assert await client.refusal("POST", f"{path}/set", gone) == (400, "M_MISSING_PARAM")


async def test_notifications() -> None:
    client, path = Client(), "/_matrix/client/v3/notifications"
    assert await client.ask("GET", f"{path}?limit=1000&only=highlight&from=t") == {
        "notifications": []
    }
    assert client.shelf.asked == {"from_token": "t", "limit": 100, "only_highlight": True}
    assert await client.refusal("GET", f"{path}?limit=0") == (400, "M_INVALID_PARAM")
