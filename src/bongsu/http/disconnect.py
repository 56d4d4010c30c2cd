"""Ending a request whose client is gone, under ASGI servers that do not do it themselves."""

import asyncio

from bongsu.http.asgi import EXTENSIONS, Application, Message, Receive, Scope, Send


async def run_while_connected(app: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Run `app`, and cancel it when `http.disconnect` comes after the request's body."""
    body_over = asyncio.Event()
    if scope["method"] in ("GET", "HEAD"):
        body_over.set()  # nobody reads one there

    async def receive_body() -> Message:
        message = await receive()
        if not message.get("more_body", False):
            body_over.set()
        return message

    async def watch() -> None:
        await body_over.wait()
        while (await receive())["type"] != "http.disconnect":
            pass
        work.cancel()

    async def run() -> None:
        await app({**scope, "extensions": EXTENSIONS}, receive_body, send)

    work = asyncio.create_task(run())
    watcher = asyncio.create_task(watch())
    try:
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()
    finally:
        work.cancel()
        watcher.cancel()
        await asyncio.gather(work, watcher, return_exceptions=True)
