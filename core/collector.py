"""The garbage collector, set for a program that is large and makes little garbage in circles."""

from __future__ import annotations

import gc
from functools import cache

_PATIENCE = 50_000


def be_patient() -> None:
    """Let the collector wait for more objects than usual; call it before what is large is loaded.

    Loading the program makes a quarter of a million objects, and going through them again and
    again would be a fifth of its start.
    """
    gc.set_threshold(_PATIENCE)


@cache
def spare_the_program() -> None:
    """Keep what a process has by now out of the collector's full passes.

    Going through all modules holds the event loop for a tenth of a second each time, and never
    finds anything. Once a process, because what is garbage at that moment stays, too.
    """
    gc.freeze()
