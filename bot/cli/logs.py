"""Logs to stderr, one line each, without the values that were at hand when something failed."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(level: int) -> None:
    """Send structlog's and the libraries' logs of at least `level` to stderr.

    Tracebacks come without local variables, which would hold people's data and secrets.
    """
    logging.basicConfig(
        stream=sys.stderr, level=max(level, logging.WARNING), format="%(levelname)s %(message)s"
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
