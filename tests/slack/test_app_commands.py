"""What people type and click, through the demo workspace and the real core."""

from __future__ import annotations

import asyncio
import itertools
import random

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
    app_world,
    finished,
    until,
)

from bot.demo.dispatch import Kind
from bot.slack.ids import Act
from bot.slack.middleware import Gate, People
from bot.verbs import SLASH, VERBS
from tests.support.figures import FULL

FUZZED = 10_000 if FULL else 200
REFUSED, DENIED, BROKEN = "full members of this workspace", "You may not do this", "went wrong"
ASKED = {
    "": "Never synced",
    "sync": "Started syncing",
    "preview": "Working out",
    "status": "Never synced",
    "history": "No cycle matches",
    "show": "no cycle yet",
    "cancel": "Nothing is running",
    "release": "Nothing is held",
    "conflicts": "There is no conflict",
    "conflicts priority": "There is no conflict to decide",
    "conflicts --of people-scim --kept": "There is no conflict",
    "users": "Nobody is in the account yet",
    "user": "Nobody here",
    "why nobody@example.com": "No cycle has met anybody",
    "licenses": "0 of 10 licenses used",
    "licenses --unused 30d": "Nobody has left",
    "licenses set 20": "Set the licenses from 10 to 20",
    "activate nobody@example.com": "1 skipped",
    "invite nobody@example.com": "1 skipped",
    "free nobody@example.com": "Free 1 license?",
    "free nobody@example.com --sure": "1 skipped",
    "apps": "No application may ask",
    "apps create portal": "Copy it now",
    "enable": "enabled already",
    "notify test": "on its way",
    "roles": "From the workspace",
    "schedule": "by hand only",
    "schedule daily 02:00 Europe/Berlin": "Next starts, Europe/Berlin",
    "audit": "newest first",
    "audit verify": "The audit is whole",
    "help": "What dirsync can do",
    "help sync": "/dirsync sync",
}
FORMS = {"setup", "edit", "disable", "delete"}
"""Verbs that answer with a form; see test_app_lifecycle.py and test_app_wizard.py."""
FOR_ALL = {"", "status", "help", "help sync"}
FOR_VIEWERS = FOR_ALL | {
    "conflicts",
    "conflicts --of people-scim --kept",
    "history",
    "show",
    "users",
    "user",
    "why nobody@example.com",
    "licenses",
    "licenses --unused 30d",
}


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


def test_every_verb_is_asked_for():
    assert {text.split(" ")[0] for text in ASKED} | FORMS == {spec.name for spec in VERBS}


@pytest.mark.parametrize(
    ("user", "allowed", "otherwise"),
    [
        (OWNER, set(ASKED), ""),
        (ADMIN, set(ASKED), ""),
        (VIEWER, FOR_VIEWERS, DENIED),
        (MEMBER, FOR_ALL, DENIED),
        (GUEST, set(), REFUSED),
        (STRANGER, set(), REFUSED),
    ],
)
async def test_every_verb_answers_every_kind_of_person(tmp_path, user, allowed, otherwise):
    async with app_world(tmp_path) as world:
        order = sorted(ASKED, key=lambda text: text in {"sync", "preview"})
        for text in order:
            typed = "user nobody@example.com" if text == "user" else text
            answer = (await world.ask(user, typed)).text
            assert (ASKED[text] if text in allowed else otherwise) in answer, (text, answer)
            if text in {"sync", "preview"} and text in allowed:
                break
        entries = await world.core.store.audit.list(limit=100)
        assert any(not entry.allowed for entry in entries) is bool(otherwise)


async def test_a_member_sees_a_status_without_names(world):
    await world.synced()
    answer = await world.ask(MEMBER, "status")
    assert "12 invited" in answer.text
    assert "example.com" not in answer.text
    assert "Tomasz" not in answer.text


async def test_a_named_admin_who_is_no_admin_of_the_workspace_may_sync(tmp_path):
    async with app_world(tmp_path, admins=(MEMBER,)) as world:
        assert "Started syncing" in (await world.ask(MEMBER, "sync")).text


