"""How long reading a whole directory takes, per provider, and what changed of it.

    .venv/bin/python -m tests.bench.bench_providers [--people 20000] [--groups 500] [--rounds 3]

Everybody and all groups are read and decoded, from servers that hand out rendered pages. The unit
is the SCIM provider. Requests are printed: one a page, never one a person.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network

from core.http.limits import HttpLimits
from core.model.configuration import (
    EntraSettings,
    GoogleSettings,
    OktaSettings,
    ProviderSettings,
    ScimSettings,
)
from core.model.directory import ResourceKind, Watermark
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.entra.attributes import AttributePlan
from core.providers.registry import open_provider
from tests.bench.scim_pages import MAPPING
from tests.support.clocks import WallClock
from tests.vendors.google_tokens import ADMIN, key_file

WANTED = frozenset({"userName", "displayName", "name.givenName", "name.familyName", "emails"})
TRACKED = AttributePlan(WANTED | frozenset(MAPPING.values())).tracked
SECRET = "env:DIRSYNC_CREDENTIAL_T"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A page server and the settings that read it."""

    module: str
    settings: Callable[[str], ProviderSettings]
    since: Callable[[str], Watermark] | None = None


CONTENDERS: Mapping[str, Contender] = {
    "scim": Contender(
        module="tests.bench.scim_pages",
        settings=lambda origin: ScimSettings(url=f"{origin}/scim/v2", token=SECRET),
    ),
    "okta": Contender(
        module="tests.bench.okta_pages",
        settings=lambda origin: OktaSettings(url=origin, token=SECRET),
        since=lambda _: Watermark("2026-01-01T00:00:00.000Z"),
    ),
    "google": Contender(
        module="tests.bench.google_pages",
        settings=lambda origin: GoogleSettings(
            admin=ADMIN,
            service_account="env:DIRSYNC_CREDENTIAL_K",
            url=origin,
            login_url=f"{origin}/token",
        ),
    ),
    "entra": Contender(
        module="tests.bench.entra_pages",
        settings=lambda origin: EntraSettings(
            tenant="contoso.example",
            client_id="dirsync",
            client_secret=SECRET,
            url=f"{origin}/v1.0",
            login_url=origin,
        ),
        since=lambda origin: Watermark(
            json.dumps(
                {
                    "tracked": TRACKED,
                    "users": f"{origin}/v1.0/users/delta?$deltatoken=last",
                    "groups": f"{origin}/v1.0/groups/delta?$deltatoken=last",
                }
            )
        ),
    ),
}


@contextmanager
def serving(module: str, people: int, groups: int) -> Iterator[str]:
    """Run a page server in a process of its own and return its origin."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--people", str(people), "--groups", str(groups)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.communicate("")


async def opened(settings: ProviderSettings) -> IdentityProvider:
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": "bench-token", "DIRSYNC_CREDENTIAL_K": key_file()},
        wanted=WANTED | frozenset(MAPPING.values()),
        limits=HttpLimits(per_second=100_000),
    )
    return await open_provider(settings, context=context)


async def full(provider: IdentityProvider) -> tuple[int, int]:
    """Read everybody and all groups; return how many people, groups came."""
    people = groups = 0
    async for page in provider.read_users():
        people += len([provider.decode_user(raw) for raw in page.records])
    async for page in provider.read_groups():
        groups += len([provider.decode_group(raw) for raw in page.records])
    return people, groups


async def delta(provider: IdentityProvider, since: Watermark) -> tuple[int, int]:
    """Read what changed."""
    people = groups = 0
    async for page in provider.read_changes(since):
        if page.kind is ResourceKind.USER:
            people += len([provider.decode_user(raw) for raw in page.records])
        else:
            groups += len([provider.decode_group(raw) for raw in page.records])
    return people, groups


async def timed(contender: Contender, origin: str, *, whole: bool) -> tuple[float, float, int, int]:
    """Return seconds, seconds of this process alone, people, groups."""
    provider = await opened(contender.settings(origin))
    began, worked = time.perf_counter(), time.process_time()
    people, groups = (
        await full(provider)
        if whole or contender.since is None
        else await delta(provider, contender.since(origin))
    )
    took, work = time.perf_counter() - began, time.process_time() - worked
    await provider.aclose()
    return took, work, people, groups


def requests_at(origin: str) -> int:
    """Return how many requests for pages came since the last question."""
    with urllib.request.urlopen(f"{origin}/requests", timeout=60) as answer:
        return int(json.load(answer)["pages"])


def measured(
    contender: Contender, options: argparse.Namespace
) -> dict[str, tuple[float, float, str]]:
    """Return per kind of read the median seconds, those of work, and what was read."""
    found: dict[str, tuple[float, float, str]] = {}
    with serving(contender.module, options.people, options.groups) as origin:
        for name, whole in (("full", True), ("delta, 1 % changed", False)):
            if not whole and contender.since is None:
                continue
            *_, people, groups = asyncio.run(timed(contender, origin, whole=whole))
            requests = requests_at(origin)
            runs = [
                asyncio.run(timed(contender, origin, whole=whole)) for _ in range(options.rounds)
            ]
            requests_at(origin)
            text = f"{people:,} people, {groups:,} groups, {requests:,} requests"
            seconds, work = (statistics.median(run[n] for run in runs) for n in (0, 1))
            found[name] = (seconds, work, text)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    unit = 0.0
    for name, contender in CONTENDERS.items():
        found = measured(contender, options)
        whole = found["full"][0]
        unit = unit or whole
        for kind, (seconds, work, text) in found.items():
            share = f"{seconds / unit:.2f} of SCIM" if kind == "full" else f"{seconds / whole:.2f}"
            sys.stdout.write(
                f"{name:6} {kind:18} {seconds:6.2f} s ({work:.2f} s of work)  {share:13}  {text}\n"
            )


if __name__ == "__main__":
    main()
