"""Invitations by chat over both databases: delivery and its faults, and who may accept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.errors import RemoteError, TransientRemoteError
from core.model.account import Invitation, UserStatus
from core.model.configuration import InvitationWay, LicensePolicy
from core.model.inviting import ChatInvitation, ChatMatch, MessagePlace
from core.scheduling.chatting import invitation_chats
from core.scheduling.inviting import MailLine
from core.scheduling.outbox import OutboxLoop
from tests.support.scripted_directory import people
from tests.support.store_world import StoreWorld, store_world

HOUR = timedelta(hours=1)


class Chat:
    """A chat where everybody is known by `U-` and their name, but for the `unknown`."""

    def __init__(self, unknown: dict[str, str] | None = None) -> None:
        self.unknown = unknown or {}
        self.faults: list[RemoteError] = []
        self.after: list[RemoteError] = []
        self.asked: list[str] = []
        self.written: list[ChatInvitation] = []

    async def find(self, email: str) -> ChatMatch:
        self.asked.append(email)
        if self.faults:
            raise self.faults.pop(0)
        if why := self.unknown.get(email):
            return ChatMatch(why=why)
        return ChatMatch(person=f"U-{email}")

    async def invite(self, invitation: ChatInvitation) -> MessagePlace:
        self.written.append(invitation)
        if self.after:
            raise self.after.pop(0)
        return MessagePlace(channel="D1", ts=str(len(self.written)))


class Side:
    """A world whose invitations go to a scripted chat and a scripted letterbox."""

    def __init__(self, world: StoreWorld) -> None:
        self.world = world
        self.chat = Chat()
        self.mails: list[Invitation] = []

    async def _mail(self, invitation: Invitation) -> None:
        self.mails.append(invitation)

    @property
    def mailed(self) -> list[str]:
        return sorted(each.email for each in self.mails)

    @property
    def written(self) -> list[str]:
        return sorted(each.email for each in self.chat.written)

    async def deliver(self) -> None:
        """Deliver until nothing is due."""
        store, clock = self.world.store, self.world.clock
        mail = MailLine(store=store, clock=clock, send=self._mail)
        chat = invitation_chats(store, clock, self.chat)
        await OutboxLoop(store=store, clock=clock, notifier=None, lines=[mail, chat]).drain()

    async def later(self, length: timedelta = HOUR) -> None:
        """Let time pass, then deliver."""
        self.world.clock.time += length
        await self.deliver()

    async def press(self, given: ChatInvitation, person: str = "", version: int = 0):
        """Press the button of a message."""
        return await self.world.store.activations.accept_in_chat(
            given.id,
            version=version or given.version,
            person=person or given.person,
            audit=self.world.audit(),
        )


@pytest.fixture
async def side(database_url: str) -> AsyncIterator[Side]:
    """Give an account of four people who are invited in Slack, and three licenses."""
    async with store_world(database_url, people(4), invitations=InvitationWay.SLACK) as world:
        await world.cycle()
        await world.store.licenses.set_total(3, audit=world.audit())
        yield Side(world)


async def test_each_person_is_written_to_once_and_a_second_cycle_sends_nothing(side: Side):
    await side.deliver()
    assert side.written == [f"u{n}@example.com" for n in (1, 2, 3, 4)]
    await side.world.cycle()
    await side.later()
    assert (len(side.chat.written), side.mails) == (4, [])
    assert await side.world.sql("SELECT DISTINCT way, state FROM invitations") == [
        ("slack", "sent")
    ]


async def test_whoever_is_not_found_gets_mail_instead_and_the_reason_is_kept(side: Side):
    side.chat.unknown = {"u2@example.com": "chat_unknown", "u3@example.com": "chat_guest"}
    await side.deliver()
    assert (side.written, side.mailed) == (
        ["u1@example.com", "u4@example.com"],
        ["u2@example.com", "u3@example.com"],
    )
    await side.later()
    assert (len(side.chat.written), len(side.mails)) == (2, 2)
    found = await side.world.sql(
        "SELECT error FROM invitation_chats WHERE state = 'unmatched' ORDER BY invitation_id"
    )
    assert found == [("chat_unknown",), ("chat_guest",)]


async def test_with_both_ways_each_person_gets_a_mail_and_a_message(database_url: str):
    async with store_world(database_url, people(2), invitations=InvitationWay.BOTH) as world:
        await world.cycle()
        side = Side(world)
        side.chat.unknown = {"u1@example.com": "chat_unknown"}
        await side.deliver()
        await side.later()
        assert side.written == ["u2@example.com"]
        assert side.mailed == ["u1@example.com", "u2@example.com"]


async def test_a_pause_that_slack_asks_for_stops_all_and_nobody_is_lost(side: Side):
    side.chat.faults = [TransientRemoteError("429", code="slack_ratelimited", retry_after=30)]
    chat = invitation_chats(side.world.store, side.world.clock, side.chat)
    loop = OutboxLoop(store=side.world.store, clock=side.world.clock, notifier=None, lines=[chat])
    await loop.drain()
    assert (len(side.chat.asked), side.chat.written) == (1, [])
    side.world.clock.time += timedelta(seconds=31)
    await loop.drain()
    assert side.written == [f"u{n}@example.com" for n in (1, 2, 3, 4)]


async def test_a_message_of_unknown_outcome_is_sent_again_under_the_same_name(side: Side):
    side.chat.after = [TransientRemoteError("dropped"), TransientRemoteError("500")]
    await side.deliver()
    await side.later()
    keys = [each.key for each in side.chat.written]
    assert (len(keys), len({*keys})) == (6, 4)
    assert len(side.chat.asked) == 4
    first = side.chat.written[0]
    assert (await side.press(first)).status is UserStatus.ACTIVE
    assert (await side.press(first)).status is UserStatus.ACTIVE
    assert (await side.world.store.licenses.summary()).used == 1


async def test_after_a_day_without_slack_everybody_gets_mail(side: Side):
    for _ in range(30):
        side.chat.faults = [TransientRemoteError("down")] * 4
        await side.later()
        if side.mails:
            break
    assert side.mailed == [f"u{n}@example.com" for n in (1, 2, 3, 4)]
    assert side.chat.written == []
    since = side.world.clock.now() - timedelta(hours=24)
    assert all(each.attempts == 0 for each in side.mails)
    assert await side.world.sql(
        "SELECT count(*) FROM invitation_chats WHERE error = 'chat_unreachable'"
        " AND created_at <= :since",
        since=since.timestamp(),
    ) == [(4,)]


async def test_only_the_person_who_was_written_to_can_accept_and_only_by_the_newest_message(
    side: Side,
):
    await side.deliver()
    first, second, third, _ = side.chat.written
    for person, version, given in (
        (second.person, 0, first),
        ("U-nobody", 0, first),
        ("", 2, first),
    ):
        assert await side.press(given, person, version) is None
    assert (await side.world.store.licenses.summary()).used == 0
    again = await side.world.store.activations.invite(
        [first.email], resend=True, audit=side.world.audit()
    )
    assert [each.outcome.value for each in again] == ["invited"]
    assert await side.press(first) is None
    await side.deliver()
    newest = side.chat.written[-1]
    assert (newest.id, newest.version, newest.earlier.ts) == (first.id, 2, "1")
    assert (await side.press(newest)).status is UserStatus.ACTIVE
    assert (await side.press(second)).status is UserStatus.ACTIVE
    assert (await side.press(third)).status is UserStatus.ACTIVE
    assert (await side.press(side.chat.written[3])).place == 1


async def test_a_message_sent_anew_while_it_was_on_its_way_is_void_where_it_arrived(side: Side):
    store, now = side.world.store, side.world.clock.now()
    [under_way] = await store.chat_invitations.due(owner="m", now=now)
    await store.activations.invite([under_way.email], resend=True, audit=side.world.audit())
    await store.chat_invitations.sent(under_way, MessagePlace(channel="D7", ts="7"), now=now)
    await side.deliver()
    newest = next(each for each in side.chat.written if each.id == under_way.id)
    assert (newest.version, newest.earlier) == (2, MessagePlace(channel="D7", ts="7"))


async def test_a_message_that_is_fourteen_days_old_or_of_somebody_disabled_accepts_nothing(
    side: Side,
):
    await side.deliver()
    first, second, *_ = side.chat.written
    side.world.directory.change("u1", active=False)
    await side.world.cycle()
    assert await side.press(first) is None
    assert await side.world.store.invitations.expire(now=side.world.clock.now()) == 0
    side.world.clock.time += timedelta(days=14)
    assert await side.press(second) is None
    assert await side.world.store.invitations.expire(now=side.world.clock.now()) == 3


async def test_who_waited_is_told_of_the_license_where_the_invitation_was(side: Side):
    await side.deliver()
    for given in [*side.chat.written]:
        await side.press(given)
    await side.world.sql(
        "UPDATE license_pool SET policy = :policy", policy=LicensePolicy.AUTOMATIC.value
    )
    await side.world.store.licenses.set_total(4, audit=side.world.audit())
    await side.deliver()
    welcome = side.chat.written[-1]
    assert (welcome.purpose.value, welcome.email, side.mails) == ("welcome", "u4@example.com", [])


async def test_a_mail_sent_anew_while_it_was_on_its_way_is_still_sent(database_url: str):
    async with store_world(database_url, people(1)) as world:
        await world.cycle()
        now = world.clock.now()
        [claimed] = await world.store.invitations.due(owner="m", now=now)
        await world.store.activations.invite([claimed.email], resend=True, audit=world.audit())
        await world.store.invitations.sent([claimed], now=now)
        await world.store.invitations.failed(claimed, error="late", retry_at=None)
        [again] = await world.store.invitations.due(owner="m", now=now)
        assert again.message_id != claimed.message_id
