"""Files with long tests come first, so that no worker is left alone with one at the end.

pytest-xdist hands out whole files in this order; see ``--no-loadscope-reorder``.
"""

from __future__ import annotations

import pytest

FOLDERS = ("e2e", "contract", "slack", "web", "migration", "architecture", "unit")
LONG = (
    "test_demo.py",
    "test_wheel.py",
    "test_kills.py",
    "test_activation.py",
    "test_app_rights.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; what is in a file keeps its order."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[int, int]:
    folder = item.path.parent.name
    place = FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)
    long = LONG.index(item.path.name) if item.path.name in LONG else len(LONG)
    return long, place
