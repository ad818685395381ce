"""`dirsync licenses keep` and `release`: licenses kept back for groups."""

from __future__ import annotations

import sys

import typer

from bot.cli.output import answer, note
from bot.cli.runner import ask
from bot.cli.words import license_words, pool_of
from bot.control import requests
from bot.control.desk import ReserveChangeDocument
from bot.control.documents import ReserveDocument
from bot.control.opening import Need
from bot.slack.views import reserves, words
from core.errors import UsageError
from core.model.desk import ReserveChange
from core.model.reserves import Reserve


async def keep(group: str, count: int, *, yes: bool, as_json: bool) -> int:
    """Keep licenses for a group, or release them with 0, once the effect was seen."""
    request = requests.LicenseKeep(group=group, count=count)
    seen = await ask(request, ReserveChangeDocument, need=Need.WRITE)
    change = _change(seen)
    if not as_json:
        note(" ".join(reserves.effect(change)))
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Nobody is there to be asked.", hint="Give --yes to do it.")
        typer.confirm(f"{reserves.title(change)}?", abort=True, err=True)
    request = requests.LicenseKeep(
        group=seen.group, count=count, seen=(seen.before.total, seen.kept_before)
    )
    done = await ask(request, ReserveChangeDocument, need=Need.WRITE)
    return answer(done, license_words(done.after), as_json=as_json)


def kept_line(reserve: ReserveDocument) -> str:
    """Return what is kept for a group and how much of it is in use."""
    return words.reserve_line(
        Reserve(
            configuration_id="",
            external_id="",
            group=reserve.group,
            group_id=0 if reserve.present else None,
            kept=reserve.kept,
            used=reserve.used,
        )
    )


def _change(document: ReserveChangeDocument) -> ReserveChange:
    return ReserveChange(
        wanted=Reserve(
            configuration_id="",
            external_id="",
            group=document.group.partition("/")[2],
            group_id=0,
            kept=document.count,
        ),
        kept_before=document.kept_before,
        before=pool_of(document.before),
        after=pool_of(document.after),
        holding=document.holding,
        members=document.members,
    )
