"""The verb about the audit: audit, audit verify."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from bot.cli.cycles import seconds
from bot.cli.output import Exit, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import minute
from bot.control import requests
from bot.control.audits import (
    AuditDocument,
    AuditEntryDocument,
    AuditPartDocument,
    AuditVerdictDocument,
)
from bot.control.documents import DoneDocument
from bot.slack.views import words
from bot.slack.views.audit import changes, deed
from core.errors import ConfigurationError, UsageError

_HEAD = ("No.", "When (UTC)", "Who", "Door", "What", "On what", "Changes", "Why")
Form = Literal["csv", "jsonl"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(audit)


def audit(
    action: Annotated[str | None, typer.Argument(help="verify")] = None,
    *,
    since: Annotated[str | None, typer.Option(help="For example 12h, 7d or 4w.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write all of it as CSV; - is stdout.")
    ] = None,
    jsonl: Annotated[
        Path | None, typer.Option("--jsonl", help="Write all of it as lines of JSON.")
    ] = None,
    head: Annotated[
        str, typer.Option(help="With verify: a head noted earlier, which must still be there.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List who did what, newest first. `verify` proves that nobody touched the list."""
    given = _Given(
        action=action, since=since, limit=limit, offset=offset, csv=csv, jsonl=jsonl, head=head
    )
    finish(_audit(given, as_json=as_json), as_json=as_json)


@dataclass(frozen=True, kw_only=True)
class _Given:
    action: str | None
    since: str | None
    limit: int
    offset: int
    csv: Path | None
    jsonl: Path | None
    head: str


async def _audit(given: _Given, *, as_json: bool) -> int:
    since = None if given.since is None else seconds(given.since)
    files = [(file, form) for file, form in _files(given) if file is not None]
    if given.action == "verify" and not files and since is None:
        return await _verify(given.head, as_json=as_json)
    if given.action is not None or given.head or len(files) > 1:
        raise UsageError(
            "Write: dirsync audit [--since 7d] [--csv FILE | --jsonl FILE], "
            "or dirsync audit verify [--head HASH]."
        )
    if files:
        return await _export(*files[0], since, as_json=as_json)
    request = requests.Audit(since=since, limit=given.limit, offset=given.offset)
    return await _list(request, as_json=as_json)


def _files(given: _Given) -> tuple[tuple[Path | None, Form], ...]:
    return (given.csv, "csv"), (given.jsonl, "jsonl")


async def _list(request: requests.Audit, *, as_json: bool) -> int:
    document = await ask(request, AuditDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    if document.entries:
        table(_HEAD, [_row(each) for each in document.entries])
        last = document.offset + len(document.entries)
        note(f"{document.offset + 1:,} to {last:,} of {document.total:,}, newest first")
    else:
        say("Nothing was done." if request.since or request.offset else "Nothing was done yet.")
    return Exit.SUCCESS


def _row(entry: AuditEntryDocument) -> tuple[object, ...]:
    return (
        entry.number,
        minute(entry.at),
        entry.name or entry.who,
        entry.door,
        deed(entry.action, allowed=entry.allowed),
        entry.subject,
        changes(entry.before, entry.after, entry.detail),
        entry.reason,
    )


async def _export(file: Path, form: Form, since: float | None, *, as_json: bool) -> int:
    rows = 0
    with _opened(file) as out:
        after: int | None = 0
        while after is not None:
            request = requests.AuditExport(form=form, since=since, after=after)
            part = await ask(request, AuditPartDocument)
            out.write(part.text.encode())
            rows, after = rows + part.rows, part.last
    stdout = str(file) == "-"
    where = "stdout" if stdout else file
    done = f"{words.several(rows, 'entry', 'entries')} written to {where}."
    if as_json and not stdout:
        print_json(DoneDocument(done=done))
    else:
        note(done)
    return Exit.SUCCESS


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """Open a new file, or stdout for ``-``; a file that cannot be finished is not left behind."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    try:
        with file.open("xb") as out, ExitStack() as unless_finished:
            unless_finished.callback(file.unlink, missing_ok=True)
            yield out
            unless_finished.pop_all()
    except FileExistsError as error:
        raise ConfigurationError(f"{file} is there already.", code="file_exists") from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}.", code="file_unwritable"
        ) from error


async def _verify(head: str, *, as_json: bool) -> int:
    document = await ask(requests.AuditVerify(head=head), AuditVerdictDocument)
    if as_json:
        print_json(document)
    elif document.whole:
        say(f"The audit is whole: {words.several(document.entries, 'entry', 'entries')}.")
        if document.head:
            say(f"Head: {document.head}")
    else:
        number = words.several(document.entries, "entry", "entries")
        say(f"The audit is not whole. It should have {number}.", style="bold red")
        for fault in document.faults:
            say(f"  {fault.message}")
    return Exit.SUCCESS if document.whole else Exit.FAILURE
