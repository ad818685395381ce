"""The verb about the license pool: licenses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.asking import ask_people
from bot.cli.last_sync import note_last_sync
from bot.cli.output import Exit, answer, note, print_json, say, table
from bot.cli.reserves import keep, kept_line
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.trend import show_trend
from bot.cli.words import license_words
from bot.control import requests
from bot.control.desk import LicenseDeskDocument
from bot.control.documents import LicensesDocument
from bot.control.opening import Need
from bot.grammar import parse
from bot.slack.views import license_desk, words
from bot.slack.views.asking import ANSWERS
from core.errors import UsageError
from core.model.desk import Forecast, Unused

_WHY = {Unused.NO_LOGIN: "no login", Unused.NOT_ACCEPTED: "has not come"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(licenses)


def licenses(
    action: Annotated[str | None, typer.Argument(help="set, keep, release or ask")] = None,
    number: Annotated[int | None, typer.Argument(min=0)] = None,
    *,
    group: Annotated[
        str | None, typer.Option(help="The group that licenses are kept for, or released by.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    trend: Annotated[
        bool, typer.Option("--trend", help="Show how they were used over the last 90 days.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Write that as a picture (PNG): needs the extra charts.")
    ] = None,
    unused: Annotated[
        str | None, typer.Option(help="List who made no use of theirs for so long: 30d.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the licenses and when they run out.

    `set 120` says how many there are. `keep 10 --group NAME` keeps so many of them for a group,
    `release --group NAME` ends that.
    `ask` asks people who made no use of theirs, by direct message, whether they need it.
    """
    if action is None and number is None and group is None and (trend or picture is not None):
        finish(show_trend(picture, as_json=as_json), as_json=as_json)
    work = _licenses(action, number, group, unused, yes=yes, as_json=as_json)
    finish(work, as_json=as_json)


async def _licenses(
    action: str | None,
    number: int | None,
    group: str | None,
    unused: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    if action == "ask" and number is None and group is None:
        idle = None if unused is None else _seconds(unused)
        return await ask_people(idle, yes=yes, as_json=as_json)
    _require_sense(action, number, group, unused)
    if group is not None:
        return await keep(group, number or 0, yes=yes, as_json=as_json)
    if number is not None:
        return await _set(number, as_json=as_json)
    request = requests.LicenseDesk(unused=None if unused is None else _seconds(unused))
    document = await ask(request, LicenseDeskDocument)
    if as_json:
        print_json(document)
    else:
        _print(document, named=unused is not None)
        await note_last_sync()
    return Exit.SUCCESS


def _require_sense(
    action: str | None, number: int | None, group: str | None, unused: str | None
) -> None:
    """Refuse what does not go together. Raises `UsageError`."""
    wants = {None: (False, False), "set": (True, False), "keep": (True, True)}
    wants["release"] = (False, True)
    if (number is not None, group is not None) != wants.get(action):
        raise UsageError(
            "Write: dirsync licenses, licenses set 120, licenses keep 10 --group NAME, licenses "
            "release --group NAME, or licenses ask."
        )
    if unused is not None and action is not None:
        raise UsageError("Either change something, or list who could give one up.")


def _seconds(text: str) -> float:
    found = parse(f'licenses --unused "{text}"').duration("unused")
    if found is None:
        raise UsageError("Say for how long: 30d.")
    return found.total_seconds()


async def _set(total: int, *, as_json: bool) -> int:
    document = await ask(requests.Licenses(total=total), LicensesDocument, need=Need.WRITE)
    return answer(document, license_words(document), as_json=as_json)


def _print(document: LicenseDeskDocument, *, named: bool) -> None:
    say(license_desk.bar(document.used, document.total))
    say(license_words(document))
    if not document.total:
        note("To say how many there are: dirsync licenses set 100")
    for each in document.kept_for:
        say(kept_line(each))
    forecast = document.forecast
    say(
        license_desk.outlook(
            Forecast(
                outlook=forecast.outlook,
                day=forecast.day,
                per_day=forecast.per_day,
                over=forecast.over,
            )
        )
    )
    days = words.several(document.unused_days, "day")
    say(
        f"Unused for {days}: {document.no_login:,} without a login, "
        f"{document.not_accepted:,} invited who did not come."
    )
    if not document.logins_known:
        note("No application tells of logins yet, so nobody counts as without one: dirsync apps.")
    if named and document.unused:
        rows = [
            (
                each.name,
                each.who,
                f"{each.since:%Y-%m-%d}",
                _WHY[each.reason],
                ANSWERS[each.answer] if each.answer else "",
            )
            for each in document.unused
        ]
        table(("Name", "Address", "Since", "Why", "Answer"), rows)
