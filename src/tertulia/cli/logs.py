"""What the server says on standard error: never a text, a password or a key."""

from __future__ import annotations

import logging
import sys

import structlog

from tertulia.server.settings import LogSettings


def configure_logs(settings: LogSettings) -> None:
    """Send the log to standard error, for people or as JSON."""
    shared: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.format == "json":
        # Not as a structure: that would show the values of variables, texts among them.
        shared += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        formatter = structlog.dev.plain_traceback
        shared.append(
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=formatter)
        )
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelName(settings.level.upper())
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
