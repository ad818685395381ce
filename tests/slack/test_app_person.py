"""The buttons of a person's card: by state and role, with a question where something is taken."""

from __future__ import annotations

import pytest
from app_world import ADMIN, VIEWER, app_world
from test_app_commands import block_action

from bot.demo.dispatch import Kind
from bot.demo.visitor import NotThereError
from bot.slack.ids import Act, Stamp
from core.model.account import Actor, Role, UserStatus

SYSTEM = Actor(id="cli:t", name="t", role=Role.ADMIN, door="cli")
DENIED = "You may not do this"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path, people=6, licenses=2) as made:
        await made.synced()
        yield made


async def emails(world) -> list[str]:
    found = await world.core.store.people.search(status=UserStatus.INVITED)
    return [each.email for each in found]


async def status(world, email: str) -> UserStatus:
    return (await world.core.store.people.by_email(email)).status


async def test_somebody_invited_is_activated_and_the_license_freed_again_after_a_question(world):
    ada = (await emails(world))[0]
    card = await world.ask(ADMIN, f"user {ada}")
    card = await world.click(ADMIN, "Activate", on=card)
    assert "Activated just now" in card.text
    assert await status(world, ada) is UserStatus.ACTIVE
    with pytest.raises(NotThereError):
        await world.click(ADMIN, "Activate", on=card)
    card = await world.click(ADMIN, "Free the license", on=card, sure=True)
    assert "The license is free" in card.text
    assert await status(world, ada) is UserStatus.INVITED
    card = await world.click(ADMIN, "Resend invitation", on=card, sure=True)
    assert "An invitation is on its way" in card.text


async def test_without_a_free_license_the_card_says_so(world):
    ada, *others = await emails(world)
    await world.core.activation.activate(SYSTEM, others[:2])
    card = await world.ask(ADMIN, f"user {ada}")
    card = await world.click(ADMIN, "Activate", on=card)
    assert "Nothing was done: no license is free" in card.text
    assert await status(world, ada) is UserStatus.INVITED


async def test_a_button_of_an_old_card_changes_nothing_and_shows_where_the_person_stands(world):
    ada = (await emails(world))[0]
    old = await world.ask(ADMIN, f"user {ada}")
    await world.core.activation.activate(SYSTEM, [ada])
    card = await world.click(ADMIN, "Resend invitation", on=old, sure=True)
    assert "Meanwhile this has changed" in card.text
    assert await status(world, ada) is UserStatus.ACTIVE


async def test_viewers_see_no_buttons_and_forged_clicks_change_nothing(world):
    ada = (await emails(world))[0]
    seen = await world.ask(VIEWER, f"user {ada}")
    assert "Activate" not in str(seen.message)
    person = await world.core.store.people.by_email(ada)
    right = Stamp(id=str(person.id), revision=person.status.value).pack()
    page = await world.as_(VIEWER)
    for number, (act, value) in enumerate(
        (act, value)
        for act in (Act.ACTIVATE, Act.INVITE, Act.FREE)
        for value in (right, f"{person.id}|active", "9" * 40 + "|invited", "²|invited", "x|", "")
    ):
        mark = page.mark()
        click = block_action(VIEWER, act.value, value, number)
        await world.demo.dispatcher.send(Kind.INTERACTIVE, click)
        answer = (await world.private(VIEWER, after=mark)).text
        told = (DENIED, "Meanwhile", "no such person", "another version of dirsync")
        assert any(each in answer for each in told), answer
    assert await status(world, ada) is UserStatus.INVITED


async def test_licenses_are_freed_by_name_only_after_the_question(world):
    ada, bob, *_ = await emails(world)
    await world.core.activation.activate(SYSTEM, [ada, bob])
    question = await world.ask(ADMIN, f"free {ada} {bob}")
    assert await status(world, ada) is UserStatus.ACTIVE
    done = await world.click(ADMIN, "Free 2 licenses", on=question, sure=True)
    assert "2 people freed" in done.text
    assert await status(world, ada) is UserStatus.INVITED
    many = " ".join(f"{'x' * 60}{n}@example.com" for n in range(40))
    assert "too many people" in (await world.ask(ADMIN, f"free {many}")).text
