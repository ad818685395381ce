"""Asking Okta for one person's groups, which are all that have them in them."""

from collections.abc import AsyncIterator

import pytest

from tests.support.membership import found_of
from tests.support.okta_world import OktaWorld, okta_world
from tests.support.scim_backend import TOKEN

GROUPS = "/api/v1/groups"


@pytest.fixture
async def world() -> AsyncIterator[OktaWorld]:
    async with okta_world() as running:
        yield running


def asked(world: OktaWorld, person: str) -> int:
    return world.server.paths.count(f"/api/v1/users/{person}/groups")


async def test_one_list_of_two_hundred_groups_tells_who_is_in_and_who_is_not(world):
    ann, bob = world.org.add_people(2)
    for number in range(250):
        world.org.add_group(f"g{number:03d}", [ann])
    world.org.add_group("Crew", [ann])

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")
        nobody = await found_of(provider, bob, "Crew")

    assert (found.holders, found.proven, found.note) == (("Crew",), True, "")
    assert (nobody.holders, nobody.proven, nobody.note) == ((), True, "")
    assert (asked(world, ann), asked(world, bob)) == (2, 1)
    assert world.server.paths.count(GROUPS) == 4, "two pages of names each"
    assert not any(path.endswith("/users") for path in world.server.paths)


async def test_a_list_that_loses_its_links_is_never_a_no(world):
    (ann,) = world.org.add_people(1)
    for number in range(199):
        world.org.add_group(f"g{number:03d}", [ann])
    world.org.add_group("another", [ann])
    world.org.add_group("Crew", [ann])
    world.server.relink = lambda links: links if len(links) < 2 or "/users/" not in links[0] else []

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")

    assert (found.holders, found.note) == (("Crew",), "all groups were read for it: 201")


@pytest.mark.parametrize("odd", ['[{"id": null}]', "[{}]", "{}", "[{"])
async def test_a_list_that_cannot_be_read_is_never_a_no(world, odd):
    (ann,) = world.org.add_people(1)
    world.org.add_group("Crew", [ann])
    world.server.spoil = lambda path, text: odd if path.endswith(f"{ann}/groups") else text

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")

    assert (found.holders, found.note) == (("Crew",), "all groups were read for it: 1")


async def test_without_the_right_to_people_groups_are_read(world):
    (ann,) = world.org.add_people(1)
    world.org.add_group("Crew", [ann])
    world.server.tokens[TOKEN] = {"groups"}

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")

    assert (found.holders, found.note) == (("Crew",), "all groups were read for it: 1")
