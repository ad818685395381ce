"""Logs to stderr, one line each, without the values that were at hand when something failed."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.types import Processor

_COMMON: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)
_LINE = structlog.processors.LogfmtRenderer(
    key_order=["timestamp", "level", "event"], bool_as_flag=False
)


class _Libraries(logging.Handler):
    """Writes what libraries log in the same form."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _LINE],
                foreign_pre_chain=[structlog.stdlib.add_logger_name, *_COMMON],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line to whatever is stderr now."""
        sys.stderr.write(f"{self.format(record)}\n")


def configure_logs(level: int) -> None:
    """Send structlog's and the libraries' logs of at least `level` to stderr.

    Tracebacks come without local variables, which would hold people's data and secrets.
    """
    root = logging.getLogger()
    root.setLevel(max(level, logging.WARNING))
    if not any(isinstance(each, _Libraries) for each in root.handlers):
        root.addHandler(_Libraries())
    structlog.configure(
        processors=[*_COMMON, _LINE],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


def _to_stderr(*args: object) -> structlog.WriteLogger:
    del args
    return structlog.WriteLogger(sys.stderr)
