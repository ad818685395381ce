"""Invitations that follow a changed address, and those that came back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.model.account import Invitation, InvitationState, UserStatus
from core.model.configuration import InvitationWay
from core.model.inviting import ChatState, MessagePlace
from tests.support.scripted_directory import people
from tests.support.store_world import StoreWorld, store_world

NEW = "new@example.com"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    """Give three people who were sent their invitations, and two licenses."""
    async with store_world(database_url, people(3)) as made:
        await made.cycle()
        await made.store.licenses.set_total(2, audit=made.audit())
        yield made


async def sent(world: StoreWorld) -> list[Invitation]:
    due = await world.store.invitations.due(owner="w", limit=100, now=world.clock.now())
    await world.store.invitations.sent(due, now=world.clock.now())
    return due


async def accept(world: StoreWorld, token: str):
    return await world.store.activations.accept(token, audit=world.audit())


async def move(world: StoreWorld, id_: str = "u1", email: str = NEW) -> None:
    world.directory.change(id_, email=email)
    await world.cycle()


async def readdressed(world: StoreWorld) -> list[dict[str, object]]:
    entries = await world.store.audit.list(limit=100)
    return [each.detail for each in entries if each.action == "invitation.readdress"]


async def standing(world: StoreWorld, email: str):
    user = await world.person(email)
    return (await world.store.invitation_standings.of([user.id]))[user.id]


async def test_an_open_invitation_goes_to_the_new_address_once_and_the_old_link_is_dead(world):
    old = {each.email: each.token for each in await sent(world)}["u1@example.com"]
    await move(world)
    assert await accept(world, old) is None
    [again] = await sent(world)
    assert again.email == NEW
    await world.cycle()
    assert await sent(world) == []
    user = await world.person(NEW)
    assert await readdressed(world) == [{"people": [user.id]}]
    assert (await accept(world, again.token)).status is UserStatus.ACTIVE


async def test_one_that_was_never_sent_or_is_accepted_is_left_alone(world):
    await move(world)
    first = {each.email: each for each in await sent(world)}
    assert first[NEW].message_id.endswith("@dirsync>")
    await accept(world, first["u2@example.com"].token)
    await move(world, "u2", "other@example.com")
    assert await sent(world) == []
    assert await readdressed(world) == []


async def test_another_spelling_of_the_same_address_is_no_new_one(world):
    await sent(world)
    await move(world, email="U1@Example.com")
    assert await sent(world) == []


async def test_whoever_waits_keeps_the_place_and_the_link_that_works_is_the_new_one(world):
    links = {each.email: each.token for each in await sent(world)}
    for token in links.values():
        await accept(world, token)
    await move(world, "u3")
    assert await accept(world, links["u3@example.com"]) is None
    [again] = await sent(world)
    assert (await accept(world, again.token)).place == 1


async def test_one_on_its_way_to_the_old_address_is_sent_again_to_the_new_one(world):
    due = await world.store.invitations.due(owner="w", limit=100, now=world.clock.now())
    await move(world)
    await world.store.invitations.sent(due, now=world.clock.now())
    [again] = await sent(world)
    assert again.email == NEW
    old = {each.email: each.token for each in due}["u1@example.com"]
    assert await accept(world, old) is None


async def test_who_comes_back_under_another_address_gets_the_invitation_there(world):
    old = {each.email: each.token for each in await sent(world)}["u1@example.com"]
    world.directory.change("u1", active=False)
    await world.cycle()
    world.directory.change("u1", active=True, email=NEW)
    await world.cycle()
    assert await accept(world, old) is None
    [again] = await sent(world)
    assert again.email == NEW


async def test_in_slack_the_earlier_message_is_void_and_the_new_address_is_looked_up(
    database_url: str,
):
    async with store_world(database_url, people(1), invitations=InvitationWay.SLACK) as world:
        await world.cycle()
        chats = world.store.chat_invitations
        [first] = await chats.due(owner="w", now=world.clock.now())
        first = await chats.found(first, "U1")
        await chats.sent(first, MessagePlace(channel="D1", ts="1"), now=world.clock.now())
        await move(world)
        accepted = await world.store.activations.accept_in_chat(
            first.id, version=first.version, person="U1", audit=world.audit()
        )
        assert accepted is None
        [again] = await chats.due(owner="w", now=world.clock.now())
        assert (again.email, again.person, again.earlier.ts) == (NEW, "", "1")
        assert (await standing(world, NEW)).chat is ChatState.PENDING


async def test_a_mail_that_came_back_is_told_until_it_is_sent_again(world):
    first, *_ = await sent(world)
    bounced = world.store.invitations.bounced
    assert not await bounced("<other@example.com>", detail="5.1.1")
    assert await bounced(first.message_id, detail="5.1.1")
    found = await standing(world, first.email)
    assert (found.undelivered, found.error, found.detail) == (True, "mail_bounced", "5.1.1")
    [cycle] = await world.store.cycles.list()
    assert await world.store.invitation_standings.failed_of(cycle.id) == 1
    assert (await world.store.invitation_standings.queue()).failed == 1
    await world.store.activations.invite([first.email], resend=True, audit=world.audit())
    assert (await world.store.invitation_standings.queue()).failed == 0
    assert not await bounced(first.message_id, detail="late")
    [again] = await sent(world)
    assert (await standing(world, first.email)).state is InvitationState.SENT
    assert (await accept(world, again.token)).status is UserStatus.ACTIVE


async def test_a_mail_that_is_said_to_have_come_back_can_still_be_accepted(world):
    first, *_ = await sent(world)
    await world.store.invitations.bounced(first.message_id, detail="5.1.1")
    assert (await accept(world, first.token)).status is UserStatus.ACTIVE
    assert (await world.store.invitation_standings.queue()).failed == 0


async def test_what_the_cycle_could_not_deliver_is_on_its_card_again(world):
    first, *_ = await world.store.invitations.due(owner="w", limit=100, now=world.clock.now())
    [cycle] = await world.store.cycles.list()
    key = f"cycle:{cycle.id}"
    while due := await world.store.outbox.due(owner="n", now=world.clock.now()):
        for item, _shown in due:
            await world.store.outbox.delivered(item, None, now=world.clock.now())
    await world.store.invitations.failed(first, error="mail_bounced", retry_at=None, detail="550")
    assert [
        item.key for item, _ in await world.store.outbox.due(owner="n", now=world.clock.now())
    ] == [key]
