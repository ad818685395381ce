"""What a cycle's end means for its configuration."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TypeAlias

from core.model.configuration import Configuration
from core.model.cycle import Cycle
from core.model.events import NewOutboxItem


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a cycle's end means for its configuration.

    Attributes:
        success: the directory could be read and the cycle was carried through, or None if this
            cycle says nothing about that.
        stopped_reason: the error that stops the schedule, or None.
        alerts: what the channel is told beside the card.
    """

    success: bool | None
    stopped_reason: str | None = None
    alerts: tuple[NewOutboxItem, ...] = ()


Judge: TypeAlias = Callable[[Configuration, Cycle, Container[str]], Verdict]
"""Judges a finished cycle; the third are the codes of earlier failures since the last success."""
