"""The verbs about people and licenses: users, user, activate, free."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.last_sync import note_last_sync
from bot.cli.output import Exit, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import moment
from bot.control import requests
from bot.control.documents import (
    PersonDocument,
    ResultDocument,
    ResultsDocument,
    UserDocument,
    UsersDocument,
)
from bot.control.opening import Need
from bot.slack.views import invitation_words, words
from core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(users)
    app.command()(user)
    app.command()(activate)
    app.command()(free)


def users(
    *,
    status: Annotated[
        str | None,
        typer.Option(help="staged, invited, waiting, active, disabled or deleted."),
    ] = None,
    search: Annotated[str | None, typer.Option(help="Part of a name or address.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """List people by name."""
    request = requests.Users(text=search, status=status, limit=limit, offset=offset)
    finish(_users(request, as_json=as_json), as_json=as_json)


def user(
    who: Annotated[str, typer.Argument(help="An address, or part of a name.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show one person. Where they stand, what was done, what is wrong."""
    finish(_user(who, as_json=as_json), as_json=as_json)


def activate(
    people: Annotated[list[str] | None, typer.Argument(help="Addresses of people.")] = None,
    *,
    waiting: Annotated[
        int | None, typer.Option(min=1, help="The first so many of those who wait.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give free licenses to chosen people, or to the first who wait."""
    request = requests.Activate(people=tuple(people or ()), waiting=waiting)
    finish(_results(request, as_json=as_json), as_json=as_json)


def free(
    people: Annotated[list[str], typer.Argument(help="Addresses of people.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take people's licenses. They lose access until they activate again, and are invited."""
    finish(_free(tuple(people), yes=yes, as_json=as_json), as_json=as_json)


async def _free(people: tuple[str, ...], *, yes: bool, as_json: bool) -> int:
    if not yes:
        number = words.several(len(people), "license")
        if not sys.stdin.isatty():
            raise UsageError("Nobody is there to be asked.", hint=f"Give --yes to free {number}.")
        typer.confirm(f"Free {number}?", abort=True, err=True)
    return await _results(requests.Free(people=people), as_json=as_json)


async def _results(request: requests.Activate | requests.Free, *, as_json: bool) -> int:
    document = await ask(request, ResultsDocument, need=Need.WRITE)
    if as_json:
        print_json(document)
    elif document.results:
        rows = [(each.who, words.outcome(each.outcome, each.place)) for each in document.results]
        table(("Who", "What became of it"), rows)
    else:
        say("Nobody waits for a license.")
    return Exit.SUCCESS if all(_done(each) for each in document.results) else Exit.FAILURE


def _done(result: ResultDocument) -> bool:
    return result.outcome in words.DID


async def _users(request: requests.Users, *, as_json: bool) -> int:
    document = await ask(request, UsersDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    rows = [
        (each.display_name, each.email, _standing(each), each.configuration or "-")
        for each in document.users
    ]
    if rows:
        table(("Name", "Address", "Status", "Configuration"), rows)
        note(f"{len(rows):,} of {document.total:,}")
    else:
        say(
            "Nobody matches." if request.text or request.status else "Nobody is in the account yet."
        )
    await note_last_sync()
    return Exit.SUCCESS


def _standing(user: UserDocument) -> str:
    state = words.STATUSES[user.status]
    return f"{state}, {words.NOT_DELIVERED}" if user.undelivered else state


async def _user(who: str, *, as_json: bool) -> int:
    document = await ask(requests.Person(who=who), PersonDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    person = document.user
    say(f"{person.display_name} <{person.email}>", style="bold")
    licensed = "with a license" if person.licensed else "without a license"
    say(f"{words.STATUSES[person.status]}, {licensed}, configuration {person.configuration or '-'}")
    say(f"last login: {moment(person.last_login_at, 'none known')}")
    if document.invitation is not None:
        say(invitation_words.standing(document.invitation.standing))
    profile = dict(person.profile)
    if found := document.manager:
        profile["manager"] = words.manager(found.wanted, found.name, found.email)
    table(("Attribute", "Value"), sorted(profile.items()))
    if person.groups:
        say("Groups: " + ", ".join(person.groups))
    for problem in document.problems:
        say(f"{problem.severity.value}: {problem.message} {problem.hint}", style="yellow")
    rows = [
        (moment(change.at), words.ACTIONS[change.action], change.reason, change.cycle)
        for change in document.changes
    ]
    table(("When", "What", "Why", "Cycle"), rows)
    return Exit.SUCCESS
