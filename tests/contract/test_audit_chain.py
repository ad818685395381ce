"""The audit's chain of hashes on both databases: appended by many, and whatever is done to it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import ConflictError, StoreError
from core.model.audit import FaultKind
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.opening import open_store
from tests.support.figures import figure
from tests.support.people import SPEC, Desk

TAMPERED = figure("ways to tamper with an audit, of which each was found")
ENTRIES = 9
WRITERS, EACH = 4, 50
CHANGES = {
    "at": "at + 0.000001",
    "actor": "'slack:U0SOMEBODY'",
    "door": "'cli'",
    "action": "'cancel'",
    "subject": "subject || ' '",
    "allowed": "NOT allowed",
    "detail": """'{"full": true}'""",
    "reason": "'because'",
    "before": """'{"total": 1}'""",
    "after": "'{}'",
    "previous": f"'{'1' * 64}'",
    "hash": f"'{'f' * 64}'",
    "account_id": "'another'",
    "seq": "seq + 1000",
}


def entry(desk: Desk, number: int = 1) -> AuditEntry:
    return AuditEntry(
        at=desk.clock.now(),
        actor="slack:U0ADMIN001",
        door="slack",
        action="licenses.set",
        subject=f"licenses {number}",
        allowed=number % 3 > 0,
        detail={"full": True, "number": number},
        reason="wanted “more”",
        before={"total": number},
        after={"total": number + 1, "groups": ["Ä", "B"]},
    )


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    for number in range(1, ENTRIES + 1):
        clock.time += timedelta(minutes=7)
        await store.audit.add(entry(desk, number))
    return desk


async def found(desk: Desk, noted: str = "") -> list[str]:
    """Return what verifying says."""
    return [fault.sentence for fault in (await desk.store.audit.verify(noted)).faults]


async def swap(desk: Desk, one: int, other: int) -> None:
    for old, new in ((one, -1), (other, one), (-1, other)):
        await desk.sql("UPDATE audit SET seq = :new WHERE seq = :old", old=old, new=new)


async def shift(desk: Desk, first: int, by: int) -> None:
    """Renumber every row from `first` on."""
    for step in (1_000_000, by - 1_000_000):
        await desk.sql(
            "UPDATE audit SET seq = seq + :step WHERE seq >= :first", step=step, first=first
        )


async def copy(desk: Desk, seq: int, to: int, **values: str) -> None:
    """Put a copy of a row, changed as given, at a number that is free."""
    rows = await desk.sql("SELECT * FROM audit WHERE seq = :seq", seq=seq)
    row = rows[0]._asdict() | {"seq": to} | values
    columns = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    await desk.sql(f"INSERT INTO audit ({columns}) VALUES ({marks})", **row)


async def test_an_audit_that_nobody_touched_is_whole_and_tells_its_head(desk):
    verdict = await desk.store.audit.verify()
    newest = (await desk.store.audit.list(limit=1))[0]
    assert (verdict.whole, verdict.entries, verdict.head) == (True, ENTRIES, newest.hash)
    assert len(verdict.head) == 64
    assert newest == replace(newest, **{
        name: getattr(entry(desk, ENTRIES), name)
        for name in ("at", "actor", "door", "action", "subject", "allowed", "reason")
    })  # fmt: skip
    assert (newest.before, newest.after["groups"]) == ({"total": 9}, ["Ä", "B"])


async def test_an_empty_audit_is_whole(store):
    verdict = await store.audit.verify()
    assert (verdict.whole, verdict.entries, verdict.head) == (True, 0, "")


@pytest.mark.parametrize("place", [1, 5, ENTRIES])
@pytest.mark.parametrize("column", CHANGES)
async def test_a_change_of_any_column_of_any_row_is_found_and_the_row_is_named(desk, column, place):
    with TAMPERED.trying():
        await desk.sql(
            f"UPDATE audit SET {column} = {CHANGES[column]} WHERE seq = :place", place=place
        )
        said = await found(desk)
        assert any(f"entry {place} " in each or f"at {place + 1000}" in each for each in said), said
        expected = {"account_id": "missing", "seq": "stands"}.get(column, "changed")
        assert any(expected in each for each in said), said


@pytest.mark.parametrize("place", [1, 5, ENTRIES])
async def test_a_row_that_was_taken_out_is_missing(desk, place):
    with TAMPERED.trying():
        await desk.sql("DELETE FROM audit WHERE seq = :place", place=place)
        assert await found(desk) == [f"entry {place} is missing"]


async def test_several_rows_that_were_taken_out_are_missing_together(desk):
    await desk.sql("DELETE FROM audit WHERE seq IN (3, 4, 8, 9)")
    assert await found(desk) == ["entries 3 to 4 are missing", "entries 8 to 9 are missing"]
    await desk.sql("DELETE FROM audit")
    assert await found(desk) == [f"entries 1 to {ENTRIES} are missing"]


@pytest.mark.parametrize(("one", "other"), [(1, 2), (4, 5), (2, ENTRIES)])
async def test_rows_that_changed_places_are_found_where_they_stand(desk, one, other):
    with TAMPERED.trying():
        await swap(desk, one, other)
        assert await found(desk) == [
            f"entry {one} stands at {other}", f"entry {other} stands at {one}"
        ]  # fmt: skip


async def test_what_two_rows_say_cannot_be_exchanged_either(desk):
    with TAMPERED.trying():
        seals = await desk.sql("SELECT seq, previous, hash FROM audit WHERE seq IN (4, 5)")
        await swap(desk, 4, 5)
        for row in seals:
            await desk.sql(
                "UPDATE audit SET previous = :previous, hash = :hash WHERE seq = :seq",
                **row._asdict(),
            )
        assert await found(desk) == ["entries 4 to 5 were changed"]


@pytest.mark.parametrize("place", [0, 1, 5, ENTRIES + 1])
async def test_a_row_that_was_put_in_is_found(desk, place):
    with TAMPERED.trying():
        if place > 0:
            await shift(desk, place, +1)
        await copy(desk, 3 if place > 3 else 4, place, subject="forged")
        said = await found(desk)
        assert f"the row at {place} was inserted" in said
        moved = [each for each in said if "stand" in each]
        assert moved == (
            [] if place in (0, ENTRIES + 1) else
            [f"entries {place} to {ENTRIES} stand from {place + 1} on"]
        )  # fmt: skip


async def test_a_row_whose_own_hash_was_made_anew_does_not_fit_what_follows(desk):
    """Whoever knows how a row is sealed still cannot hide a change from the rows behind it."""
    [(record, line)] = await desk.store.audit.records(after=4, limit=1)
    with TAMPERED.trying():
        forged = json.loads(line) | {"subject": "forged"}
        sealed = independent_hash(forged)
        await desk.sql(
            "UPDATE audit SET subject = 'forged', hash = :hash WHERE seq = 5", hash=sealed
        )
        assert sealed != record.hash
        assert await found(desk) == ["entry 5 was changed"]


async def test_the_tail_cannot_be_cut_off_with_the_head_turned_back_if_the_head_was_noted(desk):
    noted = (await desk.store.audit.verify()).head
    assert await found(desk, noted) == []
    await desk.store.audit.add(entry(desk, 10))
    assert await found(desk, noted) == []
    await desk.sql("DELETE FROM audit WHERE seq >= 9")
    previous = (await desk.store.audit.list(limit=1))[0].hash
    await desk.sql("UPDATE audit_heads SET seq = 8, hash = :hash", hash=previous)
    assert await found(desk) == []
    assert (await desk.store.audit.verify(noted)).faults[0].kind is FaultKind.NOTED


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_heads SET seq = seq + 2",
        "UPDATE audit_heads SET seq = seq - 2",
        f"UPDATE audit_heads SET hash = '{'e' * 64}'",
        "DELETE FROM audit_heads",
        "UPDATE audit_heads SET seq = 9000000000000",
        f"UPDATE audit_heads SET hash = '{'e' * 64}', seq = 3",
    ],
)
async def test_a_head_that_was_changed_is_found(desk, statement):
    with TAMPERED.trying():
        await desk.sql(statement)
        assert any("does not end as was stored" in each for each in await found(desk))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    ["at = 'noon'", "detail = '{'", "seq = 4.5", "seq = 'x'", "allowed = 7", "actor = x'00ff'"],
)
async def test_values_that_no_column_should_hold_are_found_and_do_not_stop_a_reader(desk, change):
    with TAMPERED.trying():
        await desk.sql(f"UPDATE audit SET {change} WHERE seq = 5")
        assert await found(desk)
        assert len(await desk.store.audit.list()) == ENTRIES


async def test_several_writers_append_to_one_chain(database_url, clock):
    async with AsyncExitStack() as stack:
        count = WRITERS if database_url.startswith("postgresql") else 1
        opened = [
            await stack.enter_async_context(
                await open_store(database_url, clock=clock, migrate=False)
            )
            for _ in range(count)
        ]
        stores = [opened[number % count] for number in range(WRITERS)]

        async def write(number: int) -> None:
            for each in range(EACH):
                one = entry(Desk(stores[number], clock), each)
                await stores[number].audit.add(replace(one, actor=f"writer:{number}"))

        await asyncio.gather(*(write(number) for number in range(WRITERS)))
        verdict = await stores[0].audit.verify()
        entries = await stores[0].audit.list(limit=999)
    assert verdict.faults == ()
    assert verdict.entries == WRITERS * EACH
    assert [each.seq for each in entries] == list(range(WRITERS * EACH, 0, -1))
    for number in range(WRITERS):
        own = [each.detail["number"] for each in entries if each.actor == f"writer:{number}"]
        assert own == list(range(EACH - 1, -1, -1))


async def test_entries_of_one_transaction_are_appended_together_in_their_order(desk):
    async def work(tx):
        for number in range(100, 400):
            await add_audit(tx, entry(desk, number))

    await desk.store.audit._database.write(work)
    verdict = await desk.store.audit.verify()
    assert (verdict.whole, verdict.entries) == (True, ENTRIES + 300)
    newest = await desk.store.audit.list(limit=300)
    assert [each.detail["number"] for each in newest] == list(range(399, 99, -1))


async def test_nothing_is_done_unaudited_where_a_row_stands_in_the_way(desk):
    await copy(desk, 3, ENTRIES + 1)
    with pytest.raises(StoreError) as refused:
        await desk.store.licenses.set_total(77, audit=desk.entry())
    assert refused.value.code == "audit_touched"
    assert (await desk.store.licenses.summary()).total == 0


async def test_what_is_rolled_back_leaves_no_entry_and_no_gap(desk):
    await desk.configure(SPEC)
    before = await desk.store.audit.count()
    stored = await desk.store.configurations.by_name("people")
    with pytest.raises(ConflictError):
        await desk.store.lifecycle.set_enabled(
            stored.id, False, revision=77, audit=desk.entry("config.disable")
        )
    await desk.store.lifecycle.set_enabled(stored.id, False, audit=desk.entry("config.disable"))
    verdict = await desk.store.audit.verify()
    assert (verdict.whole, verdict.entries) == (True, before + 1)


def independent_hash(said: dict[str, object]) -> str:
    """Compute an entry's hash from its exported line, with the standard library only."""
    covered = {name: value for name, value in said.items() if name not in ("hash", "seq")}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def test_anybody_can_check_the_chain_from_its_exported_lines(desk):
    records = await desk.store.audit.records()
    previous = "0" * 64
    for number, (record, line) in enumerate(records, start=1):
        said = json.loads(line)
        assert (said["seq"], said["previous"], said["hash"]) == (number, previous, record.hash)
        assert independent_hash(said) == said["hash"]
        previous = said["hash"]
    assert len(records) == ENTRIES


async def test_an_entry_names_nobody_by_address(desk):
    told = replace(
        entry(desk),
        subject="user ada@example.com",
        reason="ada.l@mail.example.com left;\x00 domain @example.com stays",
        detail={"canaries": ["ada@example.com", "Boss <boss@example.com>"], "people": [7]},
        after={"guard.canaries": ["ada@example.com"], "scope.filter": 'endsWith("@example.com")'},
    )
    await desk.store.audit.add(told)
    stored = (await desk.store.audit.list(limit=1))[0]
    assert stored.subject == "user (an address)"
    assert stored.reason == "(an address) left; domain @example.com stays"
    assert stored.detail == {"canaries": ["(an address)", "Boss <(an address)>"], "people": [7]}
    assert stored.after["guard.canaries"] == ["(an address)"]
    assert stored.after["scope.filter"] == 'endsWith("@example.com")'
    assert (await desk.store.audit.verify()).whole


async def test_the_retention_takes_nothing_out_of_the_audit(desk):
    desk.clock.time += timedelta(days=4000)
    await desk.store.maintenance.purge(before=desk.clock.now())
    verdict = await desk.store.audit.verify()
    assert (verdict.whole, verdict.entries) == (True, ENTRIES)
