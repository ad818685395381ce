"""Listings that are not there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TypeVar

P = TypeVar("P")


async def nothing() -> AsyncGenerator[P, None]:
    """Yield no page: what a provider does not have, or a configuration does not want."""
    pages: tuple[P, ...] = ()
    for page in pages:
        yield page
