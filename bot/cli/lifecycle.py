"""The verbs that end a configuration or bring it back: config enable, disable, delete."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.output import Exit, answer, note, print_json, say
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import moment
from bot.control import requests
from bot.control.documents import ConfigurationDocument, ConsequencesDocument
from bot.control.opening import Need
from core.errors import UsageError
from core.model.configuration import LeaveBehind

NameArgument = Annotated[str, typer.Argument(help="Name or unique prefix.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the audit.")]
PeopleOption = Annotated[LeaveBehind, typer.Option("--people", help="What becomes of its people.")]
ConfirmOption = Annotated[
    str | None, typer.Option("--confirm", help="Its name, instead of typing it when asked.")
]


def register(group: typer.Typer) -> None:
    """Add the verbs."""
    group.command()(enable)
    group.command()(disable)
    group.command()(delete)


def enable(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Let a disabled configuration work again."""
    finish(_enable(name, as_json=as_json), as_json=as_json)


def disable(
    name: NameArgument,
    *,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Stop a configuration. Its people stay as they are."""
    finish(_disable(name, reason, yes=yes, as_json=as_json), as_json=as_json)


def delete(
    name: NameArgument,
    *,
    reason: ReasonOption = "",
    people: PeopleOption = LeaveBehind.STAY,
    confirm: ConfirmOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a configuration for good. Its history and the audit stay."""
    finish(_delete(name, reason, people, confirm, as_json=as_json), as_json=as_json)


async def _enable(name: str, *, as_json: bool) -> int:
    request = requests.ConfigEnable(name=name)
    document = await ask(request, ConsequencesDocument, need=Need.WRITE)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    start = f"starts {moment(document.next)}" if document.next else "is started by hand"
    say(f"{document.configuration} is enabled and {start}.")
    return Exit.SUCCESS


async def _disable(name: str, reason: str, *, yes: bool, as_json: bool) -> int:
    found = await ask(requests.ConfigConsequences(name=name), ConsequencesDocument)
    if found.enabled and not yes:
        _needs_somebody("Give --yes to disable it.")
        note(f"{found.configuration} stops at once: no cycle starts any more.")
        _note_running(found)
        note(f"Its {found.provisioned:,} people stay as they are, leavers included.")
        typer.confirm(f"Disable {found.configuration}?", abort=True, err=True)
    document = await ask(
        requests.ConfigDisable(name=found.configuration, revision=found.revision, reason=reason),
        ConfigurationDocument,
        need=Need.WRITE,
    )
    return answer(
        document, f"{document.name} is disabled. Its people stay as they are.", as_json=as_json
    )


async def _delete(
    name: str, reason: str, people: LeaveBehind, confirm: str | None, *, as_json: bool
) -> int:
    found = await ask(requests.ConfigConsequences(name=name), ConsequencesDocument)
    if confirm is None:
        _needs_somebody("Give --confirm and its name, and --reason.")
        note(f"{found.configuration} is deleted for good. Its history and the audit stay.")
        _note_running(found)
        stay = people is LeaveBehind.STAY
        become = "stay, managed by nothing any more" if stay else "are disabled"
        note(f"Its {found.provisioned:,} people {become}; its {found.groups:,} groups go.")
        confirm = typer.prompt(f"Type {found.configuration} to confirm", err=True)
        reason = reason or typer.prompt("Why", err=True)
    request = requests.ConfigDelete(
        name=found.configuration,
        revision=found.revision,
        typed=confirm,
        people=people,
        reason=reason,
    )
    document = await ask(request, ConsequencesDocument, need=Need.WRITE)
    if as_json:
        print_json(document)
    else:
        done = "stay as they are" if people is LeaveBehind.STAY else "were disabled"
        say(f"{document.configuration} is deleted. Its {document.provisioned:,} people {done}.")
    return Exit.SUCCESS


def _needs_somebody(hint: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to be asked.", hint=hint)


def _note_running(found: ConsequencesDocument) -> None:
    if found.open_cycle:
        note(f"The cycle that runs now, {found.open_cycle}, ends as cancelled.")
    if found.held:
        note(f"{found.held:,} held removals can be decided no more.")
