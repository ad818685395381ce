"""The verb `schedule`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.output import Exit, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import minute
from bot.control import requests
from bot.control.documents import ScheduleDocument
from bot.control.opening import Need
from bot.grammar import split
from core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(schedule)


def schedule(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIGURATION] [WHEN]...",
            help="WHEN: every 1h | hourly | daily 02:00 Europe/Berlin | weekly mon 02:00 | "
            'cron "0 2 * * *" | off | freeze fri 18:00 until mon 06:00 | freeze off',
        ),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show when a configuration starts by itself. With a schedule, shows its starts, then asks."""
    finish(_schedule(tuple(words or ()), yes=yes, as_json=as_json), as_json=as_json)


async def _schedule(words: tuple[str, ...], *, yes: bool, as_json: bool) -> int:
    name, when = (words[0], words[1:]) if words else (None, ())
    look = requests.ScheduleLook(configuration=name, words=when)
    shown = await ask(look, ScheduleDocument)
    if shown.changed:
        if not yes:
            _agree(shown)
        request = requests.ScheduleSave(
            configuration_id=shown.configuration_id,
            revision=shown.revision,
            words=tuple(split(shown.asked)),
        )
        shown = await ask(request, ScheduleDocument, need=Need.WRITE)
    if as_json:
        print_json(shown)
        return Exit.SUCCESS
    say(f"{shown.configuration}: {shown.schedule}", style="bold")
    if shown.starts:
        table(_head(shown), _rows(shown))
    say(shown.remark)
    for line in _freezes(shown):
        say(line)
    return Exit.SUCCESS


def _agree(shown: ScheduleDocument) -> None:
    """Show what is proposed, and go on only if somebody agrees."""
    if shown.new_freezes:
        _agree_to_freezes(shown)
        return
    note(f"{shown.configuration}: from {shown.present} to {shown.schedule}")
    for local, *utc in _rows(shown):
        note(f"  {local}" + "".join(f"   {each} UTC" for each in utc))
    note(shown.remark)
    _confirm("Save this schedule?")


def _agree_to_freezes(shown: ScheduleDocument) -> None:
    for line in _freezes(shown) or [f"{shown.configuration}: nothing is frozen at any time"]:
        note(line)
    _confirm("Save these freezes?")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to be asked.", hint="Give --yes to save this.")
    typer.confirm(question, abort=True, err=True)


def _freezes(shown: ScheduleDocument) -> list[str]:
    lines = []
    for number, each in enumerate(shown.freezes, start=1):
        following = "over"
        if each.begins is not None and each.ends is not None:
            following = f"next {each.begins.local} to {each.ends.local}"
        lines.append(f"Freeze {number}: {each.words} ({following})")
    return lines


def _head(shown: ScheduleDocument) -> tuple[str, ...]:
    return (f"Next starts, {shown.timezone}", "UTC")[: _columns(shown)]


def _rows(shown: ScheduleDocument) -> list[tuple[str, ...]]:
    return [(start.local, minute(start.at))[: _columns(shown)] for start in shown.starts]


def _columns(shown: ScheduleDocument) -> int:
    """Return 1 where the schedule's own time zone is UTC, else 2."""
    return 1 if shown.timezone == "UTC" else 2
