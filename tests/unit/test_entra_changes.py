"""Delta queries: what changed is read again whole, what is gone is named, old links are told."""

import json

import pytest

from core.errors import WatermarkExpiredError
from core.model.directory import ResourceKind
from core.providers.entra.changes import MOST_CHANGES, overlaid
from tests.support.entra_world import change_pages, entra_world, user_pages
from tests.vendors.entra_odata import RefusedError

USER, GROUP = ResourceKind.USER, ResourceKind.GROUP


@pytest.fixture(params=["whole", "sparse"])
def world(request):
    with entra_world() as running:
        running.server.sparse = request.param == "sparse"
        yield running


def records(pages, kind):
    return [raw for page in pages if page.kind is kind for raw in page.records]


def removed(pages, kind):
    return [one for page in pages if page.kind is kind for one in page.removed]


async def test_what_did_not_change_is_not_in_a_delta(world):
    world.people(5)
    async with world.opened() as provider:
        mark = await provider.watermark()
        (page,) = await change_pages(provider, mark)

    assert page.last
    assert (page.records, page.removed) == ((), ())
    assert page.watermark


async def test_changed_people_come_whole_and_as_a_listing_has_them(world):
    ann, bob, _ = people = world.people(3)
    for one in people:
        world.tenant.update(one, jobTitle="Engineer", department="Research")
    async with world.opened() as provider:
        mark = await provider.watermark()
        world.tenant.update(ann, jobTitle="Director")
        world.tenant.update(bob, accountEnabled=False)
        eve = world.person("eve")
        pages = await change_pages(provider, mark)
        listed = (await user_pages(provider))[0].records

        found = {provider.decode_user(raw).external_id: raw for raw in records(pages, USER)}
        changed = provider.decode_user(found[ann])
        assert set(found) == {ann, bob, eve}
        assert changed.attributes["enterprise.department"] == "Research"
        assert changed.attributes["title"] == "Director"
        assert not provider.decode_user(found[bob]).active
        assert set(found.values()) < set(listed)


async def test_the_next_delta_begins_where_this_one_ended(world):
    ann, bob = world.people(2)
    async with world.opened() as provider:
        mark = await provider.watermark()
        world.tenant.update(ann, jobTitle="Director")
        first = await change_pages(provider, mark)
        world.tenant.update(bob, jobTitle="Director")
        second = await change_pages(provider, first[-1].watermark)

        ids = [provider.decode_user(raw).external_id for raw in records(second, USER)]
        assert ids == [bob]


async def test_who_was_deleted_is_named_and_who_was_restored_is_not(world):
    ann, bob = world.people(2)
    async with world.opened() as provider:
        mark = await provider.watermark()
        kept = world.tenant.users[bob]
        world.tenant.delete(ann)
        world.tenant.delete(bob)
        world.tenant.users[bob] = kept
        pages = await change_pages(provider, mark)

        assert removed(pages, USER) == [ann]
        assert [provider.decode_user(raw).external_id for raw in records(pages, USER)] == [bob]


async def test_a_changed_group_comes_with_all_its_members(world):
    ann, bob, cat = world.people(3)
    group = world.tenant.add_group("Team", users=[ann, bob])
    other = world.tenant.add_group("Other", users=[ann])
    async with world.opened() as provider:
        mark = await provider.watermark()
        world.tenant.join(group, users=[cat])
        world.tenant.leave(group, ann)
        world.tenant.delete(other)
        pages = await change_pages(provider, mark)

        (team,) = [provider.decode_group(raw) for raw in records(pages, GROUP)]
        assert (team.display_name, team.complete) == ("Team", True)
        assert team.member_users == {bob, cat}
        assert removed(pages, GROUP) == [other]


async def test_a_new_manager_is_a_change_where_managers_are_wanted(world):
    ann, bob = world.people(2)
    async with world.opened(wanted={"userName", "manager"}) as provider:
        mark = await provider.watermark()
        world.tenant.set_manager(ann, bob)
        world.tenant.update(bob, jobTitle="not wanted")
        pages = await change_pages(provider, mark)

        (changed,) = [provider.decode_user(raw) for raw in records(pages, USER)]
        assert (changed.external_id, changed.attributes["manager"]) == (ann, bob)


@pytest.mark.parametrize("batches", [True, False])
async def test_a_delta_costs_a_few_requests_and_never_one_for_each_person(world, batches):
    people = world.people(700)
    world.server.batches_work = batches
    async with world.opened(groups=False) as provider:
        mark = await provider.watermark()
        for one in people[:450]:
            world.tenant.update(one, jobTitle="Moved")
        before = provider.requests
        pages = await change_pages(provider, mark)

        assert len(records(pages, USER)) == 450
        assert provider.requests - before == 3 + (2 if batches else 1 + 450 / 15)
    assert world.server.requests("/users") == 450 / 15
    assert world.server.requests("/users/delta") == 4
    assert len({page.token for page in pages}) == len(pages)


@pytest.mark.parametrize(
    "refusal",
    [
        RefusedError(410, "resyncRequired", "Gone.", Location="https://elsewhere.example/delta"),
        RefusedError(400, "syncStateNotFound", "The sync state generation is not found."),
        RefusedError(404, "itemNotFound", "Nothing."),
    ],
    ids=["410", "400", "404"],
)
async def test_a_delta_link_that_graph_knows_no_more_is_told_as_that(world, refusal):
    async with world.opened() as provider:
        mark = await provider.watermark()
        world.server.expired_deltas = refusal
        with pytest.raises(WatermarkExpiredError):
            await change_pages(provider, mark)


@pytest.mark.parametrize("mark", ["", "nonsense", "{}", '{"tracked": "mail", "users": "x"}'])
async def test_a_watermark_of_another_mapping_or_none_at_all_is_expired(world, mark):
    async with world.opened() as provider:
        with pytest.raises(WatermarkExpiredError):
            await change_pages(provider, mark)


async def test_more_changes_than_a_full_read_costs_are_left_to_a_full_read(world, monkeypatch):
    monkeypatch.setattr("core.providers.entra.changes.MOST_CHANGES", 10)
    async with world.opened() as provider:
        mark = await provider.watermark()
        world.people(11)
        with pytest.raises(WatermarkExpiredError) as raised:
            await change_pages(provider, mark)

    assert "10 changes" in raised.value.message
    assert MOST_CHANGES == 50_000


async def test_a_tenant_without_delta_queries_has_no_watermark(world):
    world.server.delta_works = False
    async with world.opened() as provider:
        assert await provider.watermark() is None


def test_what_a_delta_knows_better_is_put_on_top_and_equal_bytes_stay():
    read = b'{"id": "1",  "mail": "a@x", "jobTitle": "old"}'
    known = frozenset({"id", "mail", "jobTitle"})

    assert overlaid(read, b'{"id": "1", "jobTitle": "old"}', known) is read
    newer = overlaid(read, b'{"jobTitle": "new", "other": 1, "manager@delta": []}', known)
    assert json.loads(newer) == {"id": "1", "mail": "a@x", "jobTitle": "new"}
    assert overlaid(read, b"broken", known) is read
