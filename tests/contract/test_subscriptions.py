"""Channels that subscribed, on both databases: copies of what is told, each by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.app import open_core
from core.errors import ConflictError, NotFoundError, NotPermittedError
from core.model.account import Actor, Role
from core.model.configuration import ConfigurationId
from core.model.events import AlertKind, AuditEntry, EventKind, NewOutboxItem
from core.model.subscriptions import NoticeKind, Subscription
from core.services.notify_words import EVERYTHING
from core.settings import Settings
from tests.support.people import Desk
from tests.support.small_workspace import SmallWorkspace

OWN = "C0000000000"
FAILURES, HELD, LICENSES = NoticeKind.FAILURES, NoticeKind.HELD, NoticeKind.LICENSES
ADMIN = Actor(id="slack:U0ADMIN001", name="Tomasz", role=Role.ADMIN, door="slack")


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    await desk.configure(licenses=2)
    return desk


def entry(desk):
    return AuditEntry(
        at=desk.clock.now(),
        actor="a",
        door="cli",
        action="notify.add",
        subject="C1",
        allowed=True,
        detail={},
    )


async def subscribed(desk, channel, *kinds, about=None):
    made = Subscription(
        channel=channel,
        configuration=about and ConfigurationId(about),
        kinds=frozenset(kinds),
        by="slack:U1",
        at=desk.clock.now(),
    )
    await desk.store.subscriptions.put(made, audit=entry(desk))
    return made


def failed(key="alert:sync_failed:c-1", channel="C0"):
    return NewOutboxItem(
        key=key,
        stream="c-1",
        kind=EventKind.ALERT,
        subject="c-1",
        channel=channel,
        payload={"kind": AlertKind.SYNC_FAILED.value},
    )


async def due(desk):
    return [item for item, _ in await desk.store.outbox.due(owner="n", now=desk.clock.now())]


async def test_a_channel_keeps_what_it_subscribed_to_last(desk):
    await subscribed(desk, "C1", FAILURES, HELD)
    await subscribed(desk, "C1", LICENSES, about="f-1")
    narrower = await subscribed(desk, "C1", HELD)
    found = await desk.store.subscriptions.all()
    assert [each.kinds for each in found] == [{HELD}, {LICENSES}]
    assert found[0] == narrower
    assert await desk.store.subscriptions.drop("C1", None, audit=entry(desk))
    assert not await desk.store.subscriptions.drop("C1", None, audit=entry(desk))
    assert len(await desk.store.subscriptions.all()) == 1


async def test_an_item_comes_with_a_copy_for_each_channel_that_wants_its_kind(desk):
    await subscribed(desk, "C1", FAILURES)
    await subscribed(desk, "C2", LICENSES)
    await subscribed(desk, "C3", HELD)
    await subscribed(desk, "C3", FAILURES, about="f-1")
    await subscribed(desk, "C0", FAILURES)
    await desk.store.outbox.put([failed()], now=desk.clock.now())
    found = {item.key: item for item in await due(desk)}
    assert {*found} == {failed().key, f"{failed().key}@C1", f"{failed().key}@C3"}
    copy = found[f"{failed().key}@C1"]
    assert (copy.channel, copy.copy_of, copy.payload["primary"]) == ("C1", failed().key, "C0")
    assert copy.stream != found[failed().key].stream


async def test_what_belongs_to_one_channel_has_no_copies(desk):
    await subscribed(desk, "C1", *NoticeKind)
    alone = [
        NewOutboxItem(key=key, stream=key, kind=kind, subject="s", payload=payload)
        for key, kind, payload in (
            ("test", EventKind.ALERT, {"kind": "test"}),
            ("thread", EventKind.RECORD, {"text_key": "thread"}),
            ("notify", EventKind.RECORD, {"text_key": "notify"}),
        )
    ]
    await desk.store.outbox.put(alone, now=desk.clock.now())
    assert {item.key for item in await due(desk)} == {"test", "thread", "notify"}


async def test_a_mark_reaches_the_copies_too(desk):
    await subscribed(desk, "C1", FAILURES)
    await desk.store.outbox.put([failed()], now=desk.clock.now())
    for item in await due(desk):
        await desk.store.outbox.delivered(item, None, now=desk.clock.now())
    assert await due(desk) == []
    await desk.store.alert_marks.put(
        failed().key, by=ADMIN, until=None, card=failed().key, audit=entry(desk)
    )
    assert {item.key for item in await due(desk)} == {failed().key, f"{failed().key}@C1"}


async def test_a_copy_that_waits_holds_up_nothing_else(desk):
    await subscribed(desk, "C1", FAILURES)
    await desk.store.outbox.put([failed()], now=desk.clock.now())
    for item in await due(desk):
        if item.copy_of is None:
            await desk.store.outbox.delivered(item, None, now=desk.clock.now())
        else:
            later = desk.clock.now() + timedelta(hours=1)
            await desk.store.outbox.retry(item, at=later, error="429")
    await desk.store.outbox.put([failed(key="alert:recovered:c-1")], now=desk.clock.now())
    assert [item.key for item in await due(desk)] == ["alert:recovered:c-1"]


async def test_a_lost_channel_is_told_of_once_a_reason_until_it_is_found(desk):
    store, now = desk.store.subscriptions, desk.clock.now()
    assert await store.lost("C1", "is_archived", now=now)
    assert not await store.lost("C1", "is_archived", now=now)
    assert await store.lost("C1", "channel_not_found", now=now)
    [lost] = await store.lost_channels()
    assert (lost.channel, lost.code) == ("C1", "channel_not_found")
    await store.found("C1")
    await store.found("C1")
    assert await store.lost_channels() == []
    assert await store.lost("C1", "is_archived", now=now)


@pytest.fixture
async def core(database_url):
    settings = Settings.for_demo(database_url=database_url, channel=OWN)
    async with open_core(settings, notifier=None, background=False) as opened:
        opened.access.workspace = SmallWorkspace(closed=frozenset({"C9"}))
        yield opened


async def test_a_channel_is_greeted_before_it_is_subscribed_and_refused_if_it_takes_nothing(core):
    view = await core.subscriptions.subscribe(ADMIN, "C1", frozenset({HELD, FAILURES}))
    assert core.access.workspace.greeted == [
        ("C1", "Tomasz subscribed this channel to failures and held")
    ]
    assert not view.unchecked
    with pytest.raises(ConflictError) as caught:
        await core.subscriptions.subscribe(ADMIN, "C9", EVERYTHING)
    assert caught.value.code == "cannot_post"
    assert [each.channel for each in (await core.subscriptions.show(ADMIN)).subscriptions] == ["C1"]


async def test_without_slack_a_channel_is_subscribed_and_said_not_to_be_tried(core):
    core.access.workspace = None
    assert (await core.subscriptions.subscribe(ADMIN, "C1", EVERYTHING)).unchecked
    [(item, _)] = await core.store.outbox.due(owner="n", now=core.clock.now())
    assert (item.channel, item.kind) == ("C1", EventKind.RECORD)


async def test_a_narrowed_channel_leaves_kinds_that_nobody_hears_until_another_takes_them(core):
    assert (await core.subscriptions.show(ADMIN)).unheard == frozenset()
    view = await core.subscriptions.subscribe(ADMIN, OWN, frozenset({LICENSES}))
    assert view.unheard == {NoticeKind.CHANGES}
    view = await core.subscriptions.subscribe(ADMIN, "C1", frozenset({NoticeKind.CHANGES}))
    assert view.unheard == frozenset()
    view = await core.subscriptions.unsubscribe(ADMIN, OWN)
    assert view.unheard == {LICENSES}
    assert [each.kinds for each in view.subscriptions if each.channel == OWN] == [frozenset()]


async def test_an_end_of_what_is_no_subscription_is_told(core):
    with pytest.raises(NotFoundError) as caught:
        await core.subscriptions.unsubscribe(ADMIN, "C1")
    assert caught.value.code == "not_subscribed"


async def test_a_muted_kind_is_heard_again_also_where_a_card_muted_it(core):
    until = core.clock.now() + timedelta(hours=4)
    view = await core.subscriptions.mute(ADMIN, frozenset({LICENSES, HELD}), until=until)
    assert {each.kind for each in view.mutes} == {LICENSES, HELD}
    await core.alerts.mute(
        ADMIN, "alert:licenses", AlertKind.LICENSES, "", length=timedelta(hours=1)
    )
    assert len((await core.subscriptions.show(ADMIN)).mutes) == 3
    view = await core.subscriptions.unmute(ADMIN, frozenset({LICENSES}))
    assert {each.kind for each in view.mutes} == {HELD}
    with pytest.raises(NotFoundError):
        await core.subscriptions.unmute(ADMIN, frozenset({LICENSES}))


async def test_every_change_is_in_the_audit_and_only_admins_make_one(core):
    service = core.subscriptions
    operator = Actor(id="slack:U1", name="Op", role=Role.OPERATOR, door="slack")
    for refused in (
        service.show(operator),
        service.subscribe(operator, "C1", EVERYTHING),
        service.unsubscribe(operator, "C1"),
        service.mute(operator, EVERYTHING, until=core.clock.now()),
        service.unmute(operator, EVERYTHING),
    ):
        with pytest.raises(NotPermittedError):
            await refused
    await service.subscribe(ADMIN, "C1", frozenset({HELD}))
    await service.subscribe(ADMIN, "C1", frozenset({LICENSES}))
    await service.unsubscribe(ADMIN, "C1")
    entries = [e for e in await core.store.audit.list(limit=20) if e.allowed]
    assert [each.action for each in entries] == ["notify.off", "notify.add", "notify.add"]
    assert (entries[1].before, entries[1].after) == ({"kinds": "held"}, {"kinds": "licenses"})


async def test_the_status_names_lost_channels_that_are_in_use(core):
    for channel in (OWN, "C7"):
        await core.store.subscriptions.lost(channel, "is_archived", now=core.clock.now())
    assert [each.channel for each in (await core.history.status(ADMIN)).lost] == [OWN]
