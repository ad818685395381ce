"""The verb about applications that ask the login API: apps."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.output import Exit, answer, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import moment
from bot.control import requests
from bot.control.applications import AppDocument, AppsDocument
from bot.control.documents import DoneDocument
from bot.control.opening import Need
from core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(apps)


def apps(
    action: Annotated[str, typer.Argument(help="list, create or revoke")] = "list",
    name: Annotated[str | None, typer.Argument(help="The application's name.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List applications that may ask the login API. `create NAME` and `revoke NAME` change it."""
    finish(_apps(action, name, as_json=as_json), as_json=as_json)


async def _apps(action: str, name: str | None, *, as_json: bool) -> int:
    if action == "list" and name is None:
        return await _list(as_json=as_json)
    if action == "create" and name is not None:
        return await _create(name, as_json=as_json)
    if action == "revoke" and name is not None:
        return await _revoke(name, as_json=as_json)
    raise UsageError("Write: dirsync apps, dirsync apps create NAME or dirsync apps revoke NAME.")


async def _list(*, as_json: bool) -> int:
    document = await ask(requests.Apps(), AppsDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    rows = [
        (
            each.name,
            each.created_by,
            moment(each.created_at),
            moment(each.last_used_at, "never"),
            moment(each.revoked_at),
        )
        for each in document.apps
    ]
    if rows:
        table(("Application", "Made by", "Made", "Last used", "Revoked"), rows)
    else:
        say("No application has a token.")
    return Exit.SUCCESS


async def _create(name: str, *, as_json: bool) -> int:
    document = await ask(requests.AppCreate(name=name), AppDocument, need=Need.WRITE)
    if as_json:
        print_json(document)
    else:
        note(f"The token of {document.name}; nothing can show it again:")
        say(document.token or "")
    return Exit.SUCCESS


async def _revoke(name: str, *, as_json: bool) -> int:
    document = await ask(requests.AppRevoke(name=name), DoneDocument, need=Need.WRITE)
    return answer(document, document.done, as_json=as_json)
