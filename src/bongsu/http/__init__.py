"""The rim that speaks HTTP: a small ASGI server, a router on undecoded paths, the endpoints.

`server` knows bytes and sockets, `router` knows paths, `client/` has one module per chapter of the
client-server API: decode, call one service, encode.
"""
