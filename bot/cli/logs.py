"""Logs to stderr, one line each, without the values that were at hand when something failed."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(level: int) -> None:
    """Send structlog's and the libraries' logs of at least `level` to stderr.

    Tracebacks come without local variables, which would hold people's data and secrets.
    """
    logging.getLogger().setLevel(max(level, logging.WARNING))
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
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


def _to_stderr(*args: object) -> structlog.WriteLogger:
    del args
    return structlog.WriteLogger(sys.stderr)
