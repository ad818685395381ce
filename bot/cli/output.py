"""Where words go: documents to stdout, messages to stderr, and nothing live in either."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.errors import (
    AlreadyRunningError,
    ConfigurationError,
    ConflictError,
    DirsyncError,
    NotPermittedError,
    StoreError,
    UsageError,
)
from core.model.cycle import CycleResult

_PRETTY = 2
_NO_TERMINAL_WIDTH = 240


class Exit(IntEnum):
    """How the command ends; scripts depend on these."""

    SUCCESS = 0
    FAILURE = 1
    USAGE = 2
    PARTIAL_SUCCESS = 3
    HELD = 4
    NOT_PERMITTED = 5
    ALREADY_RUNNING = 6
    CANCELLED = 7
    UNREACHABLE = 8


_OF_ERROR: tuple[tuple[type[DirsyncError], Exit], ...] = (
    (AlreadyRunningError, Exit.ALREADY_RUNNING),
    (NotPermittedError, Exit.NOT_PERMITTED),
    (UsageError, Exit.USAGE),
    (ConfigurationError, Exit.USAGE),
    (StoreError, Exit.UNREACHABLE),
)
_OF_RESULT = {
    CycleResult.SUCCESS: Exit.SUCCESS,
    CycleResult.PARTIAL_SUCCESS: Exit.PARTIAL_SUCCESS,
    CycleResult.FAILURE: Exit.FAILURE,
    CycleResult.CANCELLED: Exit.CANCELLED,
}
_REFUSED_BY_DATABASE = frozenset({"use_pg_dump"})


def exit_of_error(error: DirsyncError) -> Exit:
    """Return the exit status of an error."""
    if isinstance(error, ConflictError) and error.code == "database_in_use":
        return Exit.UNREACHABLE
    if error.code in _REFUSED_BY_DATABASE:
        return Exit.FAILURE
    for kind, status in _OF_ERROR:
        if isinstance(error, kind):
            return status
    return Exit.FAILURE


def exit_of_cycle(result: CycleResult | None, *, held: bool) -> Exit:
    """Return the exit status of a cycle; a held set counts where the cycle did its work."""
    if result is None:
        return Exit.SUCCESS
    if held and result in (CycleResult.SUCCESS, CycleResult.PARTIAL_SUCCESS):
        return Exit.HELD
    return _OF_RESULT[result]


def out() -> Console:
    """Return the console for answers."""
    return _console(sys.stdout)


def err() -> Console:
    """Return the console for messages."""
    return _console(sys.stderr)


def _console(file: TextIO) -> Console:
    """Return a console as wide as its terminal; where there is none, lines need not wrap."""
    width = None if file.isatty() else _NO_TERMINAL_WIDTH
    return Console(
        file=file, highlight=False, markup=False, emoji=False, soft_wrap=True, width=width
    )


def plain(value: object) -> str:
    """Return a text in which nothing steers the terminal or the direction of writing."""
    return "".join(
        each
        for each in str(value)
        if each == "\n" or unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    )


def say(text: str, *, style: str = "") -> None:
    """Print an answer for people."""
    out().print(Text(plain(text), style=style))


def note(text: str, *, style: str = "") -> None:
    """Print a message."""
    err().print(Text(plain(text), style=style))


def complain(error: DirsyncError) -> None:
    """Print an error and what to do about it."""
    note(error.message, style="bold red")
    if error.hint:
        note(error.hint)


def print_json(document: object) -> None:
    """Print one JSON document, and nothing else, to stdout."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=_PRETTY)
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.buffer.flush()


def answer(document: object, text: str, *, as_json: bool) -> Exit:
    """Print what was done as a JSON document, or as a text for people; return success."""
    if as_json:
        print_json(document)
    else:
        say(text)
    return Exit.SUCCESS


def error_document(error: DirsyncError) -> dict[str, object]:
    """Return an error as the JSON document of a command that failed."""
    document: dict[str, object] = {"code": error.code, "message": error.message}
    if error.hint:
        document["hint"] = error.hint
    line = getattr(error, "line", None)
    if line is not None:
        document["line"] = line
    cycle_id = getattr(error, "cycle_id", "")
    if cycle_id:
        document["cycle"] = cycle_id
    return {"error": document}


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns are as wide as they need."""
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in headers:
        grid.add_column(header, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(plain(cell)) for cell in row))
    out().print(grid, soft_wrap=False)
