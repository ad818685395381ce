"""The verb that needs nothing: demo."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.runner import finish

MOST_PEOPLE = 100_000
MOST_LICENSES = 10_000_000


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(demo)


def demo(
    *,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="The page's port; otherwise 8765 or a free one."),
    ] = None,
    people: Annotated[
        int, typer.Option(min=1, max=MOST_PEOPLE, help="How many people the company has.")
    ] = 120,
    licenses: Annotated[
        int, typer.Option(min=0, max=MOST_LICENSES, help="How many licenses the account has.")
    ] = 100,
    database: Annotated[
        str | None,
        typer.Option(help="sqlite:///FILE or postgresql://…, kept afterwards; a demo's or empty."),
    ] = None,
    play: Annotated[
        bool, typer.Option("--play", help="Tell the whole story as text, and end.")
    ] = False,
    patience: Annotated[
        float | None,
        typer.Option(min=1, hidden=True, help="Seconds that a step of the story may take."),
    ] = None,
) -> None:
    """Try dirsync without Slack. A company, a chat page and a mailbox, on this machine only."""
    # Other verbs start without Slack's libraries.
    from bot.cli.demo_show import show  # noqa: PLC0415
    from bot.cli.demo_world import DemoRequest  # noqa: PLC0415
    from bot.demo.play import STORY_PEOPLE  # noqa: PLC0415
    from bot.demo.stage import PATIENCE, Figures  # noqa: PLC0415

    if play and people < STORY_PEOPLE:
        raise typer.BadParameter(f"The story needs at least {STORY_PEOPLE} people.")
    figures = Figures(people=people, licenses=licenses)
    request = DemoRequest(port=port, figures=figures, database_url=database)
    finish(show(request, patience=(patience or PATIENCE) if play else None))
