"""The verb that prints the Slack app manifest."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

import typer

from bot.cli.output import Exit
from bot.cli.runner import finish
from core.errors import ConfigurationError

SOCKET_MODE = "slack-app.yaml"
HTTP_MODE = "slack-app.http.yaml"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(manifest)


def manifest(
    *,
    http: Annotated[bool, typer.Option("--http", help="For HTTP instead of Socket Mode.")] = False,
) -> None:
    """Print the Slack app manifest, to paste at api.slack.com/apps."""
    finish(_manifest(HTTP_MODE if http else SOCKET_MODE))


def manifest_file(name: str) -> Traversable:
    """Return a manifest: of the installed package, or of the source tree."""
    packaged = files("bot") / "_manifests" / name
    return packaged if packaged.is_file() else files("bot") / ".." / "manifests" / name


async def _manifest(name: str) -> int:
    try:
        text = manifest_file(name).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The manifest {name} is missing from this installation.", code="manifest_missing"
        ) from error
    sys.stdout.write(text)
    return Exit.SUCCESS
