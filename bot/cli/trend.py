"""`dirsync licenses --trend` and `--picture`: the last 90 days."""

from __future__ import annotations

from pathlib import Path

from bot.cli.output import Exit, note, print_json, say
from bot.cli.runner import ask
from bot.control import requests
from bot.control.desk import LicenseDeskDocument
from bot.slack import pictures
from bot.slack.views import trend
from core.errors import ConfigurationError, UsageError
from core.model.desk import LicenseDay


async def show_trend(picture: Path | None, *, as_json: bool) -> int:
    """Print how the licenses were used, and write the picture of it if a file is named.

    Raises `UsageError` without the extra, `ConfigurationError` for a file that cannot be written.
    """
    document = await ask(requests.LicenseDesk(), LicenseDeskDocument)
    days = [
        LicenseDay(day=each.day, total=each.total, used=each.used, waiting=each.waiting)
        for each in document.days
    ]
    if picture is not None:
        _write(picture, trend.daily(days, document.as_of))
        note(f"The picture is in {picture}.")
    if as_json:
        print_json(document)
        return Exit.SUCCESS
    line = trend.sparkline(days, document.as_of)
    if line:
        say(line)
    say(trend.in_words(days, document.as_of))
    return Exit.SUCCESS


def _write(file: Path, days: list[LicenseDay]) -> None:
    if not pictures.can_draw():
        raise UsageError(
            "Pictures take the extra charts.", hint="pip install 'slack-dirsync[charts]'"
        )
    try:
        file.write_bytes(pictures.trend_picture(days))
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from error
