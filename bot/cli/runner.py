"""The one wrapper that runs a verb: settings, the door, errors and the exit status."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer

from bot.cli.logs import configure_logs
from bot.cli.output import Exit, complain, error_document, exit_of_error, print_json
from bot.cli.slack_people import slack_people
from bot.control.documents import CycleDocument, Document
from bot.control.opening import Need, open_door
from bot.control.perform import Tell
from bot.control.requests import Request
from core.errors import DirsyncError, UsageError
from core.settings import Settings

_INTERRUPTED = 130

D = TypeVar("D", bound=Document)

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else to stdout.")
]


def finish(
    verb: Coroutine[Any, Any, int], *, as_json: bool = False, log_level: int = logging.ERROR
) -> NoReturn:
    """Run a verb and end with its exit status; errors go to stderr, never a traceback."""
    configure_logs(log_level)
    try:
        status = asyncio.run(verb)
        sys.stdout.flush()
    except DirsyncError as error:
        complain(error)
        if as_json:
            print_json(error_document(error))
        status = exit_of_error(error)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = Exit.SUCCESS
    raise typer.Exit(int(status))


async def ask(
    request: Request,
    reply: type[D],
    *,
    need: Need = Need.READ,
    tell: Tell | None = None,
    slack: bool = False,
) -> D:
    """Have a request carried out by whoever has the database, and return the reply.

    With `slack`, this process asks Slack itself where it has the database and a token.
    """
    _require_text(request)
    settings = Settings.from_environment()
    async with (
        open_door(settings, need=need) as door,
        slack_people(settings, door) if slack else nullcontext(),
    ):
        return await door.ask(request, reply, tell=tell or _silent)


def _require_text(request: Request) -> None:
    """Refuse arguments with bytes that are no UTF-8, which Python passes on as lone surrogates."""
    try:
        msgspec.json.encode(request)
    except UnicodeEncodeError as error:
        raise UsageError("An argument is not readable text.") from error


async def _silent(cycle: CycleDocument) -> None:
    del cycle
