"""The verbs about the database: db upgrade, db backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.output import answer
from bot.cli.runner import JsonOption, ask, finish
from bot.control import requests
from bot.control.documents import DoneDocument
from core.app import open_core
from core.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="The database.", no_args_is_help=True)
    group.command()(upgrade)
    group.command()(backup)
    app.add_typer(group, name="db")


def upgrade(*, as_json: JsonOption = False) -> None:
    """Make the database, or bring it to this version's schema."""
    finish(_upgrade(as_json=as_json), as_json=as_json)


def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")], *, as_json: JsonOption = False
) -> None:
    """Copy the SQLite database to a new file. Also while dirsync runs."""
    finish(_backup(file.absolute(), as_json=as_json), as_json=as_json)


async def _upgrade(*, as_json: bool) -> int:
    settings = Settings.from_environment()
    async with open_core(settings, notifier=None, background=False, migrate=True) as core:
        revision, _ = await core.store.maintenance.schema()
        where = core.store.url_redacted
    document = DoneDocument(done=f"{where} has schema revision {revision}.")
    return _print(document, as_json=as_json)


async def _backup(file: Path, *, as_json: bool) -> int:
    document = await ask(requests.Backup(target=str(file)), DoneDocument)
    return _print(document, as_json=as_json)


def _print(document: DoneDocument, *, as_json: bool) -> int:
    return answer(document, document.done, as_json=as_json)
