"""How long reading everybody takes: R, the bare loop, against the SCIM provider.

R is the unit of all figures: httpx, the next page already requested, bodies taken apart by msgspec
and nothing decoded. Run as ``python -m tests.bench.bench_read [--people N] [--rounds N]``.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import httpx
import msgspec

from core.model.configuration import ScimSettings
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.bench.scim_pages import MAPPING
from tests.support.clocks import WallClock

PAGE_SIZE = 1000
WANTED = frozenset({"userName", "displayName", "name.givenName", "name.familyName", "emails"})


class _List(msgspec.Struct):
    totalResults: int  # noqa: N815 - the name on the wire
    Resources: list[msgspec.Raw]


@contextmanager
def serving(people: int) -> Iterator[str]:
    """Run the page server in a process of its own and return its base URL, pages made."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scim_pages", "--people", str(people)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    origin = f"http://127.0.0.1:{process.stdout.readline().strip()}"
    with urllib.request.urlopen(f"{origin}/become/same", timeout=600) as answer:
        answer.read()
    try:
        yield f"{origin}/scim/v2"
    finally:
        process.communicate("")


async def bare(url: str) -> int:
    """Read all pages as directly as possible and return how many people came."""
    count, start = 0, 1
    async with httpx.AsyncClient(timeout=60) as client:

        async def get(first: int) -> httpx.Response:
            return await client.get(f"{url}/Users?startIndex={first}&count={PAGE_SIZE}")

        ahead = asyncio.create_task(get(start))
        while True:
            answer = await ahead
            page = msgspec.json.decode(answer.content, type=_List)
            start += len(page.Resources)
            if start <= page.totalResults:
                ahead = asyncio.create_task(get(start))
            records = [bytes(raw) for raw in page.Resources]
            count += len(records)
            if start > page.totalResults:
                return count


async def provider_of(url: str) -> IdentityProvider:
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": "bench-token"},
        wanted=WANTED | frozenset(MAPPING.values()),
    )
    settings = ScimSettings(url=url, token="env:DIRSYNC_CREDENTIAL_T", page_size=PAGE_SIZE)
    return await open_provider(settings, context=context)


async def undecoded(url: str) -> int:
    """Read everybody through the provider without decoding."""
    provider = await provider_of(url)
    count = 0
    async for page in provider.read_users():
        count += len(page.records)
    await provider.aclose()
    return count


async def decoded(url: str) -> int:
    """Read and decode everybody."""
    provider = await provider_of(url)
    count = 0
    async for page in provider.read_users():
        count += len([provider.decode_user(raw) for raw in page.records])
    await provider.aclose()
    return count


def measured(people: int, url: str, read: Callable[[str], Awaitable[int]]) -> float:
    async def once() -> float:
        began = time.perf_counter()
        found = await read(url)
        assert found == people, f"{found} of {people}"
        return time.perf_counter() - began

    return asyncio.run(once())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ways = {"R (bare loop)": bare, "provider": undecoded, "provider, decoded": decoded}
    with serving(options.people) as url:
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, read in ways.items():
                times[name].append(measured(options.people, url, read))
    unit = statistics.median(times["R (bare loop)"])
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        sys.stdout.write(f"{name:20} {middle:7.3f} s  {middle / unit:5.2f} R\n")


if __name__ == "__main__":
    main()
