"""The verbs about configurations, `config …`; those about their life are in `lifecycle`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import lifecycle
from bot.cli.output import Exit, note, print_json, say, table
from bot.cli.runner import JsonOption, ask, finish
from bot.cli.words import moment
from bot.control import requests
from bot.control.documents import (
    AppliedDocument,
    CheckDocument,
    ConfigurationDocument,
    ConfigurationsDocument,
    TextDocument,
)
from bot.control.opening import Need
from core.errors import ConfigurationError, UsageError
from core.model.directory import CheckStatus
from core.model.form import KINDS
from core.services.configuration_example import example_file

NameArgument = Annotated[str, typer.Argument(help="Name or unique prefix.")]
LARGEST = 200_000
_MARKS = {
    CheckStatus.OK: "✅",
    CheckStatus.WARNING: "🟡",
    CheckStatus.FAILED: "❌",
    CheckStatus.SKIPPED: "⚪",
}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Configurations: one identity provider each.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(apply)
    group.command()(export)
    group.command()(example)
    group.command("test")(try_)
    lifecycle.register(group)
    app.add_typer(group, name="config")


def list_(*, as_json: JsonOption = False) -> None:
    """List the configurations."""
    finish(_list(as_json=as_json), as_json=as_json)


def show(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Show one configuration; secrets are references."""
    finish(_show(name, as_json=as_json), as_json=as_json)


def apply(
    file: Annotated[Path, typer.Argument(help="A YAML file; - reads standard input.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Store what a configuration file says. Applying it twice changes nothing."""
    finish(_apply(file, as_json=as_json), as_json=as_json)


def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; otherwise stdout.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the configuration file that says what is stored."""
    finish(_export(file, as_json=as_json), as_json=as_json)


def example(
    kind: Annotated[
        str | None, typer.Argument(help="One of those that are listed without it.")
    ] = None,
) -> None:
    """Print a file to start from. Without a kind, the kinds of providers are listed."""
    finish(_example(kind))


def try_(
    name: Annotated[str | None, typer.Argument(help="Name or unique prefix.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Ask the provider whether everything is as it should be."""
    finish(_test(name, as_json=as_json), as_json=as_json)


async def _list(*, as_json: bool) -> int:
    document = await ask(requests.ConfigList(), ConfigurationsDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    rows = [
        (
            each.name,
            "enabled" if each.enabled else "disabled",
            each.revision,
            moment(each.created_at),
        )
        for each in document.configurations
    ]
    if rows:
        table(("Name", "State", "Revision", "Created"), rows)
    else:
        say("There is no configuration yet. dirsync config example prints one to start from.")
    return Exit.SUCCESS


async def _show(name: str, *, as_json: bool) -> int:
    document = await ask(requests.ConfigShow(name=name), ConfigurationDocument)
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    say(document.name, style="bold")
    rows = [(key, _short(value)) for key, value in document.spec.items() if key != "name"]
    table(("Key", "Value"), rows)
    return Exit.SUCCESS


async def _apply(file: Path, *, as_json: bool) -> int:
    text = _read(file)
    source = "stdin" if str(file) == "-" else file.name
    request = requests.ConfigApply(text=text, source=source)
    document = await ask(request, AppliedDocument, need=Need.WRITE)
    if as_json:
        print_json(document)
    else:
        for name, outcome in document.configurations.items():
            say(f"{name}: {outcome}")
    return Exit.SUCCESS


async def _export(file: Path | None, *, as_json: bool) -> int:
    document = await ask(requests.ConfigExport(), TextDocument)
    if file is not None:
        _write(file, document.text)
        note(f"Written to {file}.")
    if as_json:
        print_json(document)
    elif file is None:
        sys.stdout.write(document.text)
    return Exit.SUCCESS


async def _example(kind: str | None) -> int:
    if kind is None:
        table(("Kind", "What it is"), [(each.key, each.label) for each in KINDS])
        note("dirsync config example KIND > dirsync.yaml")
        return Exit.SUCCESS
    fitting = [each for each in KINDS if each.key == kind] or [
        each for each in KINDS if each.key.startswith(kind)
    ]
    if not fitting:
        raise UsageError(f"There is no kind {kind}: dirsync config example lists them.")
    sys.stdout.write(example_file(fitting[0]))
    return Exit.SUCCESS


async def _test(name: str | None, *, as_json: bool) -> int:
    document = await ask(requests.ConfigTest(name=name), CheckDocument)
    return print_check(document, as_json=as_json)


def print_check(document: CheckDocument, *, as_json: bool) -> int:
    """Print what a check found; the status is 1 if something failed."""
    if as_json:
        print_json(document)
        return Exit.SUCCESS if document.ok else Exit.FAILURE
    if document.company:
        say(document.company, style="bold")
    for line in document.lines:
        say(f"{_MARKS[line.status]} {line.name}: {line.detail}".rstrip(": "))
        if line.hint:
            say(f"   {line.hint}")
    if document.sample:
        say("People seen: " + ", ".join(document.sample))
    return Exit.SUCCESS if document.ok else Exit.FAILURE


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_short(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return str(value)


def _read(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read(LARGEST + 1) if str(file) == "-" else _head(file)
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}.", code="file_unreadable"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file} is not a text in UTF-8.", code="file_unreadable"
        ) from error


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LARGEST + 1)


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise ConfigurationError(f"{file} is there already.", code="file_exists") from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}.", code="file_unwritable"
        ) from error
