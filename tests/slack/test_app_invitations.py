"""Invitations in Slack: who is written to, what their button does, and what trouble does to it."""

from __future__ import annotations

import asyncio

import pytest
from app_world import (
    ADMIN,
    ADMIN_2,
    CHANNEL,
    CLI,
    GUEST,
    MEMBER,
    OWNER,
    STRANGER,
    VIEWER,
    World,
    app_world,
    until,
)
from test_app_commands import block_action

from bot.demo.dispatch import Kind
from bot.demo.faults import Fault, FaultKind
from bot.demo.screen import Shown
from bot.demo.team import DEFAULT_SCOPES
from bot.demo.workspace import Message
from bot.slack.direct import DirectMessages
from core.errors import TransientRemoteError
from core.model.account import UserStatus
from tests.support.figures import FULL

INVITED = "You are invited"
SOMEBODY = (MEMBER, VIEWER, ADMIN_2)


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path, people=6, licenses=2, send="slack") as made:
        make_known(made, *SOMEBODY)
        yield made


def make_known(world: World, *users: str) -> None:
    """Give members of the workspace the addresses of the first people of the directory."""
    emails = [person.email for person in world.directory.company.people]
    for user, email in zip(users, emails, strict=False):
        world.demo.workspace.change_person(user, email=email)


def sent_to(world: World, user: str) -> list[Message]:
    messages = world.demo.workspace._messages[f"D{user[1:]}"].values()
    return [each for each in messages if INVITED in each.text]


async def letter(world: World, user: str) -> Shown:
    """Return the invitation that somebody got."""
    page = await world.as_(user)
    return await page.message(INVITED, channel=f"D{user[1:]}")


async def press(world: World, user: str, button: str, expected: str) -> Shown:
    """Press the button of one's own invitation, and return it as it says something else."""
    page = await world.as_(user)
    direct = f"D{user[1:]}"
    newest = next(each for each in page.screen.messages(direct) if button in each.text)
    mark = page.mark()
    await page.click(button, on=newest)
    shown = await page.message(expected, channel=direct, after=mark)
    assert shown.ts == newest.ts
    return shown


async def status(world: World, user: str) -> UserStatus:
    email = world.demo.workspace.people[user].email
    return (await world.core.store.people.by_email(email)).status


async def test_the_button_lets_in_or_into_the_line_and_the_message_says_which(world):
    await world.synced()
    first = await letter(world, MEMBER)
    assert world.demo.workspace.people[MEMBER].email in first.text
    await letter(world, VIEWER)
    await letter(world, ADMIN_2)
    await press(world, MEMBER, "Accept", "You are in")
    await press(world, VIEWER, "Accept", "You are in")
    await press(world, ADMIN_2, "Accept", "Your place in line: 1")
    assert await status(world, MEMBER) is UserStatus.ACTIVE
    assert await status(world, ADMIN_2) is UserStatus.WAITING
    await press(world, ADMIN_2, "Is one free by now?", "Your place in line: 1")
    await world.core.licenses.set_total(CLI, 3)
    await press(world, ADMIN_2, "Is one free by now?", "You are in")


async def test_whom_slack_does_not_know_as_a_member_gets_mail(world):
    make_known(world, MEMBER, GUEST, STRANGER, VIEWER, OWNER)
    world.demo.workspace.change_person(ADMIN_2, email="other@example.com")
    world.demo.workspace.change_person(VIEWER, is_email_confirmed=False)
    world.demo.workspace.change_person(OWNER, deleted=True)
    await world.synced()
    invited = (await world.core.store.licenses.summary()).invited
    await until(lambda: len(world.links()) == invited - 1 and bool(sent_to(world, MEMBER)))
    for user in (GUEST, VIEWER):
        assert sent_to(world, user) == []


async def test_a_button_in_other_hands_does_nothing(world):
    await world.synced()
    await letter(world, MEMBER)
    [message] = sent_to(world, MEMBER)
    [value] = [
        element["value"]
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]
    for number, (user, given) in enumerate(
        [(VIEWER, value), (ADMIN, value), (GUEST, value), (MEMBER, "1|9"), (MEMBER, "x")]
    ):
        body = block_action(user, "accept", given, number)
        await world.demo.dispatcher.send(Kind.INTERACTIVE, body)
    await until(lambda: not world.runtime.supervisor._tasks)
    assert (await world.core.store.licenses.summary()).used == 0
    await press(world, MEMBER, "Accept", "You are in")


TROUBLE = [
    ("chat.postMessage", FaultKind.DROP_AFTER, 2),
    ("chat.postMessage", FaultKind.RATE_LIMITED, 1),
    ("chat.postMessage", FaultKind.SERVER_ERROR, 1),
    ("chat.postMessage", FaultKind.DROP_BEFORE, 1),
    ("conversations.open", FaultKind.SERVER_ERROR, 1),
]
TRIED = TROUBLE if FULL else TROUBLE[:2]