async def test_somebody_who_is_an_admin_no_longer_is_refused_at_the_next_click(world):
    card = await world.synced()
    world.demo.workspace.change_person(ADMIN, is_admin=False)
    answer = await world.click(ADMIN, "Sync again", on=card)
    assert DENIED in answer.text
    assert (await world.core.history.list(CLI)).total == 1


async def test_a_former_member_is_refused(world):
    card = await world.synced()
    world.demo.workspace.change_person(ADMIN, deleted=True)
    page = await world.as_(ADMIN)
    mark = page.mark()
    await page.click("View errors", on=card)
    assert REFUSED in (await world.private(ADMIN, after=mark)).text


async def test_an_unknown_verb_is_answered_with_the_closest_and_its_button_runs_it(world):
    answer = await world.ask(VIEWER, "lisences")
    assert "Did you mean" in answer.text
    assert "0 of 10 licenses" in (await world.click(VIEWER, "Run licenses", on=answer)).text


async def test_an_unknown_verb_that_would_change_something_has_no_button(world):
    answer = await world.ask(ADMIN, "snyc")
    assert "Did you mean" in answer.text
    assert "[Run" not in answer.text


async def test_typed_dashes_quotes_and_mentions_are_understood(world):
    await world.synced()
    assert "Partial success" in (await world.ask(ADMIN, "history —status partial")).text
    answer = await world.ask(ADMIN, f"user <@{VIEWER}|haruka>")
    assert "Nobody here" in answer.text


async def test_several_configurations_become_a_menu_that_runs_the_same_command(world):
    text = (await world.core.configurations.export(CLI)).replace("people-scim", "people-two")
    await world.core.configurations.apply(CLI, text, source="test")
    channel = world.demo.workspace.channel_named("general").id
    await world.core.configurations.apply(
        CLI, text.replace("C0DIRECTRY", channel).replace("people-two", "other"), source="test"
    )
    answer = await world.ask(ADMIN, "sync", channel="dirsync")
    assert "Which configuration?" in answer.text
    page = await world.as_(ADMIN)
    mark = page.mark()
    await page.choose(Act.PICK, "people-two", on=answer)
    assert "people-two" in (await world.private(ADMIN, after=mark)).text


async def test_a_duplicate_delivery_does_nothing_twice(world):
    world.faults.duplicates = 1
    assert "Started syncing" in (await world.ask(ADMIN, "sync")).text
    page = await world.as_(ADMIN)
    card = await page.message(finished, patience=60)
    world.faults.duplicates = 1
    assert "Started syncing" in (await world.click(ADMIN, "Sync again", on=card)).text
    await asyncio.sleep(0.3)
    answers = [each for each in page.screen.messages(None) if each.is_ephemeral]
    assert len(answers) == 2
    assert (await world.core.history.list(CLI)).total == 2


async def test_twenty_people_at_one_button_start_one_cycle(world):
    card = await world.synced()
    page = await world.as_(ADMIN)
    await asyncio.gather(*(page.click("Sync again", on=card) for _ in range(20)))
    await until(lambda: world.runtime.supervisor.running == 0)
    answers = [each.text for each in page.screen.messages(None) if each.is_ephemeral]
    assert not any(BROKEN in text for text in answers)
    cycles = (await world.core.history.list(CLI, limit=50)).cycles
    overlapping = [
        (one.id, two.id)
        for one, two in itertools.pairwise(cycles)
        if two.finished_at and one.requested_at < two.finished_at
    ]
    assert overlapping == []


async def test_the_acknowledgement_does_not_wait_for_a_slow_store(world):
    released = asyncio.Event()

    async def slow(tx):
        del tx
        await released.wait()

    page = await world.as_(ADMIN)
    mark = page.mark()
    busy = asyncio.ensure_future(world.core.store.inbox._database.write(slow))
    await asyncio.sleep(0.05)
    await page.say(f"{SLASH} help", channel=CHANNEL)
    assert not busy.done()
    released.set()
    assert "What dirsync can do" in (await world.private(ADMIN, after=mark)).text
    await busy


