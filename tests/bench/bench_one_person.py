"""How long a sync of one person takes where the scope is a group, per provider.

    .venv/bin/python -m tests.bench.bench_one_person [--people 2000] [--groups 500] [--only okta]

The strict servers of the tests stand for the vendors, on loopback and in the same process, so that
`requests` is the figure to take along: times the delay of one request to the vendor. Everybody is
in ten groups and in one that has everybody. "all groups" is what reading every group takes, which
such a sync did before providers were asked whose groups somebody is in.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from core.model.configuration import Scope
from core.model.one_person import PersonStep
from core.store.opening import open_store
from tests.contract.providers.harness import HARNESSES, Backend, Person
from tests.support.engine_world import ManualClock
from tests.support.store_world import store_world

WHO = ("entra-secret", "google", "okta-token", "scim-index", "ldap", "csv-file")
OF = 10
"""Groups that everybody is in."""
CASES = {
    "in a group of 40": ("group-7", True),
    "in none of it": ("group-7", False),
    "in a group of everybody": ("everybody", True),
}


def company(people: int, groups: int) -> list[Person]:
    """Return people, each in ten groups and in the one of everybody."""
    return [
        Person(
            key=f"p{n:05d}",
            groups=("everybody", *(f"group-{(n * OF + k) % groups}" for k in range(OF))),
        )
        for n in range(people)
    ]


async def one_person(backend: Backend, folder: str, group: str, key: str) -> list[object]:
    """Run a cycle for one person; return its time, its requests and what was said of the scope."""
    url = f"sqlite:///{folder}/{group}-{key}.db"
    async with await open_store(url, clock=ManualClock(), migrate=True):
        pass
    async with store_world(url, scope=Scope(groups=(group,))) as world:
        world.directory = await backend.open(page_size=100)
        begun = time.perf_counter()
        _, cycle = await world.one_person(f"{key}@example.com")
        seconds = time.perf_counter() - begun
        await world.directory.aclose()
        run = await world.store.cycles.person_run(cycle.id)
    assert run is not None
    (said,) = [note.text for note in run.steps if note.step is PersonStep.SCOPE]
    return [seconds, cycle.requests, said]


async def all_groups(backend: Backend) -> list[object]:
    """Read and decode every group."""
    provider = await backend.open(page_size=100)
    begun, read = time.perf_counter(), 0
    async with aclosing(provider.read_groups()) as pages:
        async for page in pages:
            read += len([provider.decode_group(raw) for raw in page.records])
    found = [time.perf_counter() - begun, provider.requests, f"{read} groups"]
    await provider.aclose()
    return found


async def measured(name: str, people: list[Person]) -> None:
    """Print the rows of one provider."""
    start, harness = HARNESSES[name]
    with tempfile.TemporaryDirectory() as folder, start() as common:
        async with harness(Path(folder), common) as backend:
            await backend.start(people)
            inside = next(one.key for one in people if "group-7" in one.groups)
            outside = next(one.key for one in people if "group-7" not in one.groups)
            rows = {
                case: await one_person(backend, folder, group, inside if held else outside)
                for case, (group, held) in CASES.items()
            }
            rows["all groups"] = await all_groups(backend)
    for case, (seconds, requests, said) in rows.items():
        print(f"| {name} | {case} | {seconds:.2f} | {requests} | {said} |", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--only", nargs="+", default=WHO)
    options = parser.parse_args()
    people = company(options.people, options.groups)
    print(f"{options.people:,} people, {options.groups} groups")
    print("| provider | who | seconds | requests | said |")
    print("|---|---|---|---|---|")
    for name in options.only:
        asyncio.run(measured(name, people))


if __name__ == "__main__":
    main()
