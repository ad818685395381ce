"""Whole cycles per provider, in one table: first, unchanged, 1 % changed, throttled.

    .venv/bin/python -m tests.bench.bench_vendors [--people 20000] [--groups 500] [--only okta]

Each line is a cycle in a process of its own, through the worker, on SQLite, once the provider was
tried, as in a process that runs already; pages come from servers that hand out rendered ones.
``work`` is the processor's time of that process and its children, which other work on the machine
does not change much, and ``server`` that of the page server. ``of SCIM`` compares with the same
cycle of the SCIM provider, ``of full`` a delta with the full cycle of the same change; behind them
stands what is promised. What is due is a delta where the provider lists changes. ``requests`` are
those that the server counted, by kind, and behind them how many pages there are of that kind;
Entra's pages of members come twenty in one, Google's fifty. A throttled server has a tenth of the
people and groups and refuses every tenth request for a second. LDAP needs slapd and the extra;
without them it is left out, and ``bench_ldap`` compares it with only reading.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import importlib.util
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from tests.bench.scim_pages import DEPARTMENTS, MAPPING, person
from tests.support.scim_backend import TOKEN
from tests.vendors.google_tokens import ADMIN, key_file

SECRET = "env:DIRSYNC_CREDENTIAL_T"
FIRST, SAME = "first", "nothing changed"
FULL, DELTA = "1 % changed, full", "1 % changed, as due"
THROTTLED = "first, throttled, a tenth"
KINDS = ("people", "groups", "members")
PAGES = {"scim": (1000, 1000), "okta": (200, 200), "google": (500, 200), "entra": (999, 999)}
"""People and groups a page."""
IN_ONE = {"entra": 20, "google": 50}
"""Pages of members in one request."""
OF_SCIM, OF_FULL = 1.5, 0.1


class Row(TypedDict):
    """What was measured of one cycle."""

    seconds: float
    work: float
    counted: dict[str, float]
    outcome: str


@dataclass(kw_only=True)
class Directory:
    """A directory of the benchmark: how a configuration reads it, and how 1 % of it changes."""

    provider: dict[str, object]
    folder: str
    origin: str = ""

    def ask(self, path: str) -> None:
        """Tell the page server something, where there is one."""
        if self.origin:
            with urllib.request.urlopen(f"{self.origin}{path}", timeout=600) as answer:
                answer.read()

    def change(self, turn: int) -> None:
        """Give every hundredth person another title."""
        self.ask(f"/become/{'one-percent' if turn % 2 else 'same'}")


@dataclass(kw_only=True)
class CsvFile(Directory):
    """A file that is written anew."""

    people: int = 0
    groups: int = 0

    def write(self, variant: str) -> None:
        """Write everybody, in the groups that the page servers have them in."""
        of: dict[int, list[str]] = {}
        for group in range(1, self.groups + 1):
            for k in range(40):
                of.setdefault((group * 97 + k) % self.people + 1, []).append(f"Group {group}")
        with (Path(self.folder) / "people.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "user name", "email", "name", "title", "department", "groups"])
            for n in range(1, self.people + 1):
                one, part = person(n, variant), DEPARTMENTS[n % len(DEPARTMENTS)]
                name = one["userName"]
                row = [n, name, name, one["displayName"], one["title"], part]
                writer.writerow([*row, "|".join(of.get(n, ()))])

    def change(self, turn: int) -> None:
        self.write("one-percent" if turn % 2 else "same")


@contextmanager
def pages(module: str, people: int, groups: int, *more: str) -> Iterator[str]:
    """Run a page server in a process of its own and yield its origin."""
    command = [sys.executable, "-m", module, f"--people={people}", f"--groups={groups}", *more]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.communicate("")


@contextmanager
def served(kind: str, people: int, groups: int) -> Iterator[Directory]:
    """Serve one directory."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "csv":
            directory = CsvFile(
                provider={"type": "csv", "file": "people.csv"},
                folder=folder,
                people=people,
                groups=groups,
            )
            directory.write("same")
            yield directory
        elif kind == "ldap":
            yield from _ldap(people, groups, folder)
        else:
            more = ("--filter",) if kind == "scim" else ()
            with pages(f"tests.bench.{kind}_pages", people, groups, *more) as origin:
                yield Directory(provider=_provider(kind, origin), folder=folder, origin=origin)


