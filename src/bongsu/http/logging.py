"""Log lines by structlog, for people or for machines, each with the id of its request.

The id travels in one context variable, set once a request and read only when a line is written.
Access lines hold the verb, the route's pattern, status and time: never a path, a query or a token.
"""

import io
import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="")

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class LossyFile(io.TextIOBase):
    """Drops what cannot be written: a full disk under the log must not stop the server."""

    def __init__(self, file: TextIO) -> None:
        super().__init__()
        self._file = file

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


def configure(log_format: str = "console", level: str = "info") -> None:
    """Set up logging of the whole process, to standard error. `log_format`: console or json."""
    is_json = log_format == "json"
    shared: list[Any] = [
        add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=is_json),
    ]
    if is_json:
        shared.append(structlog.processors.format_exc_info)
    file = cast(TextIO, LossyFile(sys.stderr))
    shown: Any = (
        structlog.processors.JSONRenderer()
        if is_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # others show locals: tokens too
        )
    )
    structlog.configure(
        processors=[*shared, shown],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(file)  # what asyncio and libraries have to say
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, shown],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(LEVELS[level], logging.INFO), force=True)


def add_request_id(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor."""
    known = request_id.get()
    if known:
        event.setdefault("request_id", known)
    return event
