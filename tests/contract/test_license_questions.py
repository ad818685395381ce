"""Asking people whether they still need their license, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.errors import ConflictError, TransientRemoteError
from core.model.account import UserStatus
from core.model.asking import Answer, Question
from core.model.configuration import LicensePolicy
from core.model.inviting import ChatMatch, MessagePlace
from core.scheduling.chatting import question_chats
from core.scheduling.outbox import OutboxLoop
from tests.support.scripted_directory import people
from tests.support.store_world import ADA, StoreWorld, store_world

IDLE = timedelta(days=30)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    """Give four people with the four licenses: u1 and u2 have not logged in for 40 days."""
    async with store_world(database_url, people(6)) as found:
        await found.cycle()
        await found.store.licenses.set_total(4, audit=found.audit())
        names = [f"u{n}@example.com" for n in range(1, 5)]
        await found.store.activations.activate(names, audit=found.audit())
        now = found.clock.now().timestamp()
        for number, days in ((1, 40), (2, 40), (3, 1), (4, 1)):
            await found.sql(
                "UPDATE users SET last_login_at = :at WHERE email = :email",
                at=now - days * 86_400,
                email=f"u{number}@example.com",
            )
        yield found


async def ask(world: StoreWorld, seen: int = 2) -> int:
    before = world.clock.now() - IDLE
    return await world.store.questions.ask(before=before, seen=seen, audit=world.audit())


async def look(world: StoreWorld) -> tuple[int, int]:
    now = world.clock.now()
    return await world.store.questions.look(before=now - IDLE, now=now)


class Chat:
    """A chat that knows everybody by the first two letters of their address, but for faults."""

    def __init__(self, faults: int = 0) -> None:
        self.faults = faults
        self.asked: dict[str, int] = {}

    async def find(self, email: str) -> ChatMatch:
        if self.faults:
            self.faults -= 1
            raise TransientRemoteError("down", code="slack_down")
        return ChatMatch(person=email[:2].upper())

    async def ask(self, question: Question) -> MessagePlace:
        self.asked[question.person] = question.id
        return MessagePlace(channel="D1", ts="1.1")


async def asked(world: StoreWorld, chat: Chat | None = None) -> dict[str, int]:
    """Deliver what is due, and return who was asked which question."""
    chat = chat or Chat()
    line = question_chats(world.store, world.clock, chat)
    await OutboxLoop(store=world.store, clock=world.clock, notifier=None, lines=[line]).drain()
    return chat.asked


async def answer(world: StoreWorld, question: int, person: str, *, give_back: bool):
    return await world.store.questions.answer(
        question, person=person, give_back=give_back, audit=world.audit()
    )


async def test_everybody_without_a_login_is_asked_once_in_thirty_days(world):
    assert await look(world) == (2, 0)
    assert await ask(world) == 2
    assert await look(world) == (0, 2)
    assert await ask(world, seen=0) == 0
    assert [*await asked(world)] == ["U1", "U2"]
    world.clock.time += timedelta(days=29)
    assert (await look(world))[1] == 2
    world.clock.time += timedelta(days=2)
    assert await look(world) == (4, 0)


async def test_two_admins_at_once_ask_once(world):
    found = await asyncio.gather(ask(world), ask(world), return_exceptions=True)
    assert sorted(str(each) for each in found if each == 2) == ["2"]
    (refused,) = [each for each in found if isinstance(each, ConflictError)]
    assert refused.code == "people_changed"
    assert len(await asked(world)) == 2


async def test_giving_back_frees_exactly_one_license_once(world):
    await ask(world)
    questions = await asked(world)
    first = questions["U1"]
    found = await asyncio.gather(*(answer(world, first, "U1", give_back=True) for _ in range(5)))
    assert sorted(str(each) for each in found) == ["None"] * 4 + ["given_back"]
    pool = await world.store.licenses.summary()
    assert (pool.used, pool.free) == (3, 1)
    assert (await world.person("u1@example.com")).status is UserStatus.INVITED


async def test_only_who_was_asked_can_answer(world):
    await ask(world)
    questions = await asked(world)
    for person in ("U2", "", "U9"):
        assert await answer(world, questions["U1"], person, give_back=True) is None
    assert await answer(world, 10**9, "U1", give_back=True) is None
    assert (await world.store.licenses.summary()).used == 4


async def test_who_needs_it_keeps_it_and_may_still_give_it_back(world):
    await ask(world)
    first = (await asked(world))["U1"]
    assert await answer(world, first, "U1", give_back=False) is Answer.KEPT
    before = world.clock.now() - IDLE
    unused = await world.store.license_days.unused(before=before, limit=10)
    assert [(each.email, each.answer) for each in unused.people] == [
        ("u1@example.com", Answer.KEPT),
        ("u2@example.com", Answer.ASKED),
    ]
    assert await answer(world, first, "U1", give_back=True) is Answer.GIVEN_BACK


async def test_what_is_given_back_goes_to_the_first_in_line_where_the_policy_is_automatic(world):
    await world.store.configurations.apply(
        [],
        licenses_total=None,
        licenses_policy=LicensePolicy.AUTOMATIC,
        by=ADA,
        now=world.clock.now(),
    )
    await world.sql("UPDATE users SET status = 'waiting', place = 7 WHERE email = 'u6@example.com'")
    await ask(world)
    first = (await asked(world))["U1"]
    await answer(world, first, "U1", give_back=True)
    assert (await world.person("u6@example.com")).status is UserStatus.ACTIVE
    assert (await world.store.licenses.summary()).used == 4


async def test_an_answer_after_the_license_was_taken_changes_nothing(world):
    await ask(world)
    first = (await asked(world))["U1"]
    await world.store.activations.free(["u1@example.com"], audit=world.audit())
    assert await answer(world, first, "U1", give_back=True) is Answer.VOID
    assert (await world.store.licenses.summary()).used == 3


async def test_who_cannot_be_asked_in_a_day_is_told_as_such(world):
    await ask(world)
    down = Chat(faults=1000)
    for _ in range(26):
        assert await asked(world, down) == {}
        world.clock.time += timedelta(hours=1)
    assert await asked(world) == {}
    before = world.clock.now() - IDLE
    unused = await world.store.license_days.unused(before=before, limit=2)
    assert {each.answer for each in unused.people} == {Answer.UNREACHABLE}


async def test_whom_a_fault_kept_from_being_asked_is_asked_later_and_once(world):
    await ask(world)
    flaky = Chat(faults=3)
    assert await asked(world, flaky) == {}
    world.clock.time += timedelta(hours=1)
    await asked(world, flaky)
    world.clock.time += timedelta(hours=1)
    assert {*await asked(world, flaky)} == {"U1", "U2"}
    assert await asked(world) == {}
