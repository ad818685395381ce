"""The verb that invites: named people, or all who are not invited yet."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.output import Exit, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import queue_words
from bot.control import requests
from bot.control.documents import ResultsDocument, StagedDocument
from bot.control.opening import Need
from bot.slack.views import words
from core.errors import UsageError
from core.model.configuration import InvitationWay

_SHOWN = 100


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(invite)


def invite(
    people: Annotated[list[str] | None, typer.Argument(help="Addresses of people.")] = None,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Who is not invited yet.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Also to those who have one.")] = False,
    by: Annotated[
        str | None, typer.Option(help="mail, slack or both, instead of what the file says.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send invitations to people. Links and messages that were sent before no longer work."""
    request = requests.Invite(people=tuple(people or ()), resend=resend, by=_way(by))
    finish(_invite(request, everybody=everybody, yes=yes, as_json=as_json), as_json=as_json)


def _way(text: str | None) -> InvitationWay | None:
    ways = {way.value: way for way in InvitationWay if way is not InvitationWay.STAGED}
    if text is not None and text not in ways:
        raise typer.BadParameter(f"expected one of {', '.join(ways)}", param_hint="--by")
    return None if text is None else ways[text]


async def _invite(request: requests.Invite, *, everybody: bool, yes: bool, as_json: bool) -> int:
    if everybody == bool(request.people):
        raise UsageError("Name people by their addresses, or give --all.")
    if not everybody:
        return _told(await ask(request, ResultsDocument, need=Need.WRITE), as_json=as_json)
    staged = await ask(requests.Staged(), StagedDocument)
    if not staged.ready:
        if as_json:
            print_json(ResultsDocument(results=(), queue=staged.queue))
        else:
            say("Nobody waits to be invited.")
        return Exit.SUCCESS
    if not yes:
        number = words.people(staged.ready)
        if not sys.stdin.isatty():
            raise UsageError("Nobody is there to be asked.", hint=f"Give --yes to invite {number}.")
        typer.confirm(f"Invite {number} who were not invited yet?", abort=True, err=True)
    whole = requests.InviteAll(expected=staged.ready, by=request.by)
    return _told(await ask(whole, ResultsDocument, need=Need.WRITE), as_json=as_json)


def _told(document: ResultsDocument, *, as_json: bool) -> int:
    done = [each for each in document.results if each.outcome in words.DID]
    whole = len(done) == len(document.results)
    if as_json:
        print_json(document)
        return Exit.SUCCESS if whole else Exit.FAILURE
    rows = [(each.who, words.outcome(each.outcome, each.place)) for each in document.results]
    table(("Who", "What became of it"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        note(f"{len(rows) - _SHOWN:,} more are not shown; --json gives all.")
    skipped = f", {len(rows) - len(done):,} skipped" if not whole else ""
    note(f"{words.people(len(done)).capitalize()} invited{skipped}.")
    queue = document.queue
    if queue is not None and queue.minutes:
        note(queue_words(queue))
    return Exit.SUCCESS if whole else Exit.FAILURE
