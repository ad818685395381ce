"""The alert about mail that waits for something on the host to be mended, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from core.model.account import Invitation
from tests.support.scripted_directory import people
from tests.support.store_world import StoreWorld, store_world


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    """Give four people who are invited by mail."""
    async with store_world(database_url, people(4)) as found:
        await found.cycle()
        yield found


async def claimed(world: StoreWorld) -> Sequence[Invitation]:
    return await world.store.invitations.due(owner="m", now=world.clock.now())


async def fail(world: StoreWorld, mails: Sequence[Invitation], error: str) -> None:
    now = world.clock.now()
    for mail in mails:
        await world.store.invitations.failed(mail, error=error, retry_at=now)


async def told(world: StoreWorld) -> list[dict[str, object]]:
    """Return what is to be told of mail, and take it out of the outbox."""
    due = await world.store.outbox.due(owner="n", limit=99, now=world.clock.now())
    for item, _ in due:
        await world.store.outbox.delivered(item, None, now=world.clock.now())
    return [item.payload for item, _ in due if item.key == "alert:mail"]


async def test_however_many_wait_one_alert_says_so_and_each_cause_anew(world):
    mails = await claimed(world)
    await fail(world, mails, "mail_template")
    [alert] = await told(world)
    assert (alert["cause"], alert["resolved"]) == ("mail_template", False)
    await fail(world, mails, "mail_template")
    assert await told(world) == []
    await fail(world, mails, "mail_sign_in")
    assert [alert["cause"] for alert in await told(world)] == ["mail_sign_in"]
    queue = await world.store.invitation_standings.queue()
    assert (queue.held, queue.held_by) == (4, "mail_sign_in")


async def test_what_passes_by_itself_is_no_alert(world):
    await fail(world, await claimed(world), "mail_unreachable")
    assert await told(world) == []
    assert (await world.store.invitation_standings.queue()).held == 0


async def test_it_is_over_once_nothing_waits_also_when_the_last_two_leave_at_once(world):
    mails = await claimed(world)
    await fail(world, mails, "mail_template")
    await told(world)
    now = world.clock.now()
    await world.store.invitations.sent(mails[:2], now=now)
    assert await told(world) == []
    await asyncio.gather(*(world.store.invitations.sent([mail], now=now) for mail in mails[2:]))
    assert [alert["resolved"] for alert in await told(world)] == [True]
    await world.store.invitations.sent(mails, now=now)
    assert await told(world) == []


async def test_whoever_needs_no_mail_any_more_does_not_keep_it_open(world):
    mails = await claimed(world)
    await fail(world, mails[:2], "mail_folder")
    await world.sql(
        "UPDATE invitations SET state = 'revoked' WHERE state = 'pending' AND error IS NOT NULL"
    )
    await told(world)
    await world.store.invitations.sent(mails[2:], now=world.clock.now())
    assert [alert["resolved"] for alert in await told(world)] == [True]
