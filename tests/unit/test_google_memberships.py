"""Asking Google whose groups somebody is in: a yes is enough, a no has members read."""

from collections.abc import AsyncIterator

import pytest

from core.providers.google.members import MAX_GROUPS
from tests.support.google_world import GoogleWorld, google_world
from tests.support.membership import found_of, whole_of

API = "/admin/directory/v1"


@pytest.fixture
async def world() -> AsyncIterator[GoogleWorld]:
    async with google_world() as running:
        yield running


def asked(world: GoogleWorld, what: str) -> int:
    return sum(path.endswith(what) or f"{what}/" in path for path in world.server.paths)


async def test_somebody_in_a_nested_group_takes_a_question_and_the_names_of_the_groups(world):
    ann, bob = world.customer.add_people(2)
    inner = world.customer.add_group("Inner", [ann])
    outer = world.customer.add_group("Outer", groups=[inner])
    world.customer.set_members(inner, [ann], groups=[outer])
    for number in range(500):
        world.customer.add_group(f"Other {number}", [bob])

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Outer")

    assert (found.holders, found.proven, found.note) == (("Outer",), True, "")
    assert asked(world, "/hasMember") == 1
    assert asked(world, "/members") == 0
    assert world.server.paths.count(f"{API}/groups") == -(-502 // MAX_GROUPS)


async def test_a_no_has_the_members_of_that_group_and_those_in_it_read(world):
    ann, bob = world.customer.add_people(2)
    inner = world.customer.add_group("Inner", [ann])
    world.customer.add_group("Outer", groups=[inner])
    world.customer.add_group("Other", [bob])

    async with world.opened() as provider:
        found = await found_of(provider, bob, "Outer")

    assert (found.holders, found.proven) == ((), True)
    assert found.note == "the members of 2 groups were read for it"
    assert asked(world, "/members") == 2


async def test_a_group_with_the_whole_company_in_it_has_everybody(world):
    (ann,) = world.customer.add_people(1)
    world.customer.add_group("All", everybody=True)

    async with world.opened() as provider:
        found = await found_of(provider, ann, "All")

    assert (found.holders, found.proven) == (("All",), True)


async def test_a_way_through_another_domain_leaves_it_open_as_a_whole_reading_does(world):
    ann, bob = world.customer.add_people(2)
    crew = world.customer.add_group("Crew", [bob])
    elsewhere = {"kind": "admin#directory#member", "id": "01elsewhere", "type": "GROUP"}
    world.customer.members[crew].append(elsewhere)

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")
        whole = await whole_of(provider, ann, "Crew")
        in_it = await found_of(provider, bob, "Crew")

    assert (found.holders, found.proven) == (whole.holders, whole.proven) == ((), False)
    assert in_it.holders == ("Crew",)


@pytest.mark.parametrize(
    "odd",
    ['{"isMember": "yes"}', "{}", "[]", '{"isMember": tr'],
    ids=["text", "none", "list", "cut"],
)
async def test_an_answer_that_cannot_be_read_is_never_a_no(world, odd):
    (ann,) = world.customer.add_people(1)
    world.customer.add_group("Crew", [ann])
    world.server.spoil = lambda path, text: odd if "/hasMember/" in path else text

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")

    assert (found.holders, found.note) == (("Crew",), "all groups were read for it: 1")


async def test_somebody_deleted_meanwhile_is_not_taken_for_a_member_who_left(world):
    (ann,) = world.customer.add_people(1)
    world.customer.add_group("Crew", [ann])
    world.customer.delete_user(ann)

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")

    assert (found.holders, found.note) == ((), "the members of 1 group were read for it")
