"""Cross-signing keys and signatures. Spec: Client-Server API, "Cross-signing"."""

from typing import Any

import msgspec

from bongsu.http.client.interactive import challenge_response, device_operation_of
from bongsu.http.message import Request
from bongsu.http.routing import Answer, post
from bongsu.keys.cross_signing import USAGES, CrossSigning
from bongsu.users.interactive_auth import AuthData, Challenge, InteractiveAuth


class SigningKeysBody(msgspec.Struct, frozen=True):
    master_key: dict[str, Any] | None = None
    self_signing_key: dict[str, Any] | None = None
    user_signing_key: dict[str, Any] | None = None
    auth: AuthData | None = None


class CrossSigningEndpoints:
    def __init__(self, cross_signing: CrossSigning, interactive_auth: InteractiveAuth) -> None:
        self._cross_signing = cross_signing
        self._auth = interactive_auth

    @post("/_matrix/client/v3/keys/device_signing/upload", limit="login")
    async def upload_keys(self, request: Request) -> Answer:
        body = request.json(SigningKeysBody)
        given = dict(
            zip(
                USAGES,
                (body.master_key, body.self_signing_key, body.user_signing_key),
                strict=True,
            )
        )
        user_id = request.requester.user_id
        keys = {usage: key for usage, key in given.items() if key is not None}
        upload = await self._cross_signing.check(user_id, keys)
        if upload.needs_auth:
            passed = await self._auth.authenticate(device_operation_of(request), body.auth)
            if isinstance(passed, Challenge):
                return challenge_response(passed)
        await self._cross_signing.put(user_id, upload)
        return {}

    @post("/_matrix/client/v3/keys/signatures/upload", limit="other")
    async def upload_signatures(self, request: Request) -> Answer:
        signed = request.json(dict[str, dict[str, dict[str, Any]]])
        user_id = request.requester.user_id
        return {"failures": await self._cross_signing.add_signatures(user_id, signed)}
