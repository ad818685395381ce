"""The verbs about cycles: sync, preview, cancel, status, history, show."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Literal

import typer

from bot.cli.last_sync import ended
from bot.cli.output import Exit, exit_of_cycle, note, print_json, say, table
from bot.cli.progress import shown_progress
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import (
    counted,
    license_words,
    lost_words,
    minute,
    moment,
    print_report,
    queue_words,
    state_words,
)
from bot.control import requests
from bot.control.documents import (
    ConfigurationStatusDocument,
    CycleReport,
    HistoryDocument,
    StatusDocument,
    TextDocument,
)
from bot.control.opening import Need
from core.errors import UsageError
from core.model.wording import provider_name

ConfigurationArgument = Annotated[
    str | None, typer.Argument(help="Name or unique prefix; not needed if there is only one.")
]
CycleArgument = Annotated[str | None, typer.Argument(help="A cycle's id or unique prefix.")]
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(sync)
    app.command()(preview)
    app.command()(cancel)
    app.command()(status)
    app.command()(history)
    app.command()(show)


def sync(
    configuration: ConfigurationArgument = None,
    *,
    full: Annotated[bool, typer.Option("--full", help="Read everything anew.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Plan only; change nothing.")] = False,
    user: Annotated[
        str | None, typer.Option("--user", help="Only this person: an address, user name or id.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Print the cycle's id and leave it to dirsync run.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the account in step with the identity provider. Waits for the result."""
    request = requests.Sync(
        configuration=configuration, full=full, preview=preview, user=user, wait=not no_wait
    )
    finish(_sync(request, as_json=as_json), as_json=as_json)


def preview(configuration: ConfigurationArgument = None, *, as_json: JsonOption = False) -> None:
    """Show what a sync would do, and change nothing."""
    request = requests.Sync(configuration=configuration, preview=True)
    finish(_sync(request, as_json=as_json), as_json=as_json)


def cancel(cycle: CycleArgument = None, *, as_json: JsonOption = False) -> None:
    """Stop a cycle between two batches; what is done stays done."""
    finish(_cancel(cycle, as_json=as_json), as_json=as_json)


def status(*, as_json: JsonOption = False) -> None:
    """Show where everything stands."""
    finish(_status(as_json=as_json), as_json=as_json)


def history(
    configuration: ConfigurationArgument = None,
    *,
    result: Annotated[
        str | None, typer.Option("--status", help="success, partial, failure or cancelled.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="For example 12h, 7d or 4w.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """List the cycles, newest first."""
    finish(_history(configuration, result, since, limit, offset, as_json=as_json), as_json=as_json)


def show(
    cycle: CycleArgument = None,
    *,
    csv: Annotated[
        Literal["log", "plan", "held"] | None,
        typer.Option("--csv", help="Print the log, the plan or the held set as CSV."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one cycle. By default the latest: counts, causes of errors, samples."""
    if csv is not None:
        finish(_download(cycle, csv, as_json=as_json), as_json=as_json)
    finish(_show(cycle, as_json=as_json), as_json=as_json)


async def _sync(request: requests.Sync, *, as_json: bool) -> int:
    need = Need.WORK if request.wait else Need.WRITE
    async with shown_progress() as tell:
        report = await ask(request, CycleReport, need=need, tell=tell)
    return told(report, as_json=as_json, waited=request.wait)


def told(report: CycleReport, *, as_json: bool, waited: bool) -> int:
    """Print how a cycle ended, or that it is queued, and return the exit status."""
    if as_json:
        print_json(report)
    elif waited:
        print_report(report)
    else:
        say(report.cycle.id)
        note(f"{report.cycle.configuration} is queued; it runs as soon as dirsync run is there.")
    held = report.held is not None and report.held.state.value == "open"
    return exit_of_cycle(report.cycle.result if waited else None, held=held)


async def _cancel(cycle: str | None, *, as_json: bool) -> int:
    report = await ask(requests.Cancel(cycle=cycle), CycleReport, need=Need.WRITE)
    if as_json:
        print_json(report)
    else:
        print_report(report)
    return Exit.SUCCESS


async def _status(*, as_json: bool) -> int:
    document = await ask(requests.Status(), StatusDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    rows = [
        (
            line.name,
            provider_name(line.provider),
            _state(line),
            "-" if line.last is None else ended(line.last),
            minute(line.next_slot, "by hand"),
        )
        for line in document.configurations
    ]
    if rows:
        table(("Configuration", "Provider", "State", "Last", "Next (UTC)"), rows)
    for line in document.configurations:
        if line.last is not None:
            note(f"To see the last sync of {line.name}: dirsync show {line.last.id}")
    people = [f"{number:,} {status.value}" for status, number in document.people.items() if number]
    say("People: " + (", ".join(people) or "nobody yet") + ".")
    say(license_words(document.licenses))
    if document.invitations.mails or document.invitations.slack:
        say(queue_words(document.invitations))
    notices = [*document.notices, *map(lost_words, document.lost)]
    for notice in notices:
        say(notice, style="yellow")
    return Exit.SUCCESS


def _state(line: ConfigurationStatusDocument) -> str:
    if line.open_cycle is not None:
        return state_words(line.open_cycle)
    if line.enabled and line.quarantined:
        return f"🚧 Quarantine, next try at {moment(line.next_slot)}"
    if not line.enabled:
        return "⏸ Disabled"
    return "🔑 Sign-in needed" if line.stopped_reason else "enabled"


async def _history(
    configuration: str | None,
    result: str | None,
    since: str | None,
    limit: int,
    offset: int,
    *,
    as_json: bool,
) -> int:
    document = await ask(
        requests.History(
            configuration=configuration,
            result=result,
            since=None if since is None else seconds(since),
            limit=limit,
            offset=offset,
        ),
        HistoryDocument,
    )
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    rows = [
        (
            cycle.id,
            minute(cycle.requested_at),
            cycle.configuration,
            state_words(cycle) + (" (preview)" if cycle.preview else ""),
            counted(cycle),
        )
        for cycle in document.cycles
    ]
    if rows:
        table(("Cycle", "When (UTC)", "Configuration", "Result", "What"), rows)
        note(f"{offset + 1} to {offset + len(rows)} of {document.total:,}")
    else:
        say("No cycle matches." if result or since or offset else "There has been no cycle yet.")
    return Exit.SUCCESS


async def _show(cycle: str | None, *, as_json: bool) -> int:
    report = await ask(requests.Show(cycle=cycle), CycleReport)
    if as_json:
        print_json(report)
    else:
        print_report(report)
    return Exit.SUCCESS


async def _download(
    cycle: str | None, kind: Literal["log", "plan", "held"], *, as_json: bool
) -> int:
    if cycle is None:
        raise UsageError("Name the cycle whose CSV you want.")
    document = await ask(requests.Download(cycle=cycle, kind=kind), TextDocument)
    if as_json:
        print_json(document)
    else:
        sys.stdout.buffer.write(document.text.encode())
    return Exit.SUCCESS


def seconds(text: str) -> float:
    """Return a length of time that was typed; raises `UsageError`."""
    match = re.fullmatch(r"([0-9]{1,5})([mhdw])", text.strip())
    if match is None:
        raise UsageError("A length of time is written like 12h, 7d or 4w.")
    return float(int(match[1]) * _UNITS[match[2]])
