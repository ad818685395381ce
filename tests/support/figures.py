"""Figures of the large suites, `n tried / n wrong` with their seed, for the end of a test run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

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
_LINES: list[str] = []


def figure(name: str) -> Figure:
    """Return a new figure that the run's end prints if anything was tried."""
    made = Figure(name=name)
    FIGURES.append(made)
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand this worker's figures to the process that reports, where tests run side by side."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = [str(figure) for figure in FIGURES if figure.tried]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take a worker's figures."""
    _LINES.extend(getattr(node, "workeroutput", {}).get("figures", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print all figures."""
    lines = _LINES + [str(figure) for figure in FIGURES if figure.tried]
    if lines:
        terminalreporter.section("figures")
        for line in sorted(lines):
            terminalreporter.write_line(line)
