"""Databases, the size of large suites, and what a skip means in CI."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from core.store.opening import Store, open_store
from tests.support.databases import BACKENDS, fresh_database
from tests.support.engine_world import ManualClock

_FULL = os.environ.get("DIRSYNC_TEST_SCALE") == "full"
_PATIENT = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "dirsync", _PATIENT, derandomize=True, max_examples=100 if _FULL else 40
)
hypothesis.settings.register_profile("explore", _PATIENT, max_examples=2_000)
hypothesis.settings.load_profile("dirsync")
"""The same examples in every run; `--hypothesis-profile explore` looks for new ones.

An example may take long on a busy machine; a test that hangs has a time-out."""

pytest_plugins = [
    "tests.support.economy",
    "tests.support.figures",
    "tests.support.ordering",
    "tests.support.sampling",
]
"""What is done once for all, the figures of the large suites, and what a sample leaves out."""


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a fresh, migrated database, of each kind in turn."""
    with fresh_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that moves when the test says so."""
    return ManualClock()


@pytest.fixture
async def store(database_url: str, clock: ManualClock) -> AsyncIterator[Store]:
    """Give an open store over each kind of database in turn."""
    async with await open_store(database_url, clock=clock, migrate=False) as opened:
        yield opened


@pytest.fixture
def scale() -> str:
    """Give "full" where large suites run their whole size (CI), else "sample"."""
    return "full" if _FULL else "sample"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where everything must be there (DIRSYNC_TEST_REQUIRE=all)."""
    report = yield
    required = os.environ.get("DIRSYNC_TEST_REQUIRE") == "all"
    if required and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but everything is required: {call.excinfo}"
    return report
