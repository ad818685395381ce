"""Reading an Okta org: its links, groups, changes, people by name, and its rate limits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import ConflictError, RemoteError, TerminalRemoteError, WatermarkExpiredError
from core.model.directory import Presence, ResourceKind
from tests.support.engine_world import ManualClock
from tests.support.okta_world import (
    OktaWorld,
    change_pages,
    group_pages,
    ids,
    okta_world,
    user_pages,
)


@pytest.fixture
async def world() -> AsyncIterator[OktaWorld]:
    async with okta_world() as running:
        yield running


async def test_people_come_two_hundred_a_page_whatever_is_asked_for(world):
    people = world.org.add_people(450)

    async with world.opened(page_size=5000) as provider:
        pages = await user_pages(provider)

    assert [len(page.records) for page in pages] == [200, 200, 50]
    assert ids(provider, pages) == people
    assert world.server.paths.count("/api/v1/users") == 3


async def test_a_login_leaves_the_bytes_of_a_record_alone(world):
    (ann,) = world.org.add_people(1)
    async with world.opened() as provider:
        before = await user_pages(provider)
        world.org.logs_in(ann)
        after = await user_pages(provider)

    assert before[0].records == after[0].records


async def test_an_org_that_does_not_know_projections_is_read_without(world):
    people = world.org.add_people(250)
    world.server.projects = False

    async with world.opened() as provider:
        pages = await user_pages(provider)
        again = await user_pages(provider)

    assert ids(provider, pages) == ids(provider, again) == people
    assert provider.decode_user(pages[0].records[0]).attributes["title"] == "Engineer"
    assert world.server.paths.count("/api/v1/users") == 1 + 2 + 2


@pytest.mark.parametrize(
    ("people", "relink", "last"),
    [
        (200, lambda _: [], [False]),
        (450, lambda _: [], [False]),
        (120, lambda _: [], [True]),
        (450, lambda links: links[:1], [True]),
    ],
    ids=["a whole page", "the first of three", "a short page", "links but no next"],
)
async def test_links_that_were_lost_on_the_way_are_no_end(world, people, relink, last):
    world.org.add_people(people)
    world.server.relink = relink

    async with world.opened() as provider:
        assert [page.last for page in await user_pages(provider)] == last


async def test_a_link_that_leads_back_ends_the_reading_unproven(world):
    world.org.add_people(450)
    kept: list[list[str]] = []

    def circle(links: list[str]) -> list[str]:
        kept.append(links)
        return kept[0]

    world.server.relink = circle
    async with world.opened() as provider:
        pages = await user_pages(provider)

    assert not pages[-1].last
    assert len(pages) <= 3


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ('<http://elsewhere.example/api/v1/users?after=x>; rel="next"', "redirected_elsewhere"),
        ('<{url}/api/v1/groups?after=x>; rel="next"', "not_okta"),
        ('</api/v1/users?after=x>; rel="next"', "not_okta"),
        ('<http://[>; rel="next"', "not_okta"),
        ("<{url}/api/v1/users?after=" + "x" * 9000 + '>; rel="next"', "not_okta"),
        (
            "<{url}/api/v1/users?after=1>; rel=next, <{url}/api/v1/users?after=2>; rel=next",
            "not_okta",
        ),
    ],
    ids=["elsewhere", "groups", "relative", "no URL", "endless", "two"],
)
async def test_a_link_to_anything_else_is_not_followed(world, link, code):
    world.org.add_people(3)
    world.server.relink = lambda _: [link.format(url=world.server.url)]

    async with world.opened() as provider:
        with pytest.raises(TerminalRemoteError) as raised:
            await user_pages(provider)

    assert raised.value.code == code


async def test_who_is_deactivated_is_not_listed_and_disabled_when_asked_for(world):
    ann, bob = world.org.add_people(2)
    world.org.set_status(bob, "DEPROVISIONED")

    async with world.opened() as provider:
        assert ids(provider, await user_pages(provider)) == [ann]
        assert await provider.read_user(bob) is Presence.DISABLED
        world.org.delete_user(bob)
        assert await provider.read_user(bob) is Presence.GONE
        with pytest.raises(RemoteError):
            await provider.read_user("person0@example.com")


async def test_a_group_of_many_pages_is_whole(world):
    people = world.org.add_people(450)
    group = world.org.add_group("Everyone", people, kind="BUILT_IN")
    world.org.add_group("Nobody")

    async with world.opened() as provider:
        pages = await group_pages(provider)
        groups = [provider.decode_group(raw) for page in pages for raw in page.records]
        assert await provider.read_group(group) is Presence.ACTIVE
        world.org.delete_group(group)
        assert await provider.read_group(group) is Presence.GONE

    assert [(one.display_name, len(one.member_users)) for one in groups] == [
        ("Everyone", 450),
        ("Nobody", 0),
    ]
    assert all(one.complete for one in groups)
    assert pages[-1].last
    assert world.server.paths.count(f"/api/v1/groups/{group}/users") == 3


async def test_a_group_that_goes_while_it_is_read_is_incomplete_and_the_others_are_not(world):
    people = world.org.add_people(3)
    world.org.add_group("Stays", people)
    goes = world.org.add_group("Goes", people)

    def remove(path: str, text: str) -> str:
        if path == "/api/v1/groups":
            world.org.delete_group(goes)
        return text

    world.server.spoil = remove
    async with world.opened() as provider:
        pages = await group_pages(provider)
        groups = [provider.decode_group(raw) for page in pages for raw in page.records]

    assert {one.display_name: one.complete for one in groups} == {"Stays": True, "Goes": False}


async def test_without_groups_none_are_asked_for(world):
    world.org.add_group("Engineering")

    async with world.opened(groups=False) as provider:
        assert await group_pages(provider) == []
        assert not provider.capabilities.groups

    assert "/api/v1/groups" not in world.server.paths


async def settled(world: OktaWorld, people: int) -> list[str]:
    """An org in which everything happened an hour ago."""
    world.org.ahead = -timedelta(hours=1)
    keys = world.org.add_people(people)
    world.org.add_group("Quiet", keys)
    world.org.add_group("Busy", keys)
    world.org.ahead = timedelta()
    return keys


async def test_a_delta_lists_who_changed_and_which_groups_did(world):
    people = await settled(world, 100)
    async with world.opened() as provider:
        since = await provider.watermark()
        world.org.change(people[0], title="Director")
        world.org.set_status(people[1], "SUSPENDED")
        world.org.set_status(people[2], "DEPROVISIONED")
        newcomer = world.org.add_user("new@example.com")
        world.org.rename_group(next(iter(world.org.groups)), "Quieter")
        pages = await change_pages(provider, since)
        listed = {raw for page in await user_pages(provider) for raw in page.records}

    users = [page for page in pages if page.kind is ResourceKind.USER]
    groups = [page for page in pages if page.kind is ResourceKind.GROUP]
    found = {
        one.external_id: one.active
        for one in (provider.decode_user(raw) for page in users for raw in page.records)
    }
    assert found == {people[0]: True, people[1]: False, people[2]: False, newcomer: True}
    assert sum(raw in listed for page in users for raw in page.records) == 3
    names = {
        one.display_name: one.complete
        for one in (provider.decode_group(raw) for page in groups for raw in page.records)
    }
    assert names == {"Quieter": True, "Busy": True}
    assert [page.last for page in pages] == [False, True]
    assert [page.watermark is not None for page in pages] == [False, True]
    assert not [one for page in pages for one in page.removed]
    assert len({page.token for page in pages}) == len(pages)


async def test_a_delta_without_changes_is_empty_and_ends(world):
    await settled(world, 20)
    async with world.opened() as provider:
        since = await provider.watermark()
        pages = await change_pages(provider, since)
        again = await change_pages(provider, pages[-1].watermark)

    assert [len(page.records) for page in [*pages, *again]] == [0, 0, 0, 0]
    assert pages[-1].last
    assert again[-1].last


async def test_one_deltas_end_is_where_the_next_begins_on_the_orgs_own_clock(world):
    (ann,) = await settled(world, 1)
    world.org.ahead = timedelta(hours=5)
    async with world.opened(groups=False) as provider:
        since = await provider.watermark()
        first = await change_pages(provider, since)
        world.org.change(ann, title="Director")
        second = await change_pages(provider, first[-1].watermark)

    assert ids(provider, first) == []
    assert ids(provider, second) == [ann]
    assert first[-1].watermark > since or first[-1].watermark == since


@pytest.mark.parametrize(
    "since",
    ["", "yesterday", "2999-01-01T00:00:00.000Z", '" or id pr "', "2026-13-01T00:00:00.000Z"],
)
async def test_a_watermark_that_okta_cannot_know_asks_for_a_full_read(world, since):
    async with world.opened() as provider:
        with pytest.raises(WatermarkExpiredError):
            await change_pages(provider, since)

    assert "/api/v1/users" not in world.server.paths


async def test_a_delta_that_loses_its_links_has_no_end(world):
    await settled(world, 1)
    async with world.opened() as provider:
        since = await provider.watermark()
        world.org.add_people(250)
        world.server.relink = lambda _: []
        pages = await change_pages(provider, since)

    assert [page.last for page in pages] == [False]
    assert pages[-1].watermark is None


async def test_a_person_is_found_by_any_name_in_two_requests_or_three(world):
    ann = world.org.add_user("Ann.Smith@example.com", email="ann@example.com")
    world.org.add_people(5)

    async with world.opened() as provider:
        for name, requests in (
            (ann, 2),
            ("Ann.Smith@example.com", 2),
            ("ann@example.com", 2),
            ("ann.SMITH@example.com", 3),
            ("ANN@example.com", 3),
        ):
            world.server.paths.clear()
            assert provider.identify(await provider.find_user(name)) == ann
            assert len(world.server.paths) == requests


async def test_a_search_that_lags_behind_is_not_believed(world):
    ann = world.org.add_user("ann@example.com")
    world.org.freeze_index()
    world.org.change(ann, login="ann.smith@example.com", email="ann.smith@example.com")
    bob = world.org.add_user("bob@example.com", email="Ann@example.com")

    async with world.opened() as provider:
        assert await provider.find_user("ann@example.com") is None
        assert provider.identify(await provider.find_user("Ann@example.com")) == bob
        assert provider.identify(await provider.find_user("ann.smith@example.com")) == ann


async def test_somebody_deactivated_stands_back_for_who_has_their_address_now(world):
    left = world.org.add_user("left@example.com", email="desk@example.com")
    world.org.set_status(left, "DEPROVISIONED")

    async with world.opened() as provider:
        assert provider.identify(await provider.find_user("desk@example.com")) == left
        now = world.org.add_user("now@example.com", email="desk@example.com")
        assert provider.identify(await provider.find_user("desk@example.com")) == now
        world.org.add_user("also@example.com", email="Desk@example.com")
        with pytest.raises(ConflictError) as raised:
            await provider.find_user("desk@example.com")

    assert raised.value.code == "several_people"


@pytest.mark.parametrize(
    "name", ["", " ", "me", "x" * 300, "a/b", "person0", '\\" or id pr \\"', "\x00", "\U0001f600"]
)
async def test_no_name_reaches_beyond_its_quotes(world, name):
    world.org.add_people(3)

    async with world.opened() as provider:
        assert await provider.find_user(name) is None


async def test_the_limits_are_kept_to_before_they_run_out(world):
    world.hurry()
    people = world.org.add_people(400)
    for n in range(6):
        world.org.add_group(f"group {n}", people[:n])
    world.server.limits = {"/api/v1/users": (20, 2), "/api/v1/groups/{id}/users": (4, 2)}

    async with world.opened(page_size=20) as provider:
        pages = await user_pages(provider)
        groups = await group_pages(provider)

    assert ids(provider, pages) == people
    assert len(groups[0].records) == 6
    assert world.server.exhausted == 0


async def test_a_limit_that_others_used_up_is_waited_for(world):
    world.hurry()
    people = world.org.add_people(30)
    world.server.limits = {"/api/v1/users": (1, 1)}

    async with world.opened(page_size=20) as provider:
        await provider.find_user("nobody@example.com")
        pages = await user_pages(provider)

    assert ids(provider, pages) == people


async def test_a_directory_that_throttles_every_tenth_request_is_read_at_its_pace(world):
    people = world.org.add_people(300)
    for n in range(20):
        world.org.add_group(f"group {n}", people[n : n + 5])
    world.server.every = 10
    clock = ManualClock(datetime.now(UTC))
    world.context = replace(world.context, clock=clock)

    async with world.opened(page_size=20) as provider:
        pages = await user_pages(provider)
        groups = await group_pages(provider)

    throttled = len(world.server.paths) // 10
    assert ids(provider, pages) == people
    assert len(groups[0].records) == 20
    assert throttled >= 3
    assert all(29 <= wait <= 32 for wait in clock.slept if wait > 1)
    assert sum(wait > 1 for wait in clock.slept) >= throttled


async def test_too_many_at_once_is_tried_again(world):
    world.hurry()
    people = world.org.add_people(30)
    world.server.crowded = 2

    async with asyncio.timeout(60), world.opened() as provider:
        assert ids(provider, await user_pages(provider)) == people
