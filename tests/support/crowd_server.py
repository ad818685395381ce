"""One server of the login API as a process: ``python -m tests.support.crowd_server FOLDER``.

It takes lines of JSON on stdin and answers each with one. ``{"begin": people, "licenses": n}``
fills the account and answers with an application's token, ``{"reset": true}`` puts everybody back
to invited, ``{"count": true}`` says how it stands. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

import structlog

from bot.web.logins import Logins
from bot.web.rate import Rates
from bot.web.server import web_server
from core.app import Core, open_core
from core.model.cycle import CycleState
from core.settings import Settings
from core.store.database import Transaction
from tests.support.lines import say
from tests.support.login_site import ADMIN, NoMail

FILE = """
licenses: {{total: {licenses}}}
configurations:
  - name: people
    provider: {{type: csv, file: people.csv}}
"""
RESET = (
    """
UPDATE users SET status = 'invited', licensed = FALSE, place = NULL, last_login_at = NULL,
    activated_at = NULL
WHERE account_id = :account AND status IN ('active', 'waiting')
""",
    "DELETE FROM outbox WHERE account_id = :account AND kind = 'alert'",
    "UPDATE license_pool SET alerted = 0 WHERE account_id = :account",
)
ALERTS = "SELECT count(*) FROM outbox WHERE account_id = :account AND kind = 'alert'"
UNLIMITED = Rates(burst=1_000_000, per_second=1_000_000)


async def begin(core: Core, folder: Path, people: int, licenses: int) -> dict[str, object]:
    """Fill the account with invited people."""
    rows = [f"{n},u{n}@example.com,Person {n}" for n in range(1, people + 1)]
    (folder / "people.csv").write_text("\n".join(["id,email,name", *rows, ""]))
    await core.configurations.apply(ADMIN, FILE.format(licenses=licenses), source="f.yaml")
    cycle = await core.sync.request(ADMIN, "people")
    async for seen in core.sync.wait(cycle.id, poll=0.01):
        if seen.state is CycleState.FINISHED:
            break
    _, token = await core.applications.create(ADMIN, "portal")
    return {"token": token}


async def reset(core: Core) -> dict[str, object]:
    """Put everybody back to invited."""

    async def work(tx: Transaction) -> None:
        for statement in RESET:
            await tx.run(statement)

    await core.store.people._database.write(work)
    return {}


async def count(core: Core) -> dict[str, object]:
    """Return how many are in and in line, and how many alerts there are."""

    async def work(tx: Transaction) -> int:
        return int(await tx.value(ALERTS))

    pool = await core.store.licenses.summary()
    alerts = await core.store.people._database.read(work)
    return {"used": pool.used, "waiting": pool.waiting, "alerts": alerts}


async def serve(folder: Path) -> None:
    """Serve until the input ends."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    settings = Settings.from_environment(
        {
            "DIRSYNC_DATABASE_URL": (folder / "url").read_text(),
            "DIRSYNC_CREDENTIALS_DIR": str(folder),
        }
    )
    async with open_core(settings, notifier=None, mailer=NoMail(), background=True) as core:
        api = Logins(lambda: (core.applications, core.activation), rates=UNLIMITED)
        site = web_server(
            ("127.0.0.1", 0),
            ready=core.health.ready,
            figures=core.health.figures,
            mount=api.add_to,
        )
        async with site as (host, port):
            say({"url": f"http://{host}:{port}"})
            while line := await asyncio.to_thread(sys.stdin.readline):
                asked = json.loads(line)
                if "begin" in asked:
                    say(await begin(core, folder, asked["begin"], asked["licenses"]))
                else:
                    say(await (reset(core) if "reset" in asked else count(core)))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
