"""What changed since a time of the org's own clock.

Okta has no listing of changes; it filters by the time of the last update. That tells of everybody
who was created, changed, suspended or deactivated, and of each group that was renamed or whose
members changed. It tells nothing of who was deleted. Only somebody deactivated can be ("Deactivate
and delete user accounts"), so that this is news for a full cycle only where both happened between
two deltas; the System Log has it, too, but its right shows everybody's sign-ins.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from core.errors import WatermarkExpiredError
from core.model.directory import Watermark

_OVERLAP_SECONDS: Final = 300
_AHEAD_SECONDS: Final = 60
_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.000Z"


def mark(seconds: float) -> Watermark:
    """Return where a delta begins that starts at this time of the org.

    Some minutes earlier, since an update is stamped before it can be read.
    """
    return Watermark(datetime.fromtimestamp(seconds - _OVERLAP_SECONDS, UTC).strftime(_FORMAT))


def checked(since: Watermark, *, now: float) -> Watermark:
    """Return a watermark as Okta's filters want it; raise `WatermarkExpiredError` if it is none.

    One that lies in the org's future says that a clock was wrong when it was made.
    """
    try:
        moment = datetime.strptime(since, _FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise _expired("cannot be read") from error
    if moment.timestamp() > now + _AHEAD_SECONDS:
        raise _expired("lies in the future")
    return Watermark(moment.strftime(_FORMAT))


def people_since(since: Watermark) -> str:
    """Return the filter for people; somebody deactivated is among them."""
    return f'lastUpdated gt "{since}"'


def groups_since(since: Watermark) -> str:
    """Return the filter for groups whose profile or members changed."""
    return f'lastUpdated gt "{since}" or lastMembershipUpdated gt "{since}"'


def _expired(why: str) -> WatermarkExpiredError:
    return WatermarkExpiredError(
        f"Where the changes should begin {why}.", hint="A full read tells what changed."
    )
