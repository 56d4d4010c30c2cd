"""What is served while a server cannot start yet: it lives, is not ready, and says what it lacks.

`/health` is 200, `/ready` 503 with the reason. Whatever else is asked is 503 too, and to be asked
again: a 404 or a 401 would be believed.
"""

from bongsu.errors import Unavailable
from bongsu.http import answers
from bongsu.http.asgi import Receive, Scope, Send
from bongsu.http.message import Response, json_response

RETRY_AFTER_MS = 5000


class WaitingRoom:
    """An ASGI application. `reason` is told to whoever asks."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._answer(scope["method"], scope["path"])
        headers = answers.headers_of(response)
        start = {"type": "http.response.start", "status": response.status, "headers": headers}
        await send(start)
        body = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, path: str) -> Response:
        if method == "OPTIONS":
            return answers.preflight()
        if path == "/health":
            return json_response({"status": "ok"})
        if path == "/ready":
            said = {"ready": False, "reasons": [self._reason], "missing": []}
            return json_response(said, status=503)
        return answers.unavailable(Unavailable(self._reason, retry_after_ms=RETRY_AFTER_MS), "")