async def test_fifty_commands_at_once_are_all_acknowledged_and_answered(world):
    page = await world.as_(VIEWER)
    await asyncio.gather(*(page.say(f"{SLASH} licenses", channel=CHANNEL) for _ in range(50)))
    await until(lambda: len(private_texts(page)) == 50)


def private_texts(page) -> list[str]:
    return [each.text for each in page.screen.messages(None) if each.is_ephemeral]


async def test_the_answer_falls_back_to_a_direct_message_where_nothing_else_works(world):
    page = await world.as_(ADMIN)
    mark = page.mark()
    place = world.demo.workspace.channel_named(CHANNEL)
    payload = slash_payload(place.id, ADMIN, "help") | {"response_url": ""}
    world.demo.workspace.change_channel(place.id, leave=[world.demo.team.bot])
    await world.demo.dispatcher.send(Kind.SLASH, payload)
    answer = await page.message("What dirsync can do", channel="dirsync", after=mark)
    assert not answer.is_ephemeral


async def test_a_response_url_of_somebody_else_is_not_called(world):
    payload = slash_payload("C0DIRECTRY", ADMIN, "help")
    page = await world.as_(ADMIN)
    mark = page.mark()
    foreign = {"response_url": "https://evil.example/hook"}
    await world.demo.dispatcher.send(Kind.SLASH, payload | foreign)
    assert "What dirsync can do" in (await world.private(ADMIN, after=mark)).text


def slash_payload(channel: str, user: str, text: str) -> dict[str, object]:
    return {
        "team_id": "T0DEMO0001",
        "channel_id": channel,
        "user_id": user,
        "command": SLASH,
        "text": text,
        "response_url": "",
        "trigger_id": f"{random.getrandbits(64)}.1",
    }


def fuzzed_texts(count: int) -> list[str]:
    made = random.Random(20)
    words = [spec.name for spec in VERBS] + ["--status", "—since", "7d", "set", "<@U0VIEWER01>"]
    words += ["“", "'", "\x00", "\u202e", "*", "<!channel>", "&lt;", "x" * 300, "people-scim", "🙂"]
    texts = []
    for _ in range(count):
        parts = made.choices(words, k=made.randint(0, 6))
        noise = "".join(chr(made.choice([65, 0x3000, made.randint(0, 0xD7FF)])) for _ in range(5))
        texts.append(made.choice([" ", ""]).join([*parts, noise]))
    return texts


@pytest.mark.timeout(900)
async def test_any_text_is_acknowledged_and_answered_without_an_incident(world):
    page = await world.as_(VIEWER)
    before = await world.core.history.list(CLI)
    texts = fuzzed_texts(FUZZED)
    for start in range(0, len(texts), 20):
        payloads = [slash_payload("C0DIRECTRY", VIEWER, text) for text in texts[start : start + 20]]
        await asyncio.gather(*(world.demo.dispatcher.send(Kind.SLASH, each) for each in payloads))
        await until(lambda: world.runtime.supervisor.running == 0)
    await until(lambda: len(private_texts(page)) >= len(texts), patience=60)
    assert not [text for text in private_texts(page) if BROKEN in text]
    assert (await world.core.history.list(CLI)).total == before.total


@pytest.mark.timeout(900)
async def test_any_click_is_acknowledged_and_answered_without_an_incident(world):
    page = await world.as_(VIEWER)
    made, values = (
        random.Random(7),
        ["", "c-00000000|", "c-1|x", "h-1|d", "9:!!", "0:c3luYw==", "x"],
    )
    values += ["sync", "licenses", "5|10", "a|b|c", "\x00", "<!channel>", "9" * 1500]
    acts = [*(act.value for act in Act), "unknown", "run#7", "", "licenses#x"]
    clicks = [
        block_action(VIEWER, made.choice(acts), made.choice(values), index)
        for index in range(FUZZED // 4)
    ]
    for start in range(0, len(clicks), 20):
        sent = clicks[start : start + 20]
        await asyncio.gather(*(world.demo.dispatcher.send(Kind.INTERACTIVE, each) for each in sent))
        await until(lambda: world.runtime.supervisor.running == 0)
    await until(lambda: len(private_texts(page)) >= len(clicks), patience=60)
    assert not [text for text in private_texts(page) if BROKEN in text]
    assert (await world.core.history.list(CLI)).total == 0
    assert (await world.core.licenses.summary(CLI)).total == 10


def block_action(user: str, action_id: str, value: str, number: int) -> dict[str, object]:
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": "T0DEMO0001"},
        "team": {"id": "T0DEMO0001"},
        "api_app_id": "A0DIRSYNC1",
        "container": {"type": "message", "channel_id": "C0DIRECTRY", "message_ts": "1.1"},
        "channel": {"id": "C0DIRECTRY"},
        "trigger_id": f"1.{number}",
        "response_url": "",
        "actions": [
            {
                "type": "button",
                "action_id": action_id,
                "block_id": "b",
                "value": value,
                "action_ts": f"{number}.5",
            }
        ],
    }


