"""Push rules. Matrix spec, client-server API, "Push Rules: API".

There is one scope, `global`; the `device` scopes of old versions are unknown paths. The lists are
also answered without the slash at their end, and for a single kind, as older clients ask for them.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from bongsu.errors import MissingParam, NotFound
from bongsu.http.message import Request, Response, json_response
from bongsu.http.routing import delete, get, put
from bongsu.push.rules import Kind, RuleBody, parse_actions, parse_kind, parse_rule
from bongsu.push.service import PushRulesService

BODY_BYTES_MAX = 64 * 1024

_RULES = "/_matrix/client/v3/pushrules"
_RULE = f"{_RULES}/global/{{kind}}/{{rule_id}}"
# A kind whose rules are all of a server that has them (MSC4306): this one has none.
POSTCONTENT = "postcontent"


class EnabledBody(Struct, frozen=True):
    enabled: bool | UnsetType = UNSET


class ActionsBody(Struct, frozen=True):
    actions: list[Any] | UnsetType = UNSET


class PushRules:
    def __init__(self, push_rules: PushRulesService) -> None:
        self._push_rules = push_rules

    @get(_RULES)
    @get(f"{_RULES}/")
    async def get_rulesets(self, request: Request) -> dict[str, Any]:
        return {"global": await self._push_rules.get_ruleset(request.requester.user_id)}

    @get(f"{_RULES}/global")
    @get(f"{_RULES}/global/")
    async def get_ruleset(self, request: Request) -> Struct:
        return await self._push_rules.get_ruleset(request.requester.user_id)

    @get(f"{_RULES}/global/{{kind}}")
    @get(f"{_RULES}/global/{{kind}}/")
    async def list_rules(self, request: Request) -> Response:
        if request.path["kind"] == POSTCONTENT:
            return json_response([])
        kind = parse_kind(request.path["kind"])
        ruleset = await self._push_rules.get_ruleset(request.requester.user_id)
        return json_response(ruleset.of(kind))

    @get(_RULE)
    async def get_rule(self, request: Request) -> Struct:
        return await self._push_rules.get_rule(request.requester.user_id, *_name(request))

    @put(_RULE, limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def put_rule(self, request: Request) -> dict[str, Any]:
        kind, rule_id = parse_kind(request.path["kind"]), request.path["rule_id"]
        await self._push_rules.put_rule(
            request.requester.user_id,
            kind,
            parse_rule(kind, rule_id, request.json(RuleBody)),
            before=request.query_text("before"),
            after=request.query_text("after"),
        )
        return {}

    @delete(_RULE, limit="other")
    async def delete_rule(self, request: Request) -> dict[str, Any]:
        await self._push_rules.delete_rule(request.requester.user_id, *_name(request))
        return {}

    @get(f"{_RULE}/enabled")
    async def get_enabled(self, request: Request) -> dict[str, Any]:
        rule = await self._push_rules.get_rule(request.requester.user_id, *_name(request))
        return {"enabled": rule.enabled}

    @put(f"{_RULE}/enabled", limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def set_enabled(self, request: Request) -> dict[str, Any]:
        enabled = request.json(EnabledBody).enabled
        if enabled is UNSET:
            raise MissingParam("Missing parameters: enabled")
        user_id = request.requester.user_id
        await self._push_rules.set_enabled(user_id, *_name(request), enabled)
        return {}

    @get(f"{_RULE}/actions")
    async def get_actions(self, request: Request) -> dict[str, Any]:
        rule = await self._push_rules.get_rule(request.requester.user_id, *_name(request))
        return {"actions": rule.actions}

    @put(f"{_RULE}/actions", limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def set_actions(self, request: Request) -> dict[str, Any]:
        actions = request.json(ActionsBody).actions
        if actions is UNSET:
            raise MissingParam("Missing parameters: actions")
        user_id = request.requester.user_id
        await self._push_rules.set_actions(user_id, *_name(request), parse_actions(actions))
        return {}


def _name(request: Request) -> tuple[Kind, str]:
    """The kind and id of a rule that is to be there."""
    if request.path["kind"] == POSTCONTENT:
        raise NotFound("No such push rule")
    return parse_kind(request.path["kind"]), request.path["rule_id"]
