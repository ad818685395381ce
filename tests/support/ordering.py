"""Two workers more than there are processors, and files with long tests first.

Much of a test's time is waiting: for a process to start, for a lease to end. No worker is to be
left alone with a long file at the end: pytest-xdist hands out whole files in this order; see
``--no-loadscope-reorder``.
"""

from __future__ import annotations

import os

import pytest

FOLDERS = ("e2e", "contract", "slack", "web", "migration", "architecture", "unit")
LONG = (
    "test_demo_story.py",
    "test_wheel.py",
    "test_kills.py",
    "test_store_faults.py",
    "test_cli_verbs.py",
    "test_chat_page.py",
)


def pytest_xdist_auto_num_workers() -> int:
    """Return what ``--numprocesses auto`` means."""
    known = hasattr(os, "sched_getaffinity")
    return (len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1) + 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; what is in a file keeps its order."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[int, int]:
    folder = item.path.parent.name
    place = FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)
    long = LONG.index(item.path.name) if item.path.name in LONG else len(LONG)
    return long, place