async def test_what_breaks_inside_is_told_with_an_incident_and_nothing_else(world):
    gate = Gate(
        core=world.core,
        client=world.runtime.client,
        supervisor=world.runtime.supervisor,
        people=People(world.runtime.client),
    )

    async def broken(visit):
        raise ZeroDivisionError("secret detail")

    async def ack(**_answer):
        return None

    page = await world.as_(ADMIN)
    mark = page.mark()
    await gate.listener("command", broken)(ack, slash_payload("C0DIRECTRY", ADMIN, "x"))
    answer = (await world.private(ADMIN, after=mark)).text
    assert BROKEN in answer
    assert "secret detail" not in answer


async def test_a_preview_is_applied_by_its_button_and_changes_nothing_before(world):
    page = await world.as_(ADMIN)
    mark = page.mark()
    await page.say(f"{SLASH} preview", channel=CHANNEL)
    plan = await page.message("Preview of people-scim", after=mark, patience=60)
    assert "*12* to create" in plan.text
    assert (await world.core.people.search(CLI)).total == 0
    answer = await world.click(ADMIN, "Apply this plan", on=plan, sure=True)
    assert "Started syncing" in answer.text
    await page.message(finished, after=mark, patience=60)
    assert (await world.core.people.search(CLI)).total == 12


async def test_a_preview_of_yesterday_applies_nothing_that_it_did_not_show(world):
    page = await world.as_(ADMIN)
    mark = page.mark()
    await page.say(f"{SLASH} preview", channel=CHANNEL)
    plan = await page.message("Preview of people-scim", after=mark, patience=60)
    world.directory.do("joiners", 3)
    await world.click(ADMIN, "Apply this plan", on=plan, sure=True)
    card = await page.message(finished, after=mark, patience=60)
    assert "changed since the preview" in card.text
    assert (await world.core.people.search(CLI)).total == 0


async def test_licenses_are_set_after_a_question_with_its_effect_in_numbers(world):
    await world.synced()
    question = await world.ask(ADMIN, "licenses set 11")
    assert "1 of those invited or waiting will still have to wait" in question.text
    assert "11 licenses" in (await world.click(ADMIN, "Set 11", on=question, sure=True)).text
    assert (await world.core.licenses.summary(CLI)).total == 11
    page = await world.as_(ADMIN)
    record = await page.message("set the licenses from 10 to 11", channel=CHANNEL)
    assert not record.is_ephemeral


async def test_people_are_activated_and_invited_again_each_with_what_became_of_them(world):
    await world.synced()
    first, second, *_ = (await world.core.people.search(CLI)).users
    answer = await world.ask(ADMIN, f"activate {first.email} {second.email} ghost@example.com")
    assert "2 people activated, 1 skipped" in answer.text
    assert "nobody here has that address" in answer.text
    page = await world.as_(VIEWER)
    assert "example.com" not in (await page.message("activated 2 people", channel=CHANNEL)).text
    assert "active already" in (await world.ask(ADMIN, f"activate {first.email}")).text
    third = (await world.core.people.search(CLI, status="invited")).users[0]
    assert "1 skipped" in (await world.ask(ADMIN, f"invite {third.email}")).text
    assert "1 person invited" in (await world.ask(ADMIN, f"invite {third.email} --resend")).text
    await world.core.licenses.set_total(CLI, 2)
    short = (await world.ask(ADMIN, f"activate {third.email}")).text
    assert "Nobody activated, 1 skipped" in short
    assert "/dirsync licenses" in short


