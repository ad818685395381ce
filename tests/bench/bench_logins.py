"""Measures logins and invitations: activations a minute, and 120 letters to a mail server.

``python -m tests.bench.bench_logins [sqlite|postgresql] [people]``

The logins go over HTTP, from a crowd of simultaneous requests, through the server that
`dirsync run` has; client and server share this process. Each person is invited before, and
holds a license after; the letters go to a real mail server on loopback.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

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


async def logins(url: str, folder: Path, people: int) -> None:
    """Let everybody log in, so many at once; then once more."""
    async with login_site(url, folder, people=people, licenses=people) as site:
        numbers = iter(range(1, people + 1))
        found: Counter[str] = Counter()

        async def one_after_the_other() -> None:
            for number in numbers:
                found[await site.status(f"u{number}@example.com")] += 1

        for name in ("activations", "further logins"):
            start = time.perf_counter()
            await asyncio.gather(*(one_after_the_other() for _ in range(CROWD)))
            seconds = time.perf_counter() - start
            rate = people / seconds * 60
            print(f"{name:16} {people:,} in {seconds:6.2f} s = {rate:9,.0f} a minute {dict(found)}")
            numbers = iter(range(1, people + 1))
            found.clear()
        used = (await site.core.licenses.summary(ADMIN)).used
        print(f"licenses in use  {used:,}")


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
        f"letters          {len(box.letters)} to {len(receivers)} people in {seconds:6.2f} s, "
        "from the start of the cycle"
    )


def main() -> None:
    """Run both on a fresh database each."""
    backend = sys.argv[1] if len(sys.argv) > 1 else "postgresql"
    people = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    for work in (lambda url, folder: logins(url, folder, people), letters):
        with tempfile.TemporaryDirectory() as name, fresh_database(backend, Path(name)) as url:
            asyncio.run(work(url, Path(name)))


if __name__ == "__main__":
    main()
