"""The verb about the license pool: licenses."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.output import Exit, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import license_words
from bot.control import requests
from bot.control.desk import LicenseDeskDocument
from bot.control.documents import LicensesDocument
from bot.control.opening import Need
from bot.grammar import parse
from bot.slack.views import license_desk, words
from core.errors import UsageError
from core.model.desk import Forecast, Unused

_WHY = {Unused.NO_LOGIN: "no login", Unused.NOT_ACCEPTED: "has not come"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(licenses)


def licenses(
    action: Annotated[str | None, typer.Argument(help="set")] = None,
    total: Annotated[int | None, typer.Argument(min=0)] = None,
    *,
    unused: Annotated[
        str | None, typer.Option(help="List who made no use of theirs for so long: 30d.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the licenses and when they run out; `licenses set N` says how many there are."""
    finish(_licenses(action, total, unused, as_json=as_json), as_json=as_json)


async def _licenses(
    action: str | None, total: int | None, unused: str | None, *, as_json: bool
) -> int:
    if (action is None) != (total is None) or action not in {None, "set"}:
        raise UsageError("Write: dirsync licenses, or dirsync licenses set 120.")
    if total is not None:
        if unused is not None:
            raise UsageError("Either set the total, or list who could give one up.")
        return await _set(total, as_json=as_json)
    request = requests.LicenseDesk(unused=None if unused is None else _seconds(unused))
    document = await ask(request, LicenseDeskDocument)
    if as_json:
        print_json(document)
    else:
        _print(document, named=unused is not None)
    return Exit.SUCCESS


def _seconds(text: str) -> float:
    found = parse(f'licenses --unused "{text}"').duration("unused")
    if found is None:
        raise UsageError("Say for how long: 30d.")
    return found.total_seconds()


async def _set(total: int, *, as_json: bool) -> int:
    document = await ask(requests.Licenses(total=total), LicensesDocument, need=Need.WRITE)
    if as_json:
        print_json(document)
    else:
        say(license_words(document))
    return Exit.SUCCESS


def _print(document: LicenseDeskDocument, *, named: bool) -> None:
    say(license_desk.bar(document.used, document.total))
    say(license_words(document))
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
            (each.name, each.who, f"{each.since:%Y-%m-%d}", _WHY[each.reason])
            for each in document.unused
        ]
        table(("Name", "Address", "Since", "Why"), rows)
