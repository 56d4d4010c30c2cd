"""Every bound that the HTTP server keeps, by name; seconds are kept to within one sweep (1 s)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one server. A client that passes one is answered, and its connection closed."""

    connections_max: int = 16_000
    """Open connections; one more is answered 503."""

    backlog: int = 2048
    """Connections that the kernel holds until we accept them."""

    request_line_bytes_max: int = 32 * 1024
    """Path and query, in which an inline sync filter may travel; a longer one is answered 414."""

    header_bytes_max: int = 32 * 1024
    """Request line and headers together, to within one slice; more is answered 431."""

    header_count_max: int = 100

    pipelined_requests_max: int = 16
    """Requests waiting behind the running one; with more the socket is not read."""

    body_buffered_bytes_max: int = 256 * 1024
    """Body bytes that arrived before the app asked for them; with more the socket is not read."""

    header_seconds_max: float = 20.0
    """From the first byte of a request (or from the connection) to the end of its headers."""

    body_idle_seconds_max: float = 30.0
    """Between two pieces of a body."""

    body_bytes_per_second_min: float = 240.0
    """A body that trickles more slowly than this gets no further time after the first stretch."""

    write_idle_seconds_max: float = 60.0
    """For a client to take what fills the send buffer."""

    keep_alive_seconds_max: float = 75.0
    """Between two requests."""

    linger_seconds_max: float = 5.0
    """After a final answer, for the client to read it and close."""


DEFAULT_LIMITS = Limits()


class LimitPassed(Exception):
    """Raised inside a callback of the parser, to stop it."""