async def test_whoever_waits_is_activated_in_order_from_the_license_card(world):
    await world.synced()
    await world.core.licenses.set_total(CLI, 0)
    await until(lambda: len(world.links()) == 12)
    for place, token in enumerate(world.links()[:3], start=1):
        assert (await world.core.activation.accept(token)).place == place
    await world.core.licenses.set_total(CLI, 2)
    page = await world.as_(ADMIN)
    card = await page.message("Activate next 2", channel=CHANNEL)
    answer = await world.click(ADMIN, "Activate next 2", on=card)
    assert "2 people activated" in answer.text
    summary = await world.core.licenses.summary(CLI)
    assert (summary.used, summary.waiting) == (2, 1)


async def test_a_question_about_licenses_that_is_out_of_date_changes_nothing(world):
    question = await world.ask(ADMIN, "licenses set 20")
    await world.core.licenses.set_total(CLI, 15)
    answer = await world.click(ADMIN, "Set 20", on=question, sure=True)
    assert "from 15 to 20" in answer.text
    assert (await world.core.licenses.summary(CLI)).total == 15


async def test_a_log_goes_to_the_direct_message_as_a_file(world):
    card = await world.synced()
    assert "direct message" in (await world.click(ADMIN, "Download log", on=card)).text
    (page,) = [await world.as_(ADMIN)]
    message = await page.message("The log of cycle", channel="dirsync")
    shown = await world.ask(ADMIN, "show")
    assert "\n-\n" not in shown.text, "nothing stands there for a line that has nothing to say"
    assert message.message["files"][0]["name"].endswith("-log.csv")


async def test_without_the_file_scope_a_log_is_a_short_table_and_a_command(tmp_path):
    async with app_world(tmp_path) as world:
        scopes = world.demo.team.installation.scopes - {"files:write"}
        world.demo.team.installation.scopes = scopes
        card = await world.synced()
        page = await world.as_(ADMIN)
        mark = page.mark()
        await page.click("Download log", on=card)
        await page.message("dirsync show c-", after=mark)
        await page.message("in scope and not in the account yet", after=mark)


async def test_the_list_of_people_is_paged_in_place(tmp_path):
    async with app_world(tmp_path, people=45) as world:
        await world.synced()
        first = await world.ask(VIEWER, "users")
        assert "1 to 20 of 45" in first.text
        second = await world.click(VIEWER, "Next →", on=first)
        assert "21 to 40 of 45" in second.text
        assert second.ts == first.ts
        back = await world.click(VIEWER, "← Prev", on=second)
        assert "1 to 20 of 45" in back.text


async def test_the_home_tab_shows_each_role_what_it_may_use(world):
    await world.synced()
    for user, has, has_not in (
        (ADMIN_2, ["Sync now", "Licenses", "Last cycles"], []),
        (VIEWER, ["History", "Last cycles"], ["Sync now"]),
        (MEMBER, ["Help", "12 invited"], ["Sync now", "Last cycles", "History"]),
        (GUEST, ["members of this workspace"], ["12 invited", "Help"]),
    ):
        page = await world.as_(user)
        await page.open_home()
        await until(lambda page=page: page.screen.home is not None)
        shown = str(page.screen.home["blocks"])
        assert all(word in shown for word in has), (user, shown)
        assert not any(word in shown for word in has_not), (user, shown)


async def test_the_home_tab_of_whoever_looks_at_it_follows_a_cycle(world):
    page = await world.as_(ADMIN)
    await page.open_home()
    await until(lambda: "Never synced" in str(page.screen.home))
    await world.ask(ADMIN, "sync")
    await until(lambda: "*12* created" in str(page.screen.home))


async def test_a_button_on_the_home_tab_answers_in_the_direct_message(world):
    page = await world.as_(VIEWER)
    await page.open_home()
    await until(lambda: page.screen.home is not None)
    mark = page.mark()
    await page.click("Licenses", home=True)
    await page.message("0 of 10 licenses used", channel="dirsync", after=mark)
