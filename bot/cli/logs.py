"""Logs to stderr, one line each, without the values that were at hand when something failed."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.types import Processor

QUIET_SECONDS = 300
_COMMON: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)
_LINE = structlog.processors.LogfmtRenderer(
    key_order=["timestamp", "level", "event"], bool_as_flag=False
)


class Outages(logging.Filter):
    """Tells an outage in a line and once in a while, however often a library tries again."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a network fault through without its traceback, and not again for five minutes."""
        if record.exc_info is None or not isinstance(record.exc_info[1], OSError):
            return True
        record.exc_info = record.exc_text = None
        since = record.created - QUIET_SECONDS
        self._told = {key: at for key, at in self._told.items() if at > since}
        key = (record.name, record.getMessage())
        return self._told.setdefault(key, record.created) == record.created


class _Libraries(logging.Handler):
    """Writes what libraries log in the same form."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(Outages())
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
