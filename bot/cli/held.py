"""The verbs about held sets: held, release, reject."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.cycles import told
from bot.cli.output import Exit, answer, note, print_json, say, table
from bot.cli.progress import shown_progress
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import moment
from bot.control import requests
from bot.control.documents import CycleReport, HeldDocument, HeldListDocument
from bot.control.opening import Need
from bot.slack.views import words
from core.errors import UsageError

HeldArgument = Annotated[str, typer.Argument(help="A held set's id or unique prefix.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is shown with the decision and kept.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DigestOption = Annotated[
    str | None,
    typer.Option(help="The digest that was shown; without it, the set as it is now is shown."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(held)
    app.command()(release)
    app.command()(reject)


def held(
    held_set: Annotated[str | None, typer.Argument(help="A held set's id.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List what the guard keeps back. With an id: that held set with its people."""
    finish(_held(held_set, as_json=as_json), as_json=as_json)


def release(
    held_set: HeldArgument,
    *,
    reason: ReasonOption = "",
    digest: DigestOption = None,
    yes: YesOption = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the cycle.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly this held set. Waits until it is carried out."""
    finish(
        _release(held_set, reason, digest, yes=yes, wait=not no_wait, as_json=as_json),
        as_json=as_json,
    )


def reject(
    held_set: HeldArgument,
    *,
    reason: ReasonOption = "",
    digest: DigestOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Decide against exactly this held set: its people stay."""
    finish(_reject(held_set, reason, digest, yes=yes, as_json=as_json), as_json=as_json)


async def _held(held_set: str | None, *, as_json: bool) -> int:
    if held_set is not None:
        one = await ask(requests.HeldShow(held=held_set), HeldDocument)
        if as_json:
            print_json(one)
        else:
            _print(one)
        return Exit.SUCCESS
    document = await ask(requests.Held(), HeldListDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    rows = [
        (each.id, each.configuration, f"{each.size:,}", f"{each.limit:,}", moment(each.expires_at))
        for each in document.held
    ]
    if rows:
        table(("Held set", "Configuration", "Held", "Limit", "Until"), rows)
    else:
        say("Nothing is held.")
    return Exit.SUCCESS


async def _release(
    held_set: str, reason: str, digest: str | None, *, yes: bool, wait: bool, as_json: bool
) -> int:
    approved = await _approved(held_set, digest, "Release", yes=yes)
    request = requests.Release(held=held_set, digest=approved, reason=reason, wait=wait)
    need = Need.WORK if wait else Need.WRITE
    async with shown_progress() as tell:
        report = await ask(request, CycleReport, need=need, tell=tell)
    return told(report, as_json=as_json, waited=wait)


async def _reject(
    held_set: str, reason: str, digest: str | None, *, yes: bool, as_json: bool
) -> int:
    approved = await _approved(held_set, digest, "Reject", yes=yes)
    request = requests.Reject(held=held_set, digest=approved, reason=reason)
    document = await ask(request, HeldDocument, need=Need.WRITE)
    return answer(
        document, f"{document.id} is {document.state.value}: its people stay.", as_json=as_json
    )


async def _approved(held_set: str, digest: str | None, verb: str, *, yes: bool) -> str:
    """Return the digest of the set that somebody has seen and agreed to."""
    if digest is not None:
        return digest
    document = await ask(requests.HeldShow(held=held_set), HeldDocument)
    if yes:
        return document.digest
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody is there to be asked.",
            hint=f"Look at it with dirsync held {document.id}, then give --digest or --yes.",
        )
    for item in document.items:
        note(f"{words.ACTIONS[item.action]} {item.name} ({item.reason})")
    if document.more:
        note(f"… and {document.more:,} more")
    typer.confirm(f"{verb} these {document.size:,}?", abort=True, err=True)
    return document.digest


def _print(document: HeldDocument) -> None:
    say(f"{document.id}: {document.size:,} held of {document.configuration}", style="bold")
    say(f"{document.reason} State: {document.state.value}, until {moment(document.expires_at)}.")
    if document.decided_reason:
        say(f"Why: {document.decided_reason}")
    say(f"Digest {document.digest}")
    rows = [(words.ACTIONS[item.action], item.name, item.reason) for item in document.items]
    table(("Action", "Who", "Why"), rows)
    if document.more:
        say(f"… and {document.more:,} more: dirsync show {document.cycle} --csv held")
