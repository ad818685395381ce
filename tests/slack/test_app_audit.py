"""The audit in Slack: the table, its file, the check, and what strangers leave in it."""

from __future__ import annotations

import pytest
from app_world import ADMIN, CLI, GUEST, MEMBER, VIEWER, app_world

from bot.demo.faults import Fault, FaultKind

DENIED = "You may not do this"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def test_the_audit_is_a_table_with_pages_newest_first(world):
    for total in range(21, 34):
        await world.core.licenses.set_total(CLI, total)
    first = await world.ask(ADMIN, "audit")
    assert "total: 32 → 33" in first.text
    assert "total: 22 → 23" not in first.text
    older = await world.click(ADMIN, "Next →", on=first)
    assert "total: 22 → 23" in older.text
    assert "total: 32 → 33" not in older.text
    assert "configuration.created" in older.text
    assert "name: people-scim" in older.text


async def test_who_did_it_is_named_and_the_audit_itself_holds_ids_only(world):
    await world.ask(MEMBER, "sync")
    await world.ask(ADMIN, "notify test")
    names = [(await world.runtime.client.person(user)).facts.name for user in (ADMIN, MEMBER)]
    shown = (await world.ask(ADMIN, "audit")).text
    assert all(name in shown for name in names)
    assert "refused: sync" in shown
    rows = await world.core.store.audit.list(limit=99)
    assert not any(name in repr(row) for name in names for row in rows)


async def test_the_csv_comes_as_a_direct_message_and_is_in_the_audit(world):
    page = await world.as_(ADMIN)
    answer = await world.ask(ADMIN, "audit --since 7d")
    mark = page.mark()
    sent = await world.click(ADMIN, "Download CSV", on=answer)
    assert "direct message" in sent.text
    shared = await page.message("The audit.", channel="dirsync", after=mark)
    assert "dirsync-audit-" in shared.text
    newest = (await world.core.store.audit.list(limit=1))[0]
    assert (newest.action, newest.actor) == ("audit.export", f"slack:{ADMIN}")


async def test_an_admin_who_may_have_no_files_is_told_the_command(tmp_path):
    async with app_world(tmp_path) as world:
        answer = await world.ask(ADMIN, "audit")
        missing = Fault(kind=FaultKind.ERROR, error="missing_scope")
        world.faults.inject("files.getUploadURLExternal", missing)
        told = await world.click(ADMIN, "Download CSV", on=answer)
        assert "dirsync audit --csv" in told.text


async def test_verify_tells_the_head_or_the_entry_that_was_touched(world):
    await world.core.licenses.set_total(CLI, 20)
    answer = await world.ask(ADMIN, "audit")
    head = (await world.core.store.audit.list(limit=1))[0].hash
    assert head in (await world.click(ADMIN, "Verify", on=answer)).text

    async def touch(tx):
        await tx.run("UPDATE audit SET reason = 'none' WHERE seq = 1")

    await world.core.store.audit._database.write(touch)
    broken = await world.ask(ADMIN, "audit verify")
    assert "not whole" in broken.text
    assert "entry 1 was changed" in broken.text


@pytest.mark.parametrize("user", [VIEWER, MEMBER])
async def test_only_admins_read_it_and_every_refusal_is_in_it(world, user):
    answer = await world.ask(ADMIN, "audit")
    for text in ("audit", "audit verify"):
        assert DENIED in (await world.ask(user, text)).text
    world.demo.workspace.change_person(ADMIN, is_admin=False)
    assert DENIED in (await world.click(ADMIN, "Download CSV", on=answer)).text
    denied = [each for each in await world.core.store.audit.list() if not each.allowed]
    assert [(each.actor, each.action) for each in denied] == [
        (f"slack:{ADMIN}", "audit.export"),
        (f"slack:{user}", "audit.verify"),
        (f"slack:{user}", "audit"),
    ]


async def test_whatever_a_stranger_typed_about_people_is_not_kept(world):
    await world.ask(GUEST, "user Ada Lovelace")
    await world.ask(GUEST, "who is Ada Lovelace")
    await world.ask(GUEST, "Lovelace")
    entries = await world.core.store.audit.list(limit=3)
    assert {each.subject for each in entries} <= {"/dirsync user", "/dirsync"}
    assert not any(each.allowed for each in entries)
