"""The verbs about messages: notify test."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.output import Exit, print_json, say
from bot.cli.runner import JsonOption, ask, finish
from bot.control import requests
from bot.control.documents import DoneDocument
from bot.control.opening import Need


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Messages to the channel.", no_args_is_help=True)
    group.callback()(_only_verbs)
    group.command("test")(try_)
    app.add_typer(group, name="notify")


def try_(
    channel: Annotated[str | None, typer.Argument(help="A Slack channel id.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Queue a message that is labelled as a test."""
    finish(_test(channel, as_json=as_json), as_json=as_json)


def _only_verbs() -> None:
    """Keep `notify test` two words although the group has one verb."""


async def _test(channel: str | None, *, as_json: bool) -> int:
    request = requests.NotifyTest(channel=channel)
    document = await ask(request, DoneDocument, need=Need.WRITE)
    if as_json:
        print_json(document)
    else:
        say(document.done)
    return Exit.SUCCESS
