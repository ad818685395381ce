"""`dirsync licenses ask`: whether people still need the license that they made no use of."""

from __future__ import annotations

import sys

import typer

from bot.cli.output import Exit, note, print_json, say
from bot.cli.runner import ask
from bot.control import requests
from bot.control.desk import AskingDocument
from bot.control.opening import Need
from bot.slack.views import asking, words
from core.errors import UsageError
from core.model.asking import Asking


async def ask_people(idle: float | None, *, yes: bool, as_json: bool) -> int:
    """Ask them, once it was said how many they are; a running dirsync writes to them."""
    look = requests.LicenseAsk(unused=idle)
    found = await ask(look, AskingDocument, need=Need.WRITE)
    if not as_json:
        note(asking.effect(Asking(idle_days=found.idle_days, due=found.due, lately=found.lately)))
    if found.due and not yes:
        number = words.people(found.due)
        if not sys.stdin.isatty():
            raise UsageError("Nobody is there to be asked.", hint=f"Give --yes to ask {number}.")
        typer.confirm(f"Ask {number}?", abort=True, err=True)
    request = requests.LicenseAsk(unused=idle, seen=found.due)
    done = await ask(request, AskingDocument, need=Need.WRITE)
    if as_json:
        print_json(done)
    elif done.asked:
        say(f"{words.people(done.asked)} will be asked as soon as dirsync runs with Slack.")
    return Exit.SUCCESS
