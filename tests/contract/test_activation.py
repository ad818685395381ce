"""Licenses, the waiting line and the links of invitations, over both databases."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from core.model.account import PersonOutcome, UserStatus
from core.model.configuration import LicensePolicy
from core.store.opening import Store, open_store
from tests.support.clocks import WallClock
from tests.support.figures import FULL, SEED, figure
from tests.support.scripted_directory import people
from tests.support.store_world import ADA, StoreWorld, store_world

ACTIVATIONS = figure("simultaneous activations")
REPEATS = 10 if FULL else 2
CROWD, SEATS = (500, 100) if FULL else (100, 25)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    """Give an account of six invited people and three licenses."""
    async with store_world(database_url, people(6)) as found:
        await found.cycle()
        await set_total(found, 3)
        yield found


async def set_total(world: StoreWorld, total: int) -> None:
    await world.store.licenses.set_total(total, audit=world.audit())


async def links(world: StoreWorld) -> dict[str, str]:
    """Send what is due; return the token of each address."""
    due = await world.store.invitations.due(owner="w", limit=1000, now=world.clock.now())
    await world.store.invitations.sent(due, now=world.clock.now())
    return {each.email: each.token for each in due if each.token}


async def accept(world: StoreWorld, token: str):
    return await world.store.activations.accept(token, audit=world.audit())


async def outcomes(world: StoreWorld, names: Sequence[str]) -> list[PersonOutcome]:
    found = await world.store.activations.activate(names, audit=world.audit())
    return [each.outcome for each in found]


async def test_who_accepts_first_gets_in_and_the_others_have_places_in_order(world):
    tokens = list((await links(world)).values())
    found = [await accept(world, token) for token in tokens]
    assert [each.status for each in found[:3]] == [UserStatus.ACTIVE] * 3
    assert [each.place for each in found[3:]] == [1, 2, 3]
    summary = await world.store.licenses.summary()
    assert (summary.used, summary.waiting, summary.invited) == (3, 3, 0)


async def test_looking_at_a_link_changes_nothing_however_often(world):
    tokens = await links(world)
    for token in tokens.values():
        for _ in range(3):
            seen = await world.store.activations.invited(token, now=world.clock.now())
            assert seen.status is UserStatus.INVITED
    assert (await world.store.licenses.summary()).used == 0


async def test_a_used_link_an_unknown_one_and_a_cut_one_are_the_same_nothing(world):
    token = next(iter((await links(world)).values()))
    assert (await accept(world, token)).status is UserStatus.ACTIVE
    for wrong in (token, token[:-1], "", "x" * 30, "\ud800"):
        assert await accept(world, wrong) is None
        assert await world.store.activations.invited(wrong, now=world.clock.now()) is None
    assert (await world.store.licenses.summary()).used == 1


async def test_a_link_ends_after_fourteen_days_and_its_invitation_is_called_expired(world):
    token = next(iter((await links(world)).values()))
    world.clock.time += timedelta(days=14, seconds=1)
    assert await accept(world, token) is None
    assert await world.store.invitations.expire(now=world.clock.now()) == 6
    assert await world.sql("SELECT DISTINCT state FROM invitations") == [("expired",)]


async def test_the_link_of_whoever_waits_works_as_soon_as_a_license_is_theirs(world):
    tokens = list((await links(world)).values())
    for token in tokens:
        await accept(world, token)
    assert (await accept(world, tokens[4])).place == 2
    await set_total(world, 4)
    assert (await accept(world, tokens[4])).place == 2
    assert (await accept(world, tokens[3])).status is UserStatus.ACTIVE
    await set_total(world, 5)
    assert (await accept(world, tokens[4])).status is UserStatus.ACTIVE


async def test_nobody_gets_in_ahead_of_people_who_wait(world):
    tokens = list((await links(world)).values())
    for token in tokens[:5]:
        await accept(world, token)
    await set_total(world, 5)
    late = await accept(world, tokens[5])
    assert (late.status, late.place) == (UserStatus.WAITING, 3)
    await set_total(world, 6)
    assert (await accept(world, tokens[5])).status is UserStatus.ACTIVE


async def test_chosen_people_are_activated_in_order_each_with_a_reason_if_not(world):
    await world.sql("UPDATE users SET status = 'disabled' WHERE email = 'u6@example.com'")
    names = [f"u{n}@example.com" for n in (1, 1, 2, 6)] + ["nobody@example.com"]
    names += [f"u{n}@example.com" for n in (3, 4)]
    assert await outcomes(world, names) == [
        PersonOutcome.ACTIVATED,
        PersonOutcome.ACTIVATED,
        PersonOutcome.DISABLED,
        PersonOutcome.UNKNOWN,
        PersonOutcome.ACTIVATED,
        PersonOutcome.NO_LICENSE,
    ]
    assert await outcomes(world, ["u1@example.com"]) == [PersonOutcome.ALREADY_ACTIVE]


async def test_the_first_in_line_are_activated_and_told_as_far_as_licenses_are_free(world):
    tokens = await links(world)
    for token in tokens.values():
        await accept(world, token)
    await set_total(world, 5)
    found = await world.store.activations.activate_waiting(9, audit=world.audit())
    assert [each.outcome for each in found] == [PersonOutcome.ACTIVATED] * 2 + [
        PersonOutcome.WAITING
    ]
    assert [each.place for each in found] == [None, None, 1]
    due = await world.store.invitations.due(owner="w", now=world.clock.now())
    assert [each.email for each in due] == [each.asked for each in found[:2]]
    assert {each.purpose.value for each in due} == {"welcome"}


async def test_with_the_automatic_policy_a_free_license_finds_whoever_waits_longest(world):
    tokens = list((await links(world)).items())
    for _, token in tokens:
        await accept(world, token)
    await world.store.configurations.apply(
        [],
        licenses_total=None,
        licenses_policy=LicensePolicy.AUTOMATIC,
        by=ADA,
        now=world.clock.now(),
    )
    world.directory.remove("u1")
    await world.cycle()
    assert (await world.person("u1@example.com")).status is UserStatus.DISABLED
    assert (await world.person(tokens[3][0])).status is UserStatus.ACTIVE
    summary = await world.store.licenses.summary()
    assert (summary.used, summary.waiting) == (3, 2)


async def test_whoever_is_disabled_while_waiting_comes_back_to_their_place(world):
    tokens = list((await links(world)).items())
    for _, token in tokens:
        await accept(world, token)
    email, token = tokens[4]
    external = email.partition("@")[0]
    kept = world.directory.people
    world.directory.people = [each for each in kept if each.id != external]
    await world.cycle()
    assert await accept(world, token) is None
    world.directory.people = kept
    await world.cycle()
    assert (await accept(world, token)).place == 2


async def test_whoever_comes_back_to_a_free_license_is_welcomed_and_not_invited_again(world):
    tokens = list((await links(world)).items())
    for _, token in tokens:
        await accept(world, token)
    email, _ = tokens[3]
    external = email.partition("@")[0]
    kept = world.directory.people
    world.directory.people = [each for each in kept if each.id != external]
    await world.cycle()
    await set_total(world, 6)
    await world.store.configurations.apply(
        [],
        licenses_total=None,
        licenses_policy=LicensePolicy.AUTOMATIC,
        by=ADA,
        now=world.clock.now(),
    )
    await links(world)
    world.directory.people = kept
    await world.cycle()
    assert (await world.person(email)).status is UserStatus.ACTIVE
    due = await world.store.invitations.due(owner="w", now=world.clock.now())
    assert [(each.email, each.purpose.value) for each in due] == [(email, "welcome")]


async def test_a_freed_license_leaves_its_person_invited_with_a_new_link(world):
    tokens = await links(world)
    assert await outcomes(world, ["u1@example.com"]) == [PersonOutcome.ACTIVATED]
    await links(world)
    found = await world.store.activations.free(
        ["u1@example.com", "u2@example.com"], audit=world.audit()
    )
    assert [each.outcome for each in found] == [PersonOutcome.FREED, PersonOutcome.NO_LICENSE]
    assert await accept(world, tokens["u1@example.com"]) is None
    again = await links(world)
    assert (await accept(world, again["u1@example.com"])).status is UserStatus.ACTIVE


async def test_an_invitation_that_is_sent_again_makes_the_earlier_link_useless(world):
    before = await links(world)
    ask = world.store.activations.invite
    asked = await ask(["u1@example.com"], resend=False, audit=world.audit())
    assert [each.outcome for each in asked] == [PersonOutcome.ALREADY_INVITED]
    asked = await ask(["u1@example.com"], resend=True, audit=world.audit())
    assert [each.outcome for each in asked] == [PersonOutcome.INVITED]
    after = await links(world)
    assert list(after) == ["u1@example.com"]
    assert await accept(world, before["u1@example.com"]) is None
    assert (await accept(world, after["u1@example.com"])).status is UserStatus.ACTIVE


async def test_every_attempt_of_one_mail_has_a_link_that_works_until_one_is_used(world):
    now = world.clock.now()
    first = await world.store.invitations.due(owner="w", now=now)
    world.clock.time += timedelta(minutes=3)
    second = await world.store.invitations.due(owner="w", now=world.clock.now())
    assert [each.message_id for each in first] == [each.message_id for each in second]
    assert first[0].token != second[0].token
    assert (await accept(world, first[0].token)).status is UserStatus.ACTIVE
    assert await accept(world, second[0].token) is None


async def test_the_store_never_holds_a_token(world):
    tokens = await links(world)
    rows = await world.sql("SELECT token_hash FROM invitation_tokens")
    kept = {bytes(row[0]) for row in rows}
    assert len(kept) == 6
    assert not any(token.encode() in kept for token in tokens.values())


async def test_an_episode_has_one_alert_that_is_edited_and_then_over(world):
    tokens = list((await links(world)).values())

    async def alert() -> list[tuple[object, ...]]:
        return await world.sql("SELECT payload, version FROM outbox WHERE kind = 'alert'")

    await accept(world, tokens[0])
    assert await alert() == []
    for token in tokens[1:]:
        await accept(world, token)
    (found,) = await alert()
    assert '"resolved":false' in found[0]
    await set_total(world, 20)
    await world.store.activations.activate_waiting(9, audit=world.audit())
    (found,) = await alert()
    assert '"resolved":true' in found[0]


async def test_lowering_the_total_throws_nobody_out(world):
    for token in list((await links(world)).values())[:3]:
        await accept(world, token)
    await set_total(world, 1)
    summary = await world.store.licenses.summary()
    assert (summary.used, summary.total, summary.free) == (3, 1, 0)


@pytest.mark.timeout(600)
async def test_of_a_crowd_at_once_exactly_as_many_get_in_as_there_are_licenses(database_url):
    shared = database_url.startswith("postgresql")
    async with store_world(database_url, people(CROWD)) as world:
        await world.cycle()
        for repeat in range(REPEATS):
            tokens = list((await links(world)).values())
            await set_total(world, SEATS)
            async with AsyncExitStack() as stack:
                stores = [world.store]
                if shared:
                    stores += [await opened(stack, database_url) for _ in range(3)]
                with ACTIVATIONS.trying(CROWD):
                    await crowd(world, stores, tokens, random.Random(SEED + repeat))
            await start_over(world)


async def opened(stack: AsyncExitStack, url: str) -> Store:
    return await stack.enter_async_context(
        await open_store(url, clock=WallClock(), migrate=False, exclusive=False)
    )


async def crowd(
    world: StoreWorld, stores: Sequence[Store], tokens: list[str], chance: random.Random
) -> None:
    """Let everybody accept at once, through several stores; somebody looks meanwhile."""
    order = chance.sample(tokens, len(tokens))
    seen: list[int] = []

    async def look() -> None:
        while True:
            seen.append((await world.store.licenses.summary()).used)
            await asyncio.sleep(0.005)

    watcher = asyncio.create_task(look())
    doors = itertools.cycle(stores)
    found = await asyncio.gather(
        *(next(doors).activations.accept(token, audit=world.audit()) for token in order)
    )
    watcher.cancel()
    inside = [each for each in found if each.status is UserStatus.ACTIVE]
    places = sorted(each.place for each in found if each.place)
    assert len(inside) == SEATS
    assert places == list(range(1, CROWD - SEATS + 1))
    assert max(seen) <= SEATS
    assert (await world.store.licenses.summary()).used == SEATS
    alerts = await world.sql("SELECT count(*) FROM outbox WHERE kind = 'alert'")
    assert alerts == [(1,)]


async def start_over(world: StoreWorld) -> None:
    """Put everybody back to invited, with a new link."""
    await world.sql("DELETE FROM outbox WHERE kind = 'alert'")
    await world.sql("UPDATE license_pool SET alerted = 0")
    await world.sql("UPDATE users SET status = 'invited', licensed = FALSE, place = NULL")
    await world.store.activations.invite(
        [f"u{n}@example.com" for n in range(1, CROWD + 1)], resend=True, audit=world.audit()
    )