async def test_trouble_on_the_way_loses_nobody_and_the_button_still_lets_in_once(tmp_path):
    async with app_world(tmp_path, people=1, licenses=2, send="slack") as world:
        make_known(world, MEMBER)
        for kind in (FaultKind.RATE_LIMITED, FaultKind.DROP_BEFORE):
            world.faults.inject("users.lookupByEmail", Fault(kind=kind, seconds=1))
        await world.synced()
        await until(lambda: len(sent_to(world, MEMBER)) == 1)
        email = world.demo.workspace.people[MEMBER].email
        audit = world.core.audit.entry(CLI, "invite", "test")
        for method, kind, copies in TRIED:
            before = {each.ts for each in sent_to(world, MEMBER)}
            world.faults.inject(method, Fault(kind=kind, seconds=1))
            await world.core.store.activations.invite([email], resend=True, audit=audit)
            world.core.background.wake()
            await until(lambda ts=before, n=copies: _renewed(world, ts, n))
        await press(world, MEMBER, "Accept", "You are in")
        assert (await world.core.store.licenses.summary()).used == 1
        assert world.links() == []


def _renewed(world: World, before: set[str], copies: int) -> bool:
    """Whether so many new invitations arrived, and the last one before says that it is void."""
    now = {each.ts for each in sent_to(world, MEMBER)}
    return len(now - before) == copies and max(before) not in now


async def test_without_the_scope_for_addresses_everybody_gets_mail(tmp_path):
    scopes = DEFAULT_SCOPES - {"users:read.email"}
    async with app_world(tmp_path, people=3, licenses=2, send="slack", scopes=scopes) as world:
        make_known(world, *SOMEBODY)
        await world.synced()
        await until(lambda: len(world.links()) == 3)
        assert sent_to(world, MEMBER) == []


async def test_lookups_keep_a_pace_and_remember_whom_they_found(world):
    now = [0.0]
    direct = DirectMessages(world.runtime.client, clock=lambda: now[0])
    direct.per_minute = 2
    known = world.demo.workspace.people[MEMBER].email
    assert (await direct.find(known)).person == MEMBER
    assert (await direct.find("nobody@example.com")).why == "chat_unknown"
    with pytest.raises(TransientRemoteError) as refused:
        await direct.find("other@example.com")
    assert refused.value.retry_after == 60
    assert (await direct.find(known.upper())).person == MEMBER
    now[0] = 61.0
    assert (await direct.find("other@example.com")).why == "chat_unknown"


async def test_everybody_is_invited_once_the_number_is_confirmed(tmp_path):
    async with app_world(
        tmp_path, people=6, licenses=2, send="staged", invitations_per_minute=2
    ) as world:
        await world.synced()
        waits = (await world.core.activation.staged(CLI)).ready
        question = await world.ask(ADMIN, "invite --all --by mail")
        assert f"Invite {waits} people" in question.text
        assert f"{waits - 2} of all who are invited or waiting would find no" in question.text
        assert world.links() == []
        stale = await world.ask(ADMIN, f"invite --all --sure {waits + 1}")
        assert "Meanwhile" in stale.text
        done = await world.click(ADMIN, f"Invite {waits} people", on=stale, sure=True)
        assert f"{waits} people invited" in done.text
        assert "on their way, done in about 2 min" in done.text
        await until(lambda: len(world.links()) == 2)
        assert "on their way, done in about" in (await world.ask(VIEWER, "status")).text
        assert "Everybody is invited already" in (await world.ask(ADMIN, "invite --all")).text
        assert "Name people" in (await world.ask(ADMIN, "invite")).text


async def test_mail_whose_template_has_a_mistake_waits_and_is_sent_once_it_is_mended(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "invitation.txt").write_text("{{ nmae }} {{ link }}")
    async with app_world(tmp_path, people=2, licenses=2, mail_templates_dir=folder) as world:
        await world.synced()
        queue = world.core.activation.on_their_way
        async with asyncio.timeout(10):
            while (await queue()).held < 2:  # noqa: ASYNC110 - what is waited for is stored
                await asyncio.sleep(0.05)
        assert "2 invitations cannot be sent" in (await world.ask(VIEWER, "status")).text
        page = await world.as_(ADMIN)
        card = await page.message("a mail template has a mistake", channel=CHANNEL)
        assert "dirsync doctor" in card.text
        assert world.links() == []
        (folder / "invitation.txt").write_text("{{ name }} {{ link }}")
        await until(lambda: len(world.links()) == 2)
        await page.message("Invitations are not sent: over", channel=CHANNEL)
