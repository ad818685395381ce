"""Measures logins and invitations: activations a minute, and 120 letters to a mail server.

``python -m tests.bench.bench_logins [sqlite|postgresql] [people]``

The logins come from a crowd of simultaneous requests, to the service itself and over HTTP, where
client and server share this process. Each person is invited before, and holds a license after;
the letters go to a real mail server on loopback. Beside the time by the clock stand the seconds
of processor that this process and the database's took, because other work on the machine counts
in the one and not in the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import psutil
import structlog

from core.app import open_core
from core.settings import Settings
from tests.support.databases import fresh_database
from tests.support.letterbox import Letterbox
from tests.support.login_site import ADMIN, login_site

CROWD = 100
LETTERS = 120
_FILE = """
licenses: {total: 1000}
configurations:
  - name: people
    provider: {type: csv, file: people.csv}
"""


class Cost:
    """The clock and the processor, from now on."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._start, self._used = time.perf_counter(), _processor(url)

    def of(self, number: int) -> str:
        """Return what so many cost."""
        seconds, used = time.perf_counter() - self._start, _processor(self._url) - self._used
        return (
            f"{number:,} in {seconds:6.2f} s = {number / seconds * 60:9,.0f} a minute, processor "
            f"{used:6.2f} s = {number / used * 60:9,.0f} a minute of one core"
        )


def _processor(url: str) -> float:
    """Return the seconds of processor that this process and the database's have used so far."""
    those = [psutil.Process()]
    folder = url.partition("?host=")[2]
    if folder:
        server = psutil.Process(
            int((Path(unquote(folder)) / "postmaster.pid").read_text().split()[0])
        )
        those += [server, *server.children(recursive=True)]
    times = [each.cpu_times() for each in those]
    return sum(each.user + each.system for each in times)


async def by_service(url: str, folder: Path, people: int) -> None:
    """Let everybody log in through the service, so many at once."""
    async with login_site(url, folder, people=people, licenses=people) as site:
        (application,) = await site.core.applications.list(ADMIN)
        numbers = iter(range(1, people + 1))
        found: Counter[str] = Counter()

        async def one_after_the_other() -> None:
            for number in numbers:
                email = f"u{number}@example.com"
                found[(await site.core.activation.log_in(application, email=email)).status] += 1

        cost = Cost(url)
        await asyncio.gather(*(one_after_the_other() for _ in range(CROWD)))
        print(f"service: activated  {cost.of(people)} {dict(found)}")


async def over_http(url: str, folder: Path, people: int) -> None:
    """Let everybody log in over HTTP, so many at once; then once more."""
    async with login_site(url, folder, people=people, licenses=people) as site:
        numbers = iter(range(1, people + 1))
        found: Counter[str] = Counter()

        async def one_after_the_other() -> None:
            for number in numbers:
                found[await site.status(f"u{number}@example.com")] += 1

        for name in ("HTTP: activated", "HTTP: logged in"):
            cost = Cost(url)
            await asyncio.gather(*(one_after_the_other() for _ in range(CROWD)))
            print(f"{name:19} {cost.of(people)} {dict(found)}")
            numbers = iter(range(1, people + 1))
            found.clear()
        used = (await site.core.licenses.summary(ADMIN)).used
        print(f"licenses in use     {used:,}")


async def letters(url: str, folder: Path) -> None:
    """Sync 120 people, and wait until the mail server has a letter for each of them."""
    rows = [f"{n},m{n}@example.com,Person {n}" for n in range(1, LETTERS + 1)]
    (folder / "people.csv").write_text("\n".join(["id,email,name", *rows, ""]))
    with Letterbox() as box:
        settings = Settings.from_environment(
            {
                "DIRSYNC_DATABASE_URL": url,
                "DIRSYNC_CREDENTIALS_DIR": str(folder),
                "DIRSYNC_SMTP_URL": box.url,
                "DIRSYNC_PUBLIC_URL": "https://sync.example",
            }
        )
        async with open_core(settings, notifier=None, background=True) as core:
            await core.configurations.apply(ADMIN, _FILE, source="f.yaml")
            start = time.perf_counter()
            await core.sync.request(ADMIN, "people")
            while len(box.letters) < LETTERS:  # noqa: ASYNC110 - the mail server has its own thread
                await asyncio.sleep(0.005)
            seconds = time.perf_counter() - start
        receivers = {receiver for receiver, _ in box.letters}
    print(
        f"letters             {len(box.letters)} to {len(receivers)} people in {seconds:6.2f} s, "
        "from the start of the cycle"
    )


def main() -> None:
    """Run each on a fresh database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    backend = sys.argv[1] if len(sys.argv) > 1 else "postgresql"
    people = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    works = (partial(by_service, people=people), partial(over_http, people=people), letters)
    print(f"{backend}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for work in works:
        with tempfile.TemporaryDirectory() as name, fresh_database(backend, Path(name)) as url:
            asyncio.run(work(url, Path(name)))


if __name__ == "__main__":
    main()
