"""The question "are you still there?", asked once for each absentee whom the guard lets through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from core.engine.context import Meter
from core.errors import PermissionMissingError, RemoteError, SignInError
from core.model.directory import ExternalId, Presence

CONCURRENCY = 8


@dataclass(kw_only=True, slots=True)
class Confirmation:
    """What the provider said of the absentees.

    Attributes:
        asked: people or groups that were asked for, one request each.
        still_there: of them, those who are there and active.
        unconfirmed: of them, those of whom the provider could not say anything.
    """

    asked: int = 0
    still_there: int = 0
    unconfirmed: int = 0

    @property
    def agrees(self) -> bool:
        """Everybody who was asked for is gone or disabled."""
        return not self.still_there and not self.unconfirmed


Read = Callable[[ExternalId], Awaitable[Presence]]


async def confirm(meter: Meter, absentees: Iterable[ExternalId], *, read: Read) -> Confirmation:
    """Ask for each absentee, a few at a time. Raises if the provider refuses the credentials."""
    result = Confirmation()
    waiting = sorted(absentees)
    for start in range(0, len(waiting), CONCURRENCY):
        batch = waiting[start : start + CONCURRENCY]
        for answer in await asyncio.gather(*(_ask(read, one) for one in batch)):
            result.asked += 1
            result.still_there += answer is Presence.ACTIVE
            result.unconfirmed += answer is None
        await meter.advance(0)
    return result


async def _ask(read: Read, absentee: ExternalId) -> Presence | None:
    try:
        return await read(absentee)
    except (SignInError, PermissionMissingError):
        raise
    except RemoteError:
        return None
