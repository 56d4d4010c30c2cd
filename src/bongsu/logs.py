"""How log lines look: `structlog` for ours and the standard library's alike, on stderr."""

import logging
import sys

import structlog
from structlog.typing import Processor

from bongsu.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Once, at the start of a process. Values bound in the context (request id) go on each line."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        last: list[Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _bring_in_the_standard_library(max(level, logging.WARNING), shared, last)


def _bring_in_the_standard_library(
    level: int, shared: list[Processor], last: list[Processor]
) -> None:
    """asyncio and the NATS client speak there: warnings and worse."""
    handler = logging.StreamHandler(sys.stderr)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[remove_meta, *last]
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
