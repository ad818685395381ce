"""Asking Entra ID whose groups somebody is in, and when its "no" is not believed."""

import pytest

from core.errors import SignInError
from tests.support.entra_world import entra_world
from tests.support.membership import found_of, whole_of
from tests.vendors.entra_odata import RefusedError

CHECK = "/users/[^/]+/checkMemberGroups"


@pytest.fixture
def world():
    with entra_world() as running:
        yield running


async def test_one_question_tells_of_nested_groups_and_circles_and_reads_no_members(world):
    ann, bob = world.people(2)
    inner = world.tenant.add_group("Inner", users=[ann])
    outer = world.tenant.add_group("Outer", groups=[inner])
    world.tenant.join(inner, groups=[outer])
    for number in range(500):
        world.tenant.add_group(f"Other {number}", users=[bob])

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Outer")
        nobody = await found_of(provider, bob, "Outer")

    assert (found.holders, found.proven, found.note) == (("Outer",), True, "")
    assert (nobody.holders, nobody.proven, nobody.note) == ((), True, "")
    assert world.server.requests(CHECK) == 2
    assert world.server.requests("/groups") == 2, "one page of names each"
    assert world.server.requests("/groups/[^/]+/members") == 0


async def test_more_than_twenty_groups_of_a_scope_are_asked_about_in_several_questions(world):
    (ann,) = world.people(1)
    names = [f"G{number:02d}" for number in range(45)]
    for name in names:
        world.tenant.add_group(name, users=[ann])

    async with world.opened() as provider:
        found = await found_of(provider, ann, *names)

    assert found.holders == tuple(names)
    assert world.server.requests(CHECK) == 3


async def test_a_group_with_hidden_members_has_members_read_before_somebody_is_not_in_it(world):
    ann, bob = world.people(2)
    hidden = world.tenant.add_group("Hidden", users=[ann], visibility="HiddenMembership")
    world.tenant.add_group("Crew", users=[bob], groups=[hidden])
    world.tenant.add_group("Plain", users=[bob])

    async with world.opened() as provider:
        by_hidden = await found_of(provider, ann, "Crew")
        in_it = await found_of(provider, bob, "Crew")
        plainly = await found_of(provider, ann, "Plain")
        assert (await whole_of(provider, ann, "Crew")).proven is False

    assert (by_hidden.holders, by_hidden.proven) == ((), False), "nobody knows"
    assert by_hidden.note == "the members of 2 groups were read for it"
    assert (in_it.holders, in_it.note) == (("Crew",), "")
    assert (plainly.holders, plainly.proven) == ((), True), "this one hides nothing"


async def test_with_the_right_to_see_hidden_members_they_are_seen(world):
    world.server.rights |= {"Member.Read.Hidden"}
    ann, bob = world.people(2)
    world.tenant.add_group("Crew", users=[ann], visibility="HiddenMembership")

    async with world.opened() as provider:
        assert (await found_of(provider, ann, "Crew")).holders == ("Crew",)
        nobody = await found_of(provider, bob, "Crew")

    assert (nobody.holders, nobody.proven) == ((), True)


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_a_refused_question_is_never_a_no(world, status):
    ann, bob = world.people(2)
    world.tenant.add_group("Crew", users=[ann])
    world.server.faults["checkMemberGroups"] = RefusedError(status, "Odd", "No.")

    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")
        nobody = await found_of(provider, bob, "Crew")

    assert (found.holders, found.proven) == (("Crew",), True)
    assert found.note == "all groups were read for it: 1"
    assert (nobody.holders, nobody.proven) == ((), True)


@pytest.mark.parametrize(
    ("honest", "odd"),
    [('"value": [', '"values": ['), ('"value": ["', '"value": ["x'), ('"value": [', '"value": [7')],
    ids=["nothing", "another group", "a number"],
)
async def test_an_answer_about_something_else_is_not_believed(world, honest, odd):
    (ann,) = world.people(1)
    world.tenant.add_group("Crew", users=[ann])

    def spoil(text: str) -> str:
        return text.replace(honest, odd) if "Collection(Edm.String)" in text else text

    world.server.spoil = spoil
    async with world.opened() as provider:
        found = await found_of(provider, ann, "Crew")

    assert (found.holders, found.note) == (("Crew",), "all groups were read for it: 1")


async def test_lost_credentials_are_told(world):
    (ann,) = world.people(1)
    world.tenant.add_group("Crew", users=[ann])
    world.server.faults["checkMemberGroups"] = RefusedError(401, "InvalidToken", "No.")

    async with world.opened() as provider:
        with pytest.raises(SignInError):
            await found_of(provider, ann, "Crew")
