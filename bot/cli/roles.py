"""The verb about roles: roles, roles grant, roles revoke."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from bot.cli.output import Exit, answer, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import moment
from bot.control import requests
from bot.control.documents import RoleChangeDocument, RoleDocument, RolesDocument
from bot.control.opening import Need
from core.errors import UsageError
from core.model.account import Role

_USAGE = "Write: dirsync roles, dirsync roles grant WHO ROLE, or dirsync roles revoke WHO."
_SOURCES = {"workspace": "the workspace", "setting": "a setting", "grant": "a grant"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(roles)


def roles(
    action: Annotated[str | None, typer.Argument(help="grant or revoke")] = None,
    who: Annotated[
        str | None,
        typer.Argument(help="A Slack id (U… a person, S… a user group), or a person's e-mail."),
    ] = None,
    role: Annotated[str | None, typer.Argument(help="viewer, operator or admin")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List who may do what and why. `grant` gives a role, `revoke` takes one."""
    finish(_roles(action, who, role, as_json=as_json), as_json=as_json)


async def _roles(action: str | None, who: str | None, role: str | None, *, as_json: bool) -> int:
    if action is None:
        return await _list(as_json=as_json)
    document = await ask(
        _request(action, who, role), RoleChangeDocument, need=Need.WRITE, slack=True
    )
    return answer(document, _words(document), as_json=as_json)


def _request(
    action: str, who: str | None, role: str | None
) -> requests.RolesGrant | requests.RolesRevoke:
    if action == "revoke" and who is not None and role is None:
        return requests.RolesRevoke(subject=who)
    if action != "grant" or who is None or role is None:
        raise UsageError(_USAGE)
    try:
        return msgspec.convert(
            {"verb": "roles_grant", "subject": who, "role": role}, requests.RolesGrant
        )
    except msgspec.ValidationError:
        raise UsageError("A role is viewer, operator or admin.", hint=_USAGE) from None


async def _list(*, as_json: bool) -> int:
    document = await ask(requests.Roles(), RolesDocument, slack=True)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    if document.roles:
        table(("Who", "Name", "Role", "From", "Given by", "Since", ""), map(_row, document.roles))
    else:
        say("Nobody has been given a role, and no admin has been met in Slack yet.")
    for notice in document.notices:
        note(notice)
    return Exit.SUCCESS


def _row(line: RoleDocument) -> tuple[str, ...]:
    name = line.name if line.people is None else f"user group of {line.people:,}"
    return (
        line.id,
        name or "-",
        line.role.value,
        _SOURCES[line.source.value],
        line.granted_by or "-",
        moment(line.granted_at),
        line.problem,
    )


def _words(change: RoleChangeDocument) -> str:
    who = change.name or change.id
    if change.before is change.after:
        text = f"{who} is {change.after.value} already."
    elif change.after is Role.NONE:
        text = f"{who} is no longer {change.before.value} by a grant."
    else:
        text = f"{who} is now {change.after.value}."
    if change.kept is not Role.NONE:
        text += f" The workspace or a setting makes them {change.kept.value} all the same."
    return text
