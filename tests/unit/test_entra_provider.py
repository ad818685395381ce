"""Reading an Entra tenant: pages, groups with hidden or nested members, people by name, limits."""

import pytest

from core.engine.groups import flatten
from core.errors import (
    ConflictError,
    PermissionMissingError,
    RecordError,
    TerminalRemoteError,
    TransientRemoteError,
)
from core.model.directory import Presence
from tests.support.entra_world import entra_world, group_pages, groups, user_pages, users
from tests.vendors.entra_odata import RefusedError


@pytest.fixture
def world():
    with entra_world() as running:
        yield running


async def test_people_come_999_a_page_and_everything_takes_a_request_a_page(world):
    people = world.people(2100)
    world.tenant.add_group("Big", users=people[:1200])
    world.tenant.add_group("Small", users=people[:3])

    async with world.opened() as provider:
        pages = await user_pages(provider)
        await group_pages(provider)

        assert [len(page.records) for page in pages] == [999, 999, 102]
        assert [page.last for page in pages] == [False, False, True]
    assert world.server.requests("/users") == 3
    assert world.server.requests("/groups") == 1
    assert world.server.requests("/groups/[^/]+/members") == 3
    assert provider.requests == 3 + 1 + 1 + 1 + 1


async def test_members_of_twenty_groups_take_a_request_and_every_group_has_its_own(world):
    people = world.people(60)
    for n in range(60):
        world.tenant.add_group(f"g{n}", users=people[: n + 1])

    async with world.opened() as provider:
        found = await groups(provider)

        assert {name: len(one.member_users) for name, one in found.items()} == {
            f"g{n}": n + 1 for n in range(60)
        }
        assert provider.requests == 1 + 3


async def test_without_batches_each_group_is_asked_for_singly(world):
    (ann,) = world.people(1)
    for n in range(45):
        world.tenant.add_group(f"g{n}", users=[ann])
    world.server.batches_work = False

    async with world.opened() as provider:
        found = await groups(provider)

        assert all(one.complete and one.member_users == {ann} for one in found.values())
        assert provider.requests <= 1 + 3 + 45


async def test_managers_are_read_where_the_mapping_wants_them_a_hundred_people_a_page(world):
    boss, ann, *_ = world.people(150)
    world.tenant.set_manager(ann, boss)

    wanted = {"enterprise.manager", "manager.displayName"}
    async with world.opened(wanted=wanted) as provider:
        found = {one.external_id: one.attributes for one in await users(provider)}

    assert found[ann] == {"enterprise.manager": boss, "manager.displayName": "P0000"}
    assert found[boss] == {}
    assert world.server.requests("/users") == 2


async def test_an_end_is_not_believed_when_graph_counts_far_more_people(world):
    world.people(60)
    world.server.spoil = lambda text: text.replace("@odata.nextLink", "@odata.lost")

    async with world.opened(page_size=20) as provider:
        (page,) = await user_pages(provider)

    assert not page.last
    assert page.total == 60


async def test_a_count_that_lags_behind_or_is_not_there_stops_nothing(world):
    world.people(60)
    for said in ('"@odata.count": 65', '"@odata.other": 1'):
        world.server.spoil = lambda text, said=said: text.replace('"@odata.count": 60', said)
        async with world.opened(page_size=20) as provider:
            assert (await user_pages(provider))[-1].last


async def test_empty_pages_are_no_end_and_a_circle_is_none_either(world):
    world.people(3)
    first = f"{world.server.url}/users?again=1"
    link = f'"@odata.nextLink": "{first}", "value": []'
    world.server.spoil = lambda _: f"{{{link}}}"

    async with world.opened() as provider:
        with pytest.raises(TerminalRemoteError):
            await user_pages(provider)


async def test_a_next_link_to_another_origin_is_not_followed(world):
    world.people(30)
    world.server.spoil = lambda text: text.replace(world.server.origin, "https://elsewhere.example")

    async with world.opened(page_size=10) as provider:
        with pytest.raises(TerminalRemoteError) as raised:
            await user_pages(provider)

    assert raised.value.code == "redirected_elsewhere"


async def test_nested_groups_are_looked_through_and_devices_are_nobody(world):
    ann, bob, cat = world.people(3)
    inner = world.tenant.add_group("Inner", users=[ann])
    middle = world.tenant.add_group("Middle", users=[bob], groups=[inner])
    outer = world.tenant.add_group("Outer", users=[cat], groups=[middle])
    world.tenant.join(inner, groups=[outer], devices=["device-1"])

    async with world.opened() as provider:
        found = await groups(provider)

    flat = flatten(found.values())
    assert found["Outer"].member_users == {cat}
    assert found["Inner"].member_unknown == frozenset()
    assert flat[outer].members == {ann, bob, cat}
    assert all(group.proven for group in flat.values())


async def test_hidden_members_prove_nothing_until_the_app_may_see_them(world):
    (ann,) = world.people(1)
    world.tenant.add_group("Secret", users=[ann], visibility="HiddenMembership")

    async with world.opened() as provider:
        assert not (await groups(provider))["Secret"].complete
        world.server.rights |= {"Member.Read.Hidden"}
        seen = (await groups(provider))["Secret"]

    assert seen.complete
    assert seen.member_users == {ann}


async def test_a_group_deleted_while_groups_are_read_says_nothing_of_its_people(world):
    (ann,) = world.people(1)
    group = world.tenant.add_group("Brief", users=[ann])
    world.server.before["/members"] = lambda: world.tenant.delete(group)

    async with world.opened() as provider:
        assert not (await groups(provider))["Brief"].complete


