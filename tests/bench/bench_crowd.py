"""Measures that licenses are exact: 500 people at once for 100 licenses, again and again.

``python -m tests.bench.bench_crowd [repeats] [people] [licenses]``

Four client processes send a request for each of the people at the same moment, against one server
process on SQLite and against four on one PostgreSQL; meanwhile another connection looks how many
licenses are in use. One line a database says what was seen over all repeats.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.support.crowd import CLIENTS, crowd
from tests.support.databases import fresh_database

SEED = 20260
HEAD = (
    "database",
    "servers",
    "clients",
    "repeats",
    "activated",
    "waiting, told",
    "other",
    "most in use",
    "looks",
    "alerts",
    "exact",
    "seconds",
)
LINE = "{:<11} {:>7} {:>7} {:>7} {:>10} {:>13} {:>6} {:>12} {:>8} {:>7} {:>9} {:>8}"


async def measure(
    backend: str, url: str, folder: Path, *, repeats: int, people: int, licenses: int
) -> str:
    """Return the line of one database."""
    servers = 4 if backend == "postgresql" else 1
    chance = Random(SEED)
    answers: Counter[str] = Counter()
    exact = most = looks = alerts = 0
    async with crowd(url, folder, servers=servers, people=people, licenses=licenses) as those:
        start = time.perf_counter()
        for _ in range(repeats):
            seen = await those.come(chance)
            answers += seen.answers
            most, looks, alerts = max(most, seen.most), looks + seen.looks, alerts + seen.alerts
            exact += (
                seen.answers == {"activated": licenses, "waiting": people - licenses}
                and seen.places == list(range(1, people - licenses + 1))
                and seen.used == licenses
                and seen.most <= licenses
                and seen.alerts == 1
            )
        seconds = time.perf_counter() - start
    other = sum(answers.values()) - answers["activated"] - answers["waiting"]
    figures = (f"{answers['activated']:,}", f"{answers['waiting']:,}", other, most, f"{looks:,}")
    return LINE.format(
        backend, servers, CLIENTS, repeats, *figures, alerts, f"{exact}/{repeats}", f"{seconds:.1f}"
    )


def main() -> None:
    """Run on a fresh database of each kind."""
    repeats, people, licenses = (
        int(sys.argv[n]) if len(sys.argv) > n else default
        for n, default in ((1, 100), (2, 500), (3, 100))
    )
    print(f"{people} people, {licenses} licenses, seed {SEED}, {os.cpu_count()} cores")
    print(LINE.format(*HEAD))
    for backend in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as name, fresh_database(backend, Path(name)) as url:
            work = measure(
                backend, url, Path(name), repeats=repeats, people=people, licenses=licenses
            )
            print(asyncio.run(work), flush=True)


if __name__ == "__main__":
    main()
