"""What every process of a run would do again and again is done once."""

from __future__ import annotations

import compileall
import gc

import pytest

from core.collector import be_patient

be_patient()


def pytest_configure(config: pytest.Config) -> None:
    """Compile the program before the workers and the commands that tests start all do."""
    if not hasattr(config, "workerinput"):
        for package in ("bot", "core"):
            compileall.compile_dir(config.rootpath / package, quiet=2)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the program and the tests out of the garbage collector's passes."""
    gc.freeze()
