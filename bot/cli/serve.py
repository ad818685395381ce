"""The verb that serves: run."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from bot.cli.output import Exit
from bot.cli.runner import finish
from core.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(run)


def run(
    *,
    no_slack: Annotated[
        bool, typer.Option("--no-slack", help="Schedules and the command line only.")
    ] = False,
) -> None:
    """Run dirsync: Slack, schedules, cycles, deliveries, health. SIGTERM ends it cleanly."""
    finish(_run(slack=not no_slack), log_level=logging.INFO)


async def _run(*, slack: bool) -> int:
    from bot.app import run as run_app  # noqa: PLC0415 - other verbs start without Slack's libraries

    await run_app(Settings.from_environment(), slack=slack)
    return Exit.SUCCESS
