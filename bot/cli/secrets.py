"""The verb about secrets that were typed in: secrets rotate."""

from __future__ import annotations

import typer

from bot.cli.output import answer
from bot.cli.runner import JsonOption, ask, finish
from bot.control import requests
from bot.control.documents import DoneDocument
from bot.control.opening import Need


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Secrets that were typed into Slack.", no_args_is_help=True)
    group.command()(rotate)
    group.callback()(_only_verbs)
    app.add_typer(group, name="secrets")


def _only_verbs() -> None:
    """Keep `secrets rotate` two words although the group has one verb."""


def rotate(*, as_json: JsonOption = False) -> None:
    """Encrypt every stored secret with the newest key. Drops those that nothing uses.

    A generated key is replaced by a new one. Otherwise put the new key in front of the old one in
    DIRSYNC_SECRET_KEY (new,old), restart, rotate, and then take the old one away.
    """
    finish(_rotate(as_json=as_json), as_json=as_json)


async def _rotate(*, as_json: bool) -> int:
    document = await ask(requests.SecretsRotate(), DoneDocument, need=Need.WRITE)
    return answer(document, document.done, as_json=as_json)