@pytest.mark.parametrize(
    ("right", "what"), [("User.Read.All", "users"), ("GroupMember.Read.All", "groups")]
)
async def test_a_missing_permission_is_named_with_where_to_grant_it(world, right, what):
    world.people(1)
    world.server.rights -= {right}

    async with world.opened() as provider:
        with pytest.raises(PermissionMissingError) as raised:
            await (user_pages(provider) if what == "users" else group_pages(provider))

    assert f"application permission {right} is missing" in raised.value.message
    assert "Insufficient privileges" in raised.value.message
    assert (
        f"API permissions, Add a permission, Microsoft Graph, Application permissions, {right}"
        in (raised.value.hint)
    )
    assert "Grant admin consent" in raised.value.hint


async def test_an_attribute_that_graph_does_not_know_is_told_by_its_name(world):
    async with world.opened(wanted={"userName", "badge"}) as provider:
        with pytest.raises(TerminalRemoteError) as raised:
            await user_pages(provider)

    assert "'badge'" in raised.value.message
    assert "mapping" in raised.value.hint


async def test_people_are_found_by_id_user_principal_name_or_mail_in_one_request(world):
    ann = world.person("ann", userPrincipalName="ann#o'neil@contoso.example", mail="ann@x.example")
    async with world.opened() as provider:
        (listed,) = (await user_pages(provider))[0].records
        for name in (ann, "ANN#o'Neil@contoso.example", "Ann@X.example"):
            before = world.server.requests("/users")
            assert await provider.find_user(name) == listed
            assert world.server.requests("/users") == before + 1
        assert await provider.find_user("x" * 5000) is None


async def test_two_people_with_one_name_are_a_conflict(world):
    world.person("ann", mail="shared@contoso.example")
    world.person("bob", mail="shared@contoso.example")

    async with world.opened() as provider:
        with pytest.raises(ConflictError):
            await provider.find_user("shared@contoso.example")


async def test_a_single_person_or_group_is_there_disabled_or_gone(world):
    ann, bob, cat = world.people(3)
    group, left = world.tenant.add_group("A"), world.tenant.add_group("B")
    world.tenant.update(bob, accountEnabled=False)
    world.tenant.delete(cat)
    world.tenant.delete(left)

    async with world.opened() as provider:
        said = [await provider.read_user(one) for one in (ann, bob, cat)]
        assert said == [Presence.ACTIVE, Presence.DISABLED, Presence.GONE]
        assert await provider.read_group(group) is Presence.ACTIVE
        assert await provider.read_group(left) is Presence.GONE


async def test_a_404_that_is_not_graphs_says_nothing_about_a_person(world):
    (ann,) = world.people(1)
    world.server.faults["/users/"] = RefusedError(404, "BadGateway", "No such host.")

    async with world.opened() as provider:
        with pytest.raises(TerminalRemoteError) as raised:
            await provider.read_user(ann)

    assert raised.value.code == "not_graph"


async def test_another_persons_answer_is_not_believed(world):
    ann, bob = world.people(2)
    world.server.spoil = lambda text: text.replace(ann, bob)

    async with world.opened() as provider:
        with pytest.raises(TerminalRemoteError):
            await provider.read_user(ann)


async def test_a_throttled_tenant_is_read_at_the_pace_that_it_allows(world):
    people = world.people(200)
    for n in range(8):
        world.tenant.add_group(f"g{n}", users=people[n : n + 3])
    world.server.throttle_every, world.server.retry_after = 10, "1"
    start = world.clock.monotonic()

    async with world.opened(page_size=20) as provider:
        pages, found = await user_pages(provider), await groups(provider)

    assert pages[-1].last
    assert sum(len(page.records) for page in pages) == 200
    assert len(found) == 8
    assert all(group.complete for group in found.values())
    assert world.server.throttled >= 2
    assert world.clock.monotonic() - start >= world.server.throttled


async def test_while_one_request_is_throttled_no_other_goes_out(world):
    for n in range(17):
        world.tenant.add_group(f"g{n}")
    world.server.throttle_every, world.server.retry_after = 10, "1"
    world.server.batches_work = False
    times: list[float] = []
    world.server.before["/members"] = lambda: times.append(world.clock.monotonic())

    async with world.opened() as provider:
        await groups(provider)

    # Those under way when the 429 came are answered; the next goes out after the wait.
    throttled = times[8]
    assert sum(throttled < time < throttled + 0.9 for time in times) <= 3


async def test_what_a_batch_was_throttled_for_is_asked_for_after_the_wait(world):
    for n in range(17):
        world.tenant.add_group(f"g{n}")
    world.server.throttle_every, world.server.retry_after = 10, "1"
    times: list[float] = []
    world.server.before["/members"] = lambda: times.append(world.clock.monotonic())

    async with world.opened() as provider:
        found = await groups(provider)

    assert all(group.complete for group in found.values())
    assert len(times) == 18
    assert times[-1] - times[8] >= 0.9


async def test_a_service_in_trouble_is_asked_again_and_then_told_apart_from_a_refusal(world):
    world.people(1)
    world.server.faults["/users"] = RefusedError(503, "serviceNotAvailable", "Busy.")

    async with world.opened() as provider:
        with pytest.raises(TransientRemoteError) as raised:
            await user_pages(provider)

    assert "Busy." in raised.value.message
    assert world.server.requests("/users") == 3


async def test_a_record_that_does_not_say_whether_it_is_enabled_is_unreadable(world):
    world.people(1)
    world.server.rights = {"User.ReadBasic.All"}

    async with world.opened() as provider:
        (page,) = await user_pages(provider)
        with pytest.raises(RecordError) as raised:
            provider.decode_user(page.records[0])

    assert raised.value.attribute == "accountEnabled"
