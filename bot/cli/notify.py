"""The verbs about messages: notify list, add, remove, mute, unmute, test."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.output import Exit, answer, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import lost_words, moment
from bot.control import requests
from bot.control.documents import DoneDocument
from bot.control.notices import NotifyDocument
from bot.control.opening import Need
from bot.slack.views.notify import kinds_said
from core.errors import UsageError
from core.model.subscriptions import NoticeKind

Changing = requests.NotifyAdd | requests.NotifyRemove | requests.NotifyMute | requests.NotifyUnmute
ChannelArgument = Annotated[str, typer.Argument(help="A Slack channel id (C…).")]
KindsArgument = Annotated[
    list[str] | None,
    typer.Argument(help=", ".join(kind.value for kind in NoticeKind) + "; all by default."),
]
ConfigurationOption = Annotated[
    str | None, typer.Option("--configuration", help="Of this configuration only.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Which channel is told of what.", invoke_without_command=True)
    group.callback()(_bare)
    group.command("list")(list_)
    group.command()(add)
    group.command()(remove)
    group.command()(mute)
    group.command()(unmute)
    group.command("test")(try_)
    app.add_typer(group, name="notify")


def _bare(context: typer.Context, *, as_json: JsonOption = False) -> None:
    if context.invoked_subcommand is None:
        list_(as_json=as_json)


def list_(*, as_json: JsonOption = False) -> None:
    """Show where what goes. Also what is muted, and which channels take no message."""
    finish(_list(as_json=as_json), as_json=as_json)


def add(
    channel: ChannelArgument,
    kinds: KindsArgument = None,
    *,
    configuration: ConfigurationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a channel of these kinds from now on. Replaces what it was told before."""
    request = requests.NotifyAdd(
        channel=channel, kinds=tuple(kinds or ()), configuration=configuration
    )
    finish(_change(request, as_json=as_json), as_json=as_json)


def remove(
    channel: ChannelArgument,
    *,
    configuration: ConfigurationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a channel of nothing more."""
    request = requests.NotifyRemove(channel=channel, configuration=configuration)
    finish(_change(request, as_json=as_json), as_json=as_json)


def mute(
    kinds: KindsArgument = None,
    *,
    length: Annotated[str, typer.Option("--for", help="Such as 30m, 4h or 2d.")] = "",
    until: Annotated[
        str, typer.Option("--until", help='Such as 18:00, or "mon 08:00 Europe/Berlin".')
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Post nothing new of these kinds for a while. A day by default, a week at most."""
    finish(_mute(tuple(kinds or ()), length, until, as_json=as_json), as_json=as_json)


def unmute(kinds: KindsArgument = None, *, as_json: JsonOption = False) -> None:
    """Let these kinds be heard again."""
    finish(
        _change(requests.NotifyUnmute(kinds=tuple(kinds or ())), as_json=as_json), as_json=as_json
    )


def try_(
    channel: Annotated[str | None, typer.Argument(help="A Slack channel id.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Queue a message that is labelled as a test."""
    finish(_test(channel, as_json=as_json), as_json=as_json)


async def _test(channel: str | None, *, as_json: bool) -> int:
    request = requests.NotifyTest(channel=channel)
    document = await ask(request, DoneDocument, need=Need.WRITE)
    return answer(document, document.done, as_json=as_json)


async def _mute(kinds: tuple[str, ...], length: str, until: str, *, as_json: bool) -> int:
    if length and until:
        raise UsageError("Give --for or --until, not both.")
    return await _change(requests.NotifyMute(kinds=kinds, until=length or until), as_json=as_json)


async def _list(*, as_json: bool) -> int:
    return _shown(await ask(requests.NotifyList(), NotifyDocument), as_json=as_json)


async def _change(request: Changing, *, as_json: bool) -> int:
    found = await ask(request, NotifyDocument, need=Need.WRITE, slack=True)
    return _shown(found, as_json=as_json)


def _shown(document: NotifyDocument, *, as_json: bool) -> int:
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    rows = _rows(document)
    if rows:
        table(("Channel", "Is told of", "About", ""), rows)
    else:
        say("No channel is set: cards go where a sync is typed.")
    for each in document.mutes:
        say(f"muted: {each.about} until {moment(each.until)}, by {each.by}")
    for lost in document.lost:
        note(lost_words(lost))
    if document.unheard:
        note(f"No channel is told of {kinds_said(document.unheard)}.")
    if document.unchecked:
        note("Slack is not connected here, so the channel was not tried.")
    return Exit.SUCCESS


def _rows(document: NotifyDocument) -> list[tuple[str, str, str, str]]:
    lost = {each.channel for each in document.lost}
    subscribed = {e.channel for e in document.subscriptions if e.configuration is None}
    rows = [
        (
            each.channel,
            "everything",
            ", ".join(name or "whatever has no channel" for name in each.configurations),
            "lost" if each.channel in lost else "",
        )
        for each in document.defaults
        if each.channel not in subscribed
    ]
    return rows + [
        (
            each.channel,
            kinds_said(each.kinds),
            each.configuration or "all",
            "lost" if each.channel in lost else "",
        )
        for each in document.subscriptions
    ]
