"""The verbs about mail: how it looks, and what came back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.output import Exit, answer, note, print_json, say
from bot.cli.runner import JsonOption, ask, finish
from bot.control import requests
from bot.control.documents import DoneDocument, MailDocument
from bot.control.opening import Need
from core.app import SystemClock
from core.errors import UsageError
from core.mail.bounces import LONGEST, read_report
from core.mail.message import build_message
from core.mail.templates import Templates, sample
from core.model.account import MailPurpose
from core.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="How mail looks, and what came back.", no_args_is_help=True)
    group.command()(preview)
    group.command()(bounce)
    app.add_typer(group, name="mail")


def preview(
    purpose: Annotated[
        MailPurpose, typer.Argument(help="invitation or welcome.")
    ] = MailPurpose.INVITATION,
    *,
    to: Annotated[
        Path | None, typer.Option(help="Write the message to FILE: .html, else as a .eml.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a message as it would be sent. Mistakes in your templates are told by file and line."""
    finish(_preview(purpose, to, as_json=as_json), as_json=as_json)


def bounce(
    files: Annotated[list[Path], typer.Argument(help="Delivery reports; - for standard input.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Take in delivery reports. Whose invitation came back is told until it is sent again."""
    finish(_bounce(files, as_json=as_json), as_json=as_json)


async def _preview(purpose: MailPurpose, to: Path | None, *, as_json: bool) -> int:
    settings = Settings.from_environment()
    given = sample(purpose)
    templates = Templates(settings.mail_templates_dir)
    words = templates.render(given, public_url=settings.public_url or "https://dirsync.example")
    if as_json:
        shown = MailDocument(subject=words.subject.strip(), text=words.text, html=words.html)
        print_json(shown)
    elif to is None:
        say(f"Subject: {words.subject.strip()}", style="bold")
        say(words.text)
    if to is None:
        return Exit.SUCCESS
    message = build_message(given, words, sender=settings.mail_from, clock=SystemClock())
    content = words.html.encode() if to.suffix == ".html" else message.as_bytes()
    _write(to, content)
    note(f"Written to {to}.")
    return Exit.SUCCESS


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}).") from None


async def _bounce(files: list[Path], *, as_json: bool) -> int:
    told = []
    for file in files:
        found = read_report(_content(file))
        if found is None:
            told.append(f"{file}: nothing of ours came back for good.")
            continue
        request = requests.MailBounce(message_id=found.message_id, status=found.status)
        document = await ask(request, DoneDocument, need=Need.WRITE)
        told.append(f"{file}: {document.done}")
    done = DoneDocument(done="\n".join(told))
    return answer(done, done.done, as_json=as_json)


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(LONGEST + 1)
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}).") from None
