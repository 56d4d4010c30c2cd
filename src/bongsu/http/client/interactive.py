"""How an endpoint demands user-interactive authentication.

passed = await self._auth.authenticate(operation_of(request, PASSWORD_FLOWS), body.auth)
if isinstance(passed, Challenge):
    return challenge_response(passed)
"""

from typing import Any

from bongsu.http.message import Request, Response, json_response
from bongsu.users.interactive_auth import (
    EMAIL,
    PASSWORD,
    Challenge,
    Flows,
    Operation,
    hash_request,
)

PASSWORD_FLOWS: Flows = ((PASSWORD,),)
NO_STAGES: Flows = ((),)


def operation_of(request: Request, flows: Flows = PASSWORD_FLOWS) -> Operation:
    """What this request asks for, bound to its verb, path, body and user."""
    return Operation(
        name=operation_name(request),
        user_id=request.requester.user_id,
        flows=flows,
        request_hash=hash_request(request.json(dict[str, Any])),
    )


def device_operation_of(request: Request) -> Operation:
    """The same for devices and their keys: of an application service nothing more is asked."""
    is_service = request.requester.appservice_id is not None
    return operation_of(request, NO_STAGES if is_service else PASSWORD_FLOWS)


def email_operation_of(request: Request) -> Operation:
    """The same for who is not logged in, and proves an address of the account instead."""
    return Operation(
        name=operation_name(request),
        user_id=None,
        flows=((EMAIL,),),
        request_hash=hash_request(request.json(dict[str, Any])),
    )


def operation_name(request: Request) -> str:
    return f"{request.method} {request.raw_path.decode('ascii', 'replace')}"[:1024]


def challenge_response(challenge: Challenge) -> Response:
    return json_response(challenge, status=401)
