"""Reading a Google customer: its tokens, groups, people by name, and its quota."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.errors import PermissionMissingError, TerminalRemoteError, TransientRemoteError
from core.model.directory import Presence
from tests.support.google_world import (
    LIMITS,
    GoogleWorld,
    google_world,
    group_pages,
    ids,
    user_pages,
)
from tests.vendors.google_tokens import ADMIN

API = "/admin/directory/v1"


@pytest.fixture
async def world() -> AsyncIterator[GoogleWorld]:
    async with google_world() as running:
        yield running


async def test_people_come_five_hundred_a_page_whatever_is_asked_for(world):
    people = [*world.customer.users, *world.customer.add_people(1000)]

    async with world.opened(page_size=5000) as provider:
        pages = await user_pages(provider)

    assert [(len(page.records), page.last) for page in pages] == [
        (500, False),
        (500, False),
        (1, True),
    ]
    assert ids(provider, pages) == people
    assert world.server.paths.count(f"{API}/users") == provider.requests == 3


async def test_suspended_and_archived_people_are_listed_and_deleted_ones_are_not(world):
    suspended, archived, deleted = world.customer.add_people(3)
    world.customer.change(suspended, suspended=True, suspensionReason="ADMIN")
    world.customer.change(archived, archived=True)
    world.customer.delete_user(deleted)

    async with world.opened() as provider:
        (page,) = await user_pages(provider)
        people = [provider.decode_user(raw) for raw in page.records]
        presences = [await provider.read_user(one) for one in (suspended, archived, deleted)]

    assert [(one.external_id, one.active) for one in people[1:]] == [
        (suspended, False),
        (archived, False),
    ]
    assert presences == [Presence.DISABLED, Presence.DISABLED, Presence.GONE]


async def test_a_login_leaves_the_bytes_of_a_record_alone(world):
    (ann,) = world.customer.add_people(1)
    async with world.opened() as provider:
        before = await user_pages(provider)
        world.customer.change(ann, lastLoginTime="2026-01-01T00:00:00.000Z")
        after = await user_pages(provider)

    assert before[0].records == after[0].records


async def test_groups_list_people_and_groups_two_hundred_a_page(world):
    people = world.customer.add_people(450)
    inner = world.customer.add_group("Inner", people[:3])
    outer = world.customer.add_group("Outer", people, groups=[inner])

    async with world.opened() as provider:
        (page,) = await group_pages(provider)
        groups = [provider.decode_group(raw) for raw in page.records]

    assert [one.display_name for one in groups] == ["Inner", "Outer"]
    assert groups[1].member_users == frozenset(people)
    assert groups[1].member_groups == {inner}
    assert all(one.complete for one in groups)
    assert world.server.paths.count(f"{API}/groups/{outer}/members") == 3


async def test_a_group_with_the_whole_company_in_it_has_everybody(world):
    world.customer.add_people(700)
    world.customer.add_group("All", everybody=True)
    world.customer.add_group("All, too", everybody=True)

    async with world.opened() as provider:
        (page,) = await group_pages(provider)
        groups = [provider.decode_group(raw) for raw in page.records]

    assert [one.member_users for one in groups] == [frozenset(world.customer.users)] * 2
    assert world.server.paths.count(f"{API}/users") == 2, "everybody was listed more than once"


async def test_a_group_whose_member_cannot_be_told_is_not_whole(world):
    group = world.customer.add_group("Some", world.customer.add_people(2))
    world.customer.members[group][0]["type"] = "DEVICE"

    async with world.opened() as provider:
        (page,) = await group_pages(provider)

    assert not provider.decode_group(page.records[0]).complete


async def test_members_from_outside_the_company_do_not_matter(world):
    people = world.customer.add_people(2)
    group = world.customer.add_group("Some", people)
    world.customer.members[group].append({"type": "EXTERNAL", "email": "x@elsewhere.example"})

    async with world.opened() as provider:
        (page,) = await group_pages(provider)

    found = provider.decode_group(page.records[0])
    assert found.complete
    assert found.member_users == frozenset(people)


async def test_a_configuration_without_groups_asks_for_none(world):
    world.customer.add_group("Some")

    async with world.opened(groups=False) as provider:
        assert await group_pages(provider) == []
        assert not provider.capabilities.groups

    assert world.server.paths == []


async def test_there_is_no_delta_and_none_is_pretended(world):
    async with world.opened() as provider:
        assert not provider.capabilities.delta
        assert await provider.watermark() is None
        assert [page async for page in provider.read_changes("since")] == []

    assert world.server.paths == []


@pytest.mark.parametrize(
    "name", ["{id}", "person0@example.com", "PERSON0@EXAMPLE.COM"], ids=["id", "address", "case"]
)
async def test_a_person_is_found_by_id_or_primary_address(world, name):
    (ann,) = world.customer.add_people(1)

    async with world.opened() as provider:
        raw = await provider.find_user(name.format(id=ann))
        (page,) = await user_pages(provider)

    assert raw == page.records[1], "another record than the listing's"


@pytest.mark.parametrize(
    "name",
    ["nobody@example.com", "old@example.com", "ann@elsewhere.example", " ", "x" * 400, "a/b?c#d"],
    ids=["nobody", "alias", "another company", "blank", "endless", "signs"],
)
async def test_nobody_is_found_by_another_name(world, name):
    (ann,) = world.customer.add_people(1)
    world.customer.change(ann, aliases=["old@example.com"])

    async with world.opened() as provider:
        assert await provider.find_user(name) is None


async def test_an_admin_who_may_not_read_people_finds_nobody_but_an_error(world):
    world.server.delegation.admins[ADMIN] = {"group"}

    async with world.opened() as provider:
        with pytest.raises(PermissionMissingError) as raised:
            await provider.find_user("ann@elsewhere.example")

    assert "Users > Read" in raised.value.hint


@pytest.mark.parametrize("deletion", [True, False], ids=["told", "a 404"])
async def test_somebody_deleted_is_gone_however_google_says_it(world, deletion):
    (ann,) = world.customer.add_people(1)
    if deletion:
        world.customer.users[ann]["deletionTime"] = "2026-01-01T00:00:00.000Z"
    else:
        world.customer.delete_user(ann)

    async with world.opened() as provider:
        assert await provider.read_user(ann) is Presence.GONE


async def test_a_404_that_is_not_googles_says_nothing(world):
    async with world.opened(url=f"{world.server.url}/elsewhere") as provider:
        world.server.spoil = lambda _, text: text
        with pytest.raises(TerminalRemoteError):
            await user_pages(provider)


async def test_an_answer_about_somebody_else_says_nothing(world):
    people = world.customer.add_people(2)
    world.customer.change(people[0], aliases=[people[1]])
    del world.customer.users[people[1]]

    async with world.opened() as provider:
        with pytest.raises(TerminalRemoteError) as raised:
            await provider.read_user(people[1])

    assert raised.value.code == "not_google"


async def test_a_group_is_there_or_gone(world):
    group = world.customer.add_group("Some")

    async with world.opened() as provider:
        there = await provider.read_group(group)
        world.customer.delete_group(group)
        assert (there, await provider.read_group(group)) == (Presence.ACTIVE, Presence.GONE)


@pytest.mark.parametrize("quota", ["userRateLimitExceeded", "quotaExceeded", "tooMany"])
async def test_a_used_up_quota_is_waited_for_and_costs_nobody(world, quota):
    people = [*world.customer.users, *world.customer.add_people(60)]
    world.server.every, world.server.quota = 5, quota

    async with world.opened(page_size=5) as provider:
        pages = await user_pages(provider)

    assert ids(provider, pages) == people
    assert world.server.refused == 3


async def test_a_quota_that_stays_used_up_is_told_as_such(world):
    world.server.every, world.server.quota = 1, "userRateLimitExceeded"

    async with world.opened() as provider:
        with pytest.raises(TransientRemoteError) as raised:
            await user_pages(provider)

    assert raised.value.code == "rate_limited"
    assert "User Rate Limit Exceeded" in raised.value.message


async def test_a_retry_after_is_waited_for_by_all(world):
    world.customer.add_people(30)
    world.server.every, world.server.quota, world.server.retry_after = 4, "backendError", "0"
    world.context = replace(world.context, limits=replace(LIMITS, attempts=1))

    async with world.opened(page_size=5) as provider:
        assert len(await user_pages(provider)) == 7


async def test_answers_are_compressed_and_bare(world):
    world.customer.add_people(1)

    async with world.opened() as provider:
        (page,) = await user_pages(provider)

    assert world.server.gzipped == 1
    assert b"lastLoginTime" not in page.records[0]


async def test_each_scope_has_a_token_of_its_own_and_only_when_needed(world):
    world.customer.add_group("Some")

    async with world.opened() as provider:
        await user_pages(provider)
        assert [one.rpartition("directory.")[2] for one in world.server.granted] == [
            "user.readonly"
        ]
        await group_pages(provider)
        world.server.forget_grants()
        await user_pages(provider)

    assert [one.rpartition("directory.")[2] for one in world.server.granted] == [
        "user.readonly",
        "group.readonly",
        "user.readonly",
    ]
