"""Figures of the large suites, `n tried / n wrong` with their seed, for the end of a test run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FULL = os.environ.get("DIRSYNC_TEST_SCALE") == "full"
SEED = int(os.environ.get("DIRSYNC_TEST_SEED", "20260"))


@dataclass(kw_only=True)
class Figure:
    """How often something was tried, and how often it went wrong."""

    name: str
    seed: int = SEED
    tried: int = 0
    wrong: int = 0
    more: str = ""

    @contextmanager
    def trying(self, times: int = 1) -> Iterator[None]:
        """Count what happens in the block; it went wrong if anything is raised."""
        self.tried += times
        try:
            yield
        except BaseException:
            self.wrong += 1
            raise

    def __str__(self) -> str:
        more = f" ({self.more})" if self.more else ""
        return f"{self.name}: {self.tried} tried / {self.wrong} wrong, seed {self.seed}{more}"


FIGURES: list[Figure] = []


def figure(name: str) -> Figure:
    """Return a new figure that the run's end prints if anything was tried."""
    made = Figure(name=name)
    FIGURES.append(made)
    return made
