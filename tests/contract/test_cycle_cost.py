"""What a cycle asks of the database does not grow with a directory that did not change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from core.model.cycle import CycleResult
from core.store.opening import Store
from tests.contract.test_delta_cycles import DELTA, changed, page
from tests.support.scripted_directory import people
from tests.support.store_world import store_world


@dataclass
class Asked:
    """What was asked of a database."""

    statements: int = 0
    commits: int = 0


@contextmanager
def asked(store: Store) -> Iterator[Asked]:
    """Count what is asked within the block."""
    database, found = store.maintenance._database, Asked()
    engines = {database._writer.sync_engine, database._reader.sync_engine}

    def statement(*_: object) -> None:
        found.statements += 1

    def commit(*_: object) -> None:
        found.commits += 1

    watched = (("before_cursor_execute", statement), ("commit", commit))
    for engine in engines:
        for name, note in watched:
            sa.event.listen(engine, name, note)
    try:
        yield found
    finally:
        for engine in engines:
            for name, note in watched:
                sa.event.remove(engine, name, note)


async def test_a_cycle_in_which_nothing_changed_asks_little_and_writes_seldom(database_url):
    async with store_world(database_url, people(9)) as world:
        await world.cycle()
        await world.queue()
        with asked(world.store) as found:
            assert (await world.run(progress_every=1000.0)).result is CycleResult.SUCCESS
        assert found.commits <= 5, found
        assert found.statements <= 60, found


async def test_a_delta_in_which_one_person_changed_asks_little_and_writes_seldom(database_url):
    async with store_world(database_url, people(9), directory=DELTA) as world:
        await world.cycle()
        world.directory.changes = [page(changed(world, "u1", email="new@example.com"))]
        await world.queue()
        with asked(world.store) as found:
            assert (await world.run(progress_every=1000.0)).result is CycleResult.SUCCESS
        assert found.commits <= 6, found
        assert found.statements <= 66, found
