"""People who are not invited until somebody says so, by which way, and at which pace."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.errors import ConflictError
from core.model.account import PersonOutcome, UserStatus
from core.model.configuration import InvitationWay
from core.store.opening import open_store
from tests.support.scripted_directory import people, person
from tests.support.store_world import StoreWorld, store_world

INVITED, NO_ADDRESS = PersonOutcome.INVITED, PersonOutcome.NO_ADDRESS


async def due(world: StoreWorld, store=None, **more: object) -> list[str]:
    store = store or world.store
    found = await store.invitations.due(owner="w", limit=100, now=world.clock.now(), **more)
    await store.invitations.sent(found, now=world.clock.now())
    return [each.email for each in found]


async def ways(world: StoreWorld) -> set[str]:
    return {way for (way,) in await world.sql("SELECT DISTINCT way FROM invitations")}


async def invite_all(world: StoreWorld, expected: int, by: InvitationWay | None = None):
    return await world.store.staged_invitations.invite(
        expected=expected, by=by, audit=world.audit()
    )


async def test_nobody_is_sent_anything_until_all_are_invited_in_the_number_that_was_confirmed(
    database_url: str,
):
    async with store_world(database_url, people(4), invitations=InvitationWay.STAGED) as world:
        await world.cycle()
        await world.sql("UPDATE users SET email = '' WHERE email = 'u4@example.com'")
        assert await due(world) == []
        staged = await world.store.staged_invitations.count()
        assert (staged.ready, staged.nowhere) == (3, 1)
        world.directory.people.append(person(5))
        await world.cycle()
        with pytest.raises(ConflictError) as refused:
            await invite_all(world, 3)
        assert refused.value.code == "staged_changed"
        assert await due(world) == []
        results = await invite_all(world, 4)
        assert sorted(each.outcome for each in results) == sorted([*[INVITED] * 4, NO_ADDRESS])
        assert sorted(await due(world)) == [f"u{n}@example.com" for n in (1, 2, 3, 5)]
        assert (await world.store.people.statuses())[UserStatus.STAGED] == 1
        await world.cycle()
        assert await due(world) == []
        assert await invite_all(world, 0) != []


async def test_of_two_who_confirm_the_same_number_at_once_one_invites(database_url: str):
    async with store_world(database_url, people(5), invitations=InvitationWay.STAGED) as world:
        await world.cycle()
        found = await asyncio.gather(
            *[invite_all(world, 5) for _ in range(4)], return_exceptions=True
        )
        assert sorted(isinstance(each, ConflictError) for each in found) == [False, *[True] * 3]
        assert len(await due(world)) == 5


async def test_somebody_goes_the_way_that_was_said_else_the_configurations(database_url: str):
    async with store_world(database_url, people(2), invitations=InvitationWay.STAGED) as world:
        await world.cycle()
        await world.store.activations.invite(
            ["u1@example.com"], resend=False, by=InvitationWay.SLACK, audit=world.audit()
        )
        [chat] = await world.store.chat_invitations.due(owner="c", now=world.clock.now())
        assert chat.email == "u1@example.com"
        await world.apply(invitations=InvitationWay.BOTH)
        for resend in (False, True):
            await world.store.activations.invite(
                ["u1@example.com", "u2@example.com"], resend=resend, audit=world.audit()
            )
        assert await ways(world) == {"both"}
        assert len(await due(world)) == 2


async def test_one_that_fell_back_to_mail_is_tried_in_slack_again_when_it_is_sent_anew(
    database_url: str,
):
    async with store_world(database_url, people(1), invitations=InvitationWay.SLACK) as world:
        await world.cycle()
        chats = world.store.chat_invitations
        [chat] = await chats.due(owner="c", now=world.clock.now())
        await chats.unreachable(chat, error="chat_unknown")
        assert await due(world) == ["u1@example.com"]
        await world.store.activations.invite(["u1@example.com"], resend=True, audit=world.audit())
        assert await due(world) == []
        assert len(await chats.due(owner="c", now=world.clock.now())) == 1


async def test_in_no_minute_more_are_begun_than_the_pace_allows_over_all_replicas(
    database_url: str,
):
    async with store_world(database_url, people(30), invitations=InvitationWay.BOTH) as world:
        await world.cycle()
        replicas = [world.store]
        second = None
        if world.store.backend == "postgresql":
            second = await open_store(database_url, clock=world.clock, migrate=False)
            replicas.append(second)
        begun: list[float] = []

        async def claim(store) -> None:
            now = world.clock.now()
            mails = await store.invitations.due(owner="m", limit=4, per_minute=10, now=now)
            chats = await store.chat_invitations.due(owner="c", per_minute=10, now=now)
            begun.extend([now.timestamp()] * (len(mails) + len(chats)))
            await store.invitations.sent(mails, now=now)
            for chat in chats:
                await store.chat_invitations.unreachable(chat, error="chat_unknown")

        for _ in range(60):
            await asyncio.gather(*[claim(store) for store in replicas for _ in range(2)])
            world.clock.time += timedelta(seconds=7)
        assert len(begun) == 60
        for at in begun:
            assert sum(at - 60 < other <= at for other in begun) <= 10
        if second is not None:
            await second.aclose()


async def test_how_long_it_takes_follows_from_the_pace(database_url: str):
    async with store_world(database_url, people(12), invitations=InvitationWay.BOTH) as world:
        await world.cycle()
        queue = await world.store.invitation_standings.queue(6)
        assert (queue.mails, queue.chats, queue.waiting, queue.minutes) == (12, 12, 24, 3)
        assert (await world.store.invitation_standings.queue()).minutes == 1
