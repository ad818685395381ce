"""The verb about people whom several configurations mean: conflicts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.output import Exit, answer, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import minute
from bot.control import requests
from bot.control.conflicts import ConflictDocument, ConflictsDocument, RulingDocument
from bot.control.documents import DoneDocument
from bot.control.opening import Need
from bot.slack.views import words
from bot.slack.views.conflicts import VERDICTS, attributes, becomes, change_lines
from core.errors import UsageError
from core.model.ownership import Verdict

ReasonOption = Annotated[str, typer.Option(help="Why; it is kept in the audit.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(conflicts)


def conflicts(
    action: Annotated[str, typer.Argument(help="list, keep, move or priority")] = "list",
    who: Annotated[
        str | None, typer.Argument(help="For keep and move: an address, or part of a name.")
    ] = None,
    *,
    configuration: Annotated[
        str | None,
        typer.Option("--configuration", "--of", help="Only where this one takes part."),
    ] = None,
    kept: Annotated[
        bool, typer.Option("--kept", help="Those that were decided for the owner.")
    ] = False,
    reason: ReasonOption = "",
    digest: Annotated[
        str | None, typer.Option(help="For priority: the digest that was shown.")
    ] = None,
    yes: YesOption = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """List people whom several configurations mean.

    `conflicts keep ADDRESS` leaves somebody with the owner, `conflicts move ADDRESS` gives them to
    the claimant, `conflicts priority` decides all by the configurations' priority.
    """
    if action == "list" and who is None:
        request = requests.Conflicts(
            configuration=configuration, kept=kept, limit=limit, offset=offset
        )
        finish(_list(request, as_json=as_json), as_json=as_json)
    elif action in set(Verdict) and who is not None:
        wanted = requests.ConflictsOf(who=who, configuration=configuration)
        finish(_decide(wanted, Verdict(action), reason, yes=yes, as_json=as_json), as_json=as_json)
    elif action == "priority" and who is None:
        finish(_priority(configuration, digest, reason, yes=yes, as_json=as_json), as_json=as_json)
    else:
        finish(_unclear(), as_json=as_json)


async def _unclear() -> int:
    raise UsageError(
        "Write: dirsync conflicts, dirsync conflicts keep ADDRESS, dirsync conflicts move ADDRESS"
        " or dirsync conflicts priority."
    )


async def _list(request: requests.Conflicts, *, as_json: bool) -> int:
    document = await ask(request, ConflictsDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    if not document.conflicts:
        say("No conflict was decided for the owner." if request.kept else "Nobody is claimed.")
        return Exit.SUCCESS
    rows = [
        (
            each.who,
            f"{each.owner} (gone there)" if each.absent else each.owner,
            each.claimant,
            minute(each.since),
            attributes(each.changes),
            each.claimant if each.priority is Verdict.MOVE else each.owner,
        )
        for each in document.conflicts
    ]
    head = ("Who", "Owner", "Claimed by", "Since (UTC)", "Would change", "Has priority")
    table(head, rows)
    if document.total > len(rows):
        say(f"{len(rows):,} of {document.total:,} shown; --offset shows more.")
    return Exit.SUCCESS


async def _decide(
    wanted: requests.ConflictsOf, verdict: Verdict, reason: str, *, yes: bool, as_json: bool
) -> int:
    found = await ask(wanted, ConflictsDocument)
    chosen = _one(found, verdict)
    if not yes:
        _show(chosen, verdict)
    request = requests.ConflictDecide(
        conflict=chosen.id, revision=chosen.revision, verdict=verdict.value, reason=reason
    )
    document = await ask(request, DoneDocument, need=Need.WRITE)
    return answer(document, document.done, as_json=as_json)


def _one(found: ConflictsDocument, verdict: Verdict) -> ConflictDocument:
    """Return the one conflict that is meant; several claimants have to be told apart."""
    if len(found.conflicts) == 1:
        return found.conflicts[0]
    names = tuple(each.claimant for each in found.conflicts)
    raise UsageError(
        f"Several configurations claim that person: {', '.join(names)}.",
        hint=f"Say which one: dirsync conflicts {verdict} … --configuration {names[0]}",
        choices=names,
    )


def _show(chosen: ConflictDocument, verdict: Verdict) -> None:
    """Show what a decision means, and ask."""
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to be asked.", hint="Give --yes to decide.")
    note(f"{chosen.who} belongs to {chosen.owner}; {chosen.claimant} claims them.")
    if verdict is Verdict.MOVE:
        for line in change_lines({n: (a.now, a.then) for n, a in chosen.changes.items()}):
            note(f"  {line}")
    note(becomes(chosen.owner, chosen.claimant, verdict))
    whom = chosen.owner if verdict is Verdict.KEEP else chosen.claimant
    typer.confirm(f"{VERDICTS[verdict]} {whom}?", abort=True, err=True)


async def _priority(
    configuration: str | None, digest: str | None, reason: str, *, yes: bool, as_json: bool
) -> int:
    shown = await ask(requests.ConflictsPriority(configuration=configuration), RulingDocument)
    if digest is None and not yes:
        if as_json or not shown.rows:
            return _ruled(shown, as_json=as_json)
        _ask_all(shown)
    request = requests.ConflictsPriority(
        configuration=configuration, digest=digest or shown.digest, reason=reason
    )
    done = await ask(request, RulingDocument, need=Need.WRITE)
    return answer(
        done, f"{words.people(done.move)} moved, {words.people(done.keep)} kept.", as_json=as_json
    )


def _ruled(shown: RulingDocument, *, as_json: bool) -> int:
    return answer(shown, "There is no conflict to decide.", as_json=as_json)


def _ask_all(shown: RulingDocument) -> None:
    for row in shown.rows:
        whom = row.owner if row.verdict is Verdict.KEEP else row.claimant
        rival = row.claimant if row.verdict is Verdict.KEEP else row.owner
        note(f"{VERDICTS[row.verdict]} {whom}, not {rival}: {words.people(row.people)}")
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody is there to be asked.", hint=f"Give --yes, or --digest {shown.digest}."
        )
    typer.confirm(f"Decide these {shown.keep + shown.move:,}?", abort=True, err=True)
