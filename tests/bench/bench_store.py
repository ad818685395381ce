"""Measures the store alone, beside a ticking event loop: seconds and the longest stall.

``python -m tests.bench.bench_store [database URL] [people]``
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.engine.verdict import judge_end
from core.model.account import Actor, Role
from core.model.configuration import ConfigurationSpec, InvitationWay, ScimSettings
from core.model.cycle import (
    Action,
    CycleResult,
    Decision,
    Fence,
    Proof,
    ScopeAnswer,
    StagedUser,
    Trigger,
)
from core.model.events import AuditEntry
from core.store.opening import Store, open_store
from tests.support.clocks import WallClock

PAGE = 1_000
BATCH = 10_000
BY = Actor(id="cli:bench", name="bench", role=Role.ADMIN, door="cli")
CLOCK = WallClock()


@asynccontextmanager
async def measured(name: str) -> AsyncIterator[None]:
    """Print what the block took and how long the event loop stood still at most."""
    stalls: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            stalls.append(time.perf_counter() - before - 0.001)

    ticker = asyncio.create_task(tick())
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    ticker.cancel()
    await asyncio.gather(ticker, return_exceptions=True)
    print(f"{name:34} {seconds:7.2f} s   longest stall {max(stalls) * 1000:5.0f} ms")


def person(number: int, title: str = "Engineer") -> StagedUser:
    """Return one made-up record with a dozen attributes."""
    name = f"person{number}"
    profile = (
        f'{{"user_name":"{name}","display_name":"Person {number}","given_name":"Person",'
        f'"family_name":"Number {number}","email":"{name}@example.com","title":"{title}",'
        f'"department":"Department {number % 40}","organization":"Example",'
        f'"phone":"+49 30 {number}",'
        f'"locale":"de-DE","timezone":"Europe/Berlin","employee_number":"{number}"}}'
    )
    return StagedUser(
        external_id=f"{number * 2654435761 % 2**32:08x}-0000-4000-8000-{number:012d}",
        digest=f"d{title[0]}{number:014d}".encode(),
        mapped_digest=f"m{title[0]}{number:014d}".encode(),
        match_key=f"{name}@example.com",
        user_name=name,
        display_name=f"Person {number}",
        email=f"{name}@example.com",
        active=True,
        readable=True,
        scope=ScopeAnswer.IN,
        group_scoped=False,
        profile=profile,
        problems="",
    )


async def claim(store: Store) -> Fence:
    """Queue and claim a cycle."""
    found = await store.configurations.by_name("bench")
    now = CLOCK.now()
    entry = AuditEntry(
        at=now, actor=BY.id, door="cli", action="sync", subject="bench", allowed=True, detail={}
    )
    await store.cycles.queue(
        configuration=found.id,
        trigger=Trigger.MANUAL,
        dry_run=False,
        actor=BY,
        channel=None,
        audit=entry,
        now=now,
    )
    claimed = await store.cycles.claim(owner="bench", now=now)
    await store.sync.begin(claimed.fence, decoder_revision="1")
    return claimed.fence


async def stage(store: Store, fence: Fence, records: list[StagedUser]) -> None:
    """Stage page by page."""
    for start in range(0, len(records), PAGE):
        await store.sync.stage(fence, records[start : start + PAGE])


async def apply(store: Store, fence: Fence, action: Action) -> None:
    """Decide the same for everybody and apply it in batches."""
    async for pairs in store.sync.pairs(fence, chunk=BATCH):
        decisions = [Decision(pair, action, "", settles=True) for pair in pairs]
        await store.sync.apply(fence, decisions, now=CLOCK.now(), send=InvitationWay.MAIL)


async def finish(store: Store, fence: Fence, read: int) -> None:
    """End the cycle."""
    await store.sync.finish(
        fence,
        result=CycleResult.SUCCESS,
        error=None,
        proof=Proof(read=read, announced=read, pages=1),
        held_set_id=None,
        plan_digest=None,
        requests=1,
        canaries=None,
        judge=judge_end,
        now=CLOCK.now(),
    )


async def first(store: Store, records: list[StagedUser]) -> None:
    """Measure a first cycle."""
    fence = await claim(store)
    async with measured("stage"):
        await stage(store, fence, records)
    found = 0
    async with measured("pairs, first pass"):
        async for pairs in store.sync.pairs(fence):
            found += len(pairs)
    assert found == len(records), found
    async with measured("pairs and apply, create"):
        await apply(store, fence, Action.CREATE)
    async with measured("finish"):
        await finish(store, fence, len(records))


async def unchanged(store: Store, people: int) -> None:
    """Measure what a cycle asks when nothing changed."""
    fence = await claim(store)
    known = 0
    async with measured("known"):
        async for chunk in store.sync.known(fence):
            known += len(chunk)
    assert known == people, known
    async with measured("pairs and absentees of nothing"):
        async for _ in store.sync.pairs(fence):
            pass
        async for _ in store.sync.absentees(fence):
            pass
    async with measured("finish, nothing changed"):
        await finish(store, fence, people)


async def updated(store: Store, records: list[StagedUser]) -> None:
    """Measure a cycle in which these records changed."""
    fence = await claim(store)
    async with measured(f"stage {len(records)} changed"):
        await stage(store, fence, records)
    async with measured(f"pairs and apply, update {len(records)}"):
        await apply(store, fence, Action.UPDATE)
    await finish(store, fence, len(records))


async def main(url: str, people: int) -> None:
    """Run all."""
    async with await open_store(url, clock=CLOCK, migrate=True, lease_seconds=600) as store:
        spec = ConfigurationSpec(name="bench", provider=ScimSettings(url="https://idp.example"))
        await store.configurations.apply([spec], licenses_total=100, by=BY, now=CLOCK.now())
        records = [person(number) for number in range(people)]
        gc.freeze()
        await first(store, records)
        await unchanged(store, people)
        await updated(store, [person(number, "Manager") for number in range(people // 100)])
        await updated(store, [person(number, "Lead") for number in range(people)])
        async with measured("unknown records again, read"):
            (await store.cycles.list(limit=5))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        default = f"sqlite:///{Path(folder) / 'bench.db'}"
        asyncio.run(
            main(
                sys.argv[1] if len(sys.argv) > 1 else default,
                int(sys.argv[2]) if len(sys.argv) > 2 else 100_000,
            )
        )
