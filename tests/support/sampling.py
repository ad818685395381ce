"""Outside of full scale, a case that runs on every database runs on one of them.

Which one is drawn by the seed and the test's name, so that both are met in every part. Pages that
are looked at in the light and in the dark are looked at in the light.
"""

from __future__ import annotations

import zlib

import pytest

from tests.support.databases import BACKENDS
from tests.support.figures import FULL, SEED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the databases that were not drawn."""
    if FULL:
        return
    kept, left_out = [], []
    for item in items:
        backend = _backend(item)
        case = item.nodeid.replace(backend, "") if backend else ""
        drawn = BACKENDS[zlib.crc32(f"{SEED}{case}".encode()) % len(BACKENDS)]
        chosen = backend in {"", drawn} and "dark" not in _values(item)
        (kept if chosen else left_out).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


def _values(item: pytest.Item) -> list[object]:
    call = getattr(item, "callspec", None)
    return list(call.params.values()) if call is not None else []


def _backend(item: pytest.Item) -> str:
    return next((str(value) for value in _values(item) if value in BACKENDS), "")
