"""The names of ASGI 3, the seam between a server and the application behind it."""

from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ASGI = {"version": "3.0", "spec_version": "2.4"}

# Our server cancels the application when its client is gone, and says so in scope["extensions"].
# Under a server that does not, the application has to watch `receive` for http.disconnect itself.
CANCELS_ON_DISCONNECT = "bongsu.cancels_on_disconnect"
EXTENSIONS: dict[str, dict[str, Any]] = {CANCELS_ON_DISCONNECT: {}}
