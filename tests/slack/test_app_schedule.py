"""A schedule is looked at, then saved by a click; a stale button saves nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from app_world import ADMIN, ADMIN_2, CHANNEL, CLI, VIEWER, app_world
from test_app_commands import block_action

from bot.demo.dispatch import Kind
from bot.slack.ids import Act, ScheduleMark
from core.model.freeze import Frozen

DENIED = "You may not do this"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def stored(world):
    return (await world.core.store.configurations.all())[0]


async def fail_twice(world, *, at):
    async def work(tx):
        await tx.run(
            "UPDATE configurations SET failures = 2, failing_since = :at, failed_at = :at",
            at=at.timestamp(),
        )

    await world.core.store.configurations._database.write(work)


async def audited(world):
    entries = await world.core.store.audit.list(limit=20)
    return [entry.action for entry in entries if entry.actor == f"slack:{ADMIN}"]


async def test_a_schedule_is_shown_with_three_starts_and_saved_by_a_click(world):
    shown = await world.ask(ADMIN, "schedule people-scim daily 02:30 Europe/Berlin")
    assert "daily 02:30 Europe/Berlin" in shown.text
    assert shown.text.count("02:30 CE") == 3
    assert (await stored(world)).spec.schedule is None
    saved = await world.click(ADMIN, "Save", on=shown)
    assert "Saved" in saved.text
    found = (await stored(world)).spec.schedule
    assert (found.cron, found.timezone) == ("30 2 * * *", "Europe/Berlin")
    page = await world.as_(VIEWER)
    record = await page.message(lambda text: "set the schedule of people-scim" in text)
    assert "daily 02:30 Europe/Berlin" in record.text
    assert "configuration.updated" in await audited(world)
    assert "daily 02:30 Europe/Berlin" in (await world.ask(ADMIN, "schedule")).text


async def test_a_schedule_can_be_switched_off(world):
    hourly = await world.ask(ADMIN, "schedule every 1h")
    assert hourly.text.count(" UTC") == 4, "in the heading and once for each start"
    await world.click(ADMIN, "Save", on=hourly)
    shown = await world.ask(ADMIN, "schedule off")
    assert "by hand only" in (await world.click(ADMIN, "Save", on=shown)).text
    assert (await stored(world)).spec.schedule is None


async def test_a_button_of_an_older_revision_saves_nothing_and_shows_it_anew(world):
    first = await world.ask(ADMIN, "schedule hourly")
    second = await world.ask(ADMIN_2, "schedule daily 03:00")
    await world.click(ADMIN_2, "Save", on=second)
    answer = await world.click(ADMIN, "Save", on=first)
    assert "has been changed since" in answer.text
    assert (await stored(world)).spec.schedule.cron == "0 3 * * *"
    await world.click(ADMIN, "Save", on=answer)
    assert (await stored(world)).spec.schedule.cron == "0 * * * *"


async def test_a_wrong_schedule_says_which_word_is_wrong(world):
    zone = await world.ask(ADMIN, "schedule daily 02:00 Europe/Berln")
    assert "Did you mean Europe/Berlin?" in zone.text
    cron = await world.ask(ADMIN, 'schedule cron "0 25 * * *"')
    assert "Field 2 of the cron expression is the hour, 0 to 23" in cron.text


async def test_whoever_is_no_admin_neither_sees_nor_saves_a_schedule(world):
    assert DENIED in (await world.ask(VIEWER, "schedule hourly")).text
    configuration = await stored(world)
    mark = ScheduleMark(
        configuration=configuration.id, revision=configuration.revision, words="hourly"
    )
    values = [
        mark.pack(),
        "",
        "nonsense",
        f"{configuration.id}|1|####",
        f"{configuration.id}|1|_w==",
    ]
    page = await world.as_(VIEWER)
    for number, value in enumerate(values):
        seen = page.mark()
        click = block_action(VIEWER, Act.SCHEDULE.value, value, number)
        await world.demo.dispatcher.send(Kind.INTERACTIVE, click)
        answer = (await world.private(VIEWER, after=seen)).text
        assert DENIED in answer or "does nothing any more" in answer
    assert (await stored(world)).spec.schedule is None


async def test_a_configuration_that_keeps_failing_says_when_it_is_tried_next(world):
    await world.click(ADMIN, "Save", on=await world.ask(ADMIN, "schedule every 1h"))
    now = world.core.clock.now()
    await fail_twice(world, at=now)
    tried = f"next try at {now + timedelta(minutes=10):%Y-%m-%d %H:%M} UTC"
    answer = (await world.ask(VIEWER, "status")).text
    assert f"Quarantine, {tried}" in answer
    assert f"in quarantine after 2 failures, {tried}" in answer
    assert "It is in quarantine" in (await world.ask(ADMIN, "schedule")).text


async def test_a_freeze_is_shown_with_its_next_window_and_saved_by_a_click(world):
    shown = await world.ask(
        ADMIN, "schedule people-scim freeze fri 18:00 until mon 06:00 removals Europe/Berlin"
    )
    assert "to be frozen like this?" in shown.text
    assert "18:00 CE" in shown.text
    assert (await stored(world)).spec.freeze == ()
    saved = await world.click(ADMIN, "Save", on=shown)
    assert "Saved: the freezes" in saved.text
    [frozen] = (await stored(world)).spec.freeze
    assert (frozen.of, frozen.timezone) == ((Frozen.REMOVALS,), "Europe/Berlin")
    page = await world.as_(VIEWER)
    await page.message("set a freeze of people-scim: fri 18:00 until mon 06:00", channel=CHANNEL)
    assert "fri 18:00 until mon 06:00" in (await world.ask(ADMIN, "schedule")).text
    assert "freeze:" in await world.core.configurations.export(CLI)
    off = await world.ask(ADMIN, "schedule freeze off 1")
    await world.click(ADMIN, "Save", on=off)
    await page.message("ended all freezes of people-scim", channel=CHANNEL)
    assert (await stored(world)).spec.freeze == ()
    assert "Nothing is frozen" in (await world.ask(ADMIN, "schedule freeze")).text
