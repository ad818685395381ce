"""The tree of verbs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from typer.core import TyperGroup

from bot.cli import (
    apps,
    audit,
    config,
    conflicts,
    cycles,
    database,
    demo,
    doctor,
    held,
    invite,
    licenses,
    mail,
    manifest,
    notify,
    people,
    roles,
    schedule,
    secrets,
    serve,
    why,
)

REGISTER: tuple[Callable[[typer.Typer], None], ...] = (
    demo.register,
    serve.register,
    cycles.register,
    people.register,
    invite.register,
    mail.register,
    licenses.register,
    why.register,
    apps.register,
    held.register,
    conflicts.register,
    config.register,
    schedule.register,
    notify.register,
    roles.register,
    secrets.register,
    audit.register,
    database.register,
    doctor.register,
    manifest.register,
)
"""In the order of `dirsync --help`."""


def build() -> typer.Typer:
    """Return the command with all its verbs."""
    app = typer.Typer(
        name="dirsync",
        help="Keep an application's account in step with a company's identity provider.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for register in REGISTER:
        register(app)
    app.command("help")(help_)
    return app


def help_(
    context: typer.Context,
    verb: Annotated[list[str] | None, typer.Argument(help="Such as: config apply.")] = None,
) -> None:
    """Explain dirsync, or one verb."""
    found = context.find_root()
    command = found.command
    for word in verb or ():
        inner = command.get_command(found, word) if isinstance(command, TyperGroup) else None
        if inner is None:
            raise typer.BadParameter(f"There is no verb {' '.join(verb or ())}.")
        command, found = inner, typer.Context(inner, info_name=word, parent=found)
    typer.echo(command.get_help(found))


def _version(shown: bool) -> None:  # noqa: FBT001 - called by the option's parser
    if shown:
        typer.echo(installed_version())
        raise typer.Exit


def _options(
    *,
    shown: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Keep an application's account in step with a company's identity provider."""
    del shown


def installed_version() -> str:
    """Return the version, or "source" when it runs from a source tree."""
    try:
        return version("slack-dirsync")
    except PackageNotFoundError:
        return "source"