def _provider(kind: str, origin: str) -> dict[str, object]:
    if kind == "scim":
        return {"type": "scim", "url": f"{origin}/scim/v2", "token": SECRET}
    if kind == "okta":
        return {"type": "okta", "url": origin, "token": SECRET}
    if kind == "google":
        return {
            "type": "google",
            "admin": ADMIN,
            "service_account": "env:DIRSYNC_CREDENTIAL_K",
            "url": origin,
            "login_url": f"{origin}/token",
        }
    return {
        "type": "entra",
        "tenant": "contoso.example",
        "client_id": "dirsync",
        "client_secret": SECRET,
        "url": f"{origin}/v1.0",
        "login_url": origin,
    }


def _ldap(people: int, groups: int, folder: str) -> Iterator[Directory]:
    from tests.bench.bench_ldap import entries, settings_of
    from tests.support.slapd import PEOPLE, running_slapd

    with running_slapd(ldif=entries(people, groups)) as server:
        chosen = {k: v for k, v in asdict(settings_of(server.port)).items() if v is not None}

        class Slapd(Directory):
            def change(self, turn: int) -> None:
                for n in range(people // 100):
                    server.change(f"cn=p{n},{PEOPLE}", title=f"Director {turn}")

        yield Slapd(provider=chosen, folder=folder)


async def one_cycle(
    provider: str, folder: str, database: str, full: str, origin: str
) -> dict[str, object]:
    """Open dirsync on the database, run one cycle through its worker, and say what it took."""
    from core.app import open_core
    from core.model.account import Actor, Role
    from core.settings import Settings

    actor = Actor(id="cli:bench", name="bench", role=Role.ADMIN, door="cli")
    mapping = ", ".join(f"{field}: {path}" for field, path in MAPPING.items())
    file = (
        "licenses: {total: 100}\nconfigurations:\n  - name: bench\n"
        f"    provider: {provider}\n    guard: {{max_creations: 1000000}}\n"
        f"    mapping: {{{mapping}}}\n    invitations: {{send: staged}}\n"
    )
    settings = Settings.from_environment(
        {
            "DIRSYNC_DATABASE_URL": database,
            "DIRSYNC_CREDENTIAL_T": TOKEN,
            "DIRSYNC_CREDENTIAL_K": key_file(),
            "DIRSYNC_CREDENTIALS_DIR": folder,
        }
    )
    async with open_core(settings, notifier=None, background=True, allow_loopback=True) as core:
        await core.configurations.apply(actor, file, source="bench.yaml")
        await core.configurations.test(actor, "bench")
        counted_at(origin)
        before = _worked()
        queued = await core.sync.request(actor, "bench", full=full == "full")
        cycle = [seen async for seen in core.sync.wait(queued.id, poll=0.2)][-1]
    # The LDAP process counts once it has ended, which is when everything is closed.
    worked = _worked() - before
    assert cycle.finished_at is not None
    counts = cycle.counts
    return {
        "seconds": (cycle.finished_at - cycle.requested_at).total_seconds(),
        "work": worked,
        "counted": counted_at(origin),
        "outcome": f"{cycle.result}, {cycle.reading or 'full'}, {counts.created:,} created, "
        f"{counts.updated:,} updated {cycle.error.message if cycle.error else ''}".rstrip(),
    }


def counted_at(origin: str) -> dict[str, float]:
    """Return what a page server counted since the last question; nothing where there is none."""
    if not origin:
        return {}
    with urllib.request.urlopen(f"{origin}/requests", timeout=600) as answer:
        found: dict[str, float] = json.load(answer)
    return found


def _worked() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def child(directory: Directory, database: str, *, full: bool = False) -> Row:
    """Run one cycle in a process of its own."""
    how = "full" if full else "any"
    more = [json.dumps(directory.provider), directory.folder, database, how, directory.origin]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_vendors", "--child", *more],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: Row = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(kind: str, people: int, groups: int, rounds: int) -> dict[str, Row]:
    """Run the cycles of one provider; of alike ones the one that took the least work counts."""
    found = {}
    with served(kind, people, groups) as directory, tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/bench.db"
        directory.change(0)
        found[FIRST] = child(directory, database)
        found[SAME] = least(child(directory, database, full=True) for _ in range(rounds))
        found[FULL] = least(changed(directory, database, range(rounds), full=True))
        found[DELTA] = least(changed(directory, database, range(rounds, 2 * rounds)))
    if kind in PAGES:
        found[THROTTLED] = throttled(kind, people // 10, groups // 10)
    return found


def changed(
    directory: Directory, database: str, turns: range, *, full: bool = False
) -> Iterator[Row]:
    """Run a cycle after each change."""
    for turn in turns:
        directory.change(turn + 1)
        yield child(directory, database, full=full)


def least(rows: Iterable[Row]) -> Row:
    """Return the row of the least work, which other work on the machine disturbed least."""
    return min(rows, key=lambda row: row["work"])


def throttled(kind: str, people: int, groups: int) -> Row:
    """Run the first cycle of a provider that is throttled."""
    with served(kind, people, groups) as directory, tempfile.TemporaryDirectory() as folder:
        directory.ask("/throttle")
        return child(directory, f"sqlite:///{folder}/bench.db")


def requests(kind: str, name: str, counted: dict[str, float], people: int, groups: int) -> str:
    """Return how many requests came, by kind, of how many pages there are; "-" for none."""
    if not counted:
        return "-"
    if name == DELTA and counted["changes"]:
        return f"{counted['changes']} of changes, {counted['other'] + counted['members']} more"
    share = 10 if name == THROTTLED else 1
    people, groups, sizes = people // share, groups // share, PAGES[kind]
    # SCIM shows a group's members in the group itself.
    of_members = 0 if kind == "scim" else math.ceil(groups / IN_ONE.get(kind, 1))
    pages = (math.ceil(people / sizes[0]), math.ceil(groups / sizes[1]), of_members)
    texts = [f"{counted[one]}/{there} {one}" for one, there in zip(KINDS, pages, strict=True)]
    return f"{', '.join(texts)}, {counted['changes'] + counted['other']} more"


def line(kind: str, name: str, row: Row, rows: dict[str, Row], unit: Row) -> tuple[str, ...]:
    """Return a line's cells but for the requests."""
    work = row["work"]
    counted = row["counted"]
    of_scim, of_full = work / unit["work"], work / rows[FULL]["work"]
    bound = kind not in {"scim", "ldap"} and name in {FIRST, SAME, FULL}
    is_delta = ", delta," in row["outcome"]
    outcome = row["outcome"]
    if name == THROTTLED:
        outcome += f", {counted['refused']} refused"
    return (
        kind,
        name,
        f"{row['seconds']:.2f}",
        f"{work:.2f}",
        f"{counted['work']:.2f}" if counted else "-",
        _promised(of_scim, OF_SCIM) if bound else f"{of_scim:.2f}",
        _promised(of_full, OF_FULL) if is_delta else "-",
        outcome,
    )


def _promised(found: float, bound: float) -> str:
    return f"{found:.2f} {'<=' if found <= bound else 'is over'} {bound}"


def main() -> None:
    """Measure, or be one measured child."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    everyone = ["scim", "entra", "okta", "google", "ldap", "csv"]
    parser.add_argument("--only", nargs="+", choices=everyone, default=everyone)
    parser.add_argument("--child", nargs=5)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asyncio.run(one_cycle(*options.child))))
        return
    can_ldap = shutil.which("slapd") and importlib.util.find_spec("bonsai")
    print(f"{options.people:,} people, {options.groups} groups of 40, SQLite")
    print("| provider | cycle | seconds | work | server | of SCIM | of full | outcome | requests |")
    print("|---|---|---|---|---|---|---|---|---|")
    unit: dict[str, Row] = {}
    for kind in dict.fromkeys(["scim", *options.only]):
        if kind == "ldap" and not can_ldap:
            continue
        rows = measured(kind, options.people, options.groups, options.rounds)
        unit = unit or rows
        for name, row in rows.items():
            came = requests(kind, name, row["counted"], options.people, options.groups)
            cells = (*line(kind, name, row, rows, unit[name]), came)
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
