"""The end of a run prints the figures of the large suites."""

from __future__ import annotations

import pytest

from tests.support.figures import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tried = [figure for figure in FIGURES if figure.tried]
    if tried:
        terminalreporter.section("figures")
        for figure in tried:
            terminalreporter.write_line(str(figure))
