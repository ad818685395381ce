"""The verb `why`: one person's story over all cycles."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.output import Exit, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import minute, moment
from bot.control import requests
from bot.control.trails import StandingDocument, TrailEventDocument, WhyDocument
from bot.slack.views import words
from bot.slack.views.why import action_words, attributes, kept_words, told


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(why)


def why(
    who: Annotated[str, typer.Argument(help="An address, or part of a name.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Tell why somebody is in the account or not. One timeline over all cycles."""
    finish(_why(who, as_json=as_json), as_json=as_json)


async def _why(who: str, *, as_json: bool) -> int:
    document = await ask(requests.Why(who=who), WhyDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    user = document.user
    state = "not in the account" if user is None else words.STATUSES[user.status]
    licensed = ", with a license" if user is not None and user.licensed else ""
    say(f"{document.name}: {state}{licensed}", style="bold")
    if document.waits:
        say(document.waits)
    for standing in document.standings:
        _say(standing)
    if document.earlier:
        note(f"{document.earlier:,} earlier events are not shown.")
    rows = [_row(event) for event in document.events]
    if rows:
        table(("When (UTC)", "What", "Why", "By", "Cycle"), rows)
    return Exit.SUCCESS


def _say(standing: StandingDocument) -> None:
    say(f"{standing.configuration}: {standing.scope}")
    say(f"  matched {standing.match}")
    if standing.only_on_create:
        say(f"  {kept_words(standing.only_on_create)}")
    seen = f"  first seen {moment(standing.first_seen)}, last {moment(standing.last_seen)}"
    if standing.last_cycle is not None:
        seen += f" (cycle {standing.last_cycle})"
    if standing.absent_since is not None:
        seen += f", missing since {moment(standing.absent_since)}"
    say(seen)


def _row(event: TrailEventDocument) -> tuple[str, ...]:
    changed = attributes(event.before, event.after)
    text = event.text
    if event.times > 1:
        text = told(text, event.times, moment(event.until))
    text += f" [{changed}]" if changed else ""
    by = event.by_name or event.by
    return minute(event.at), action_words(event.what), text, by, event.cycle or ""
