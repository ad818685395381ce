"""First pages of members in batches: as good as one by one, and never worse."""

import re
from collections.abc import AsyncIterator, Callable

import pytest

from core.model.directory import ProviderGroup
from tests.support.google_world import GoogleWorld, google_world, group_pages

API = "/admin/directory/v1"


@pytest.fixture
async def world() -> AsyncIterator[GoogleWorld]:
    async with google_world() as running:
        yield running


def company(world: GoogleWorld, groups: int) -> dict[str, set[str]]:
    """Fill the customer; return the people of each group."""
    people = world.customer.add_people(30)
    of = {f"Group {n}": set(people[n % 7 : n % 7 + n % 5]) for n in range(groups)}
    for name, members in of.items():
        world.customer.add_group(name, sorted(members))
    return of


async def read(world: GoogleWorld) -> tuple[dict[str, ProviderGroup], int]:
    """Return all groups by name, and how many requests that took."""
    async with world.opened() as provider:
        pages = await group_pages(provider)
        assert pages[-1].last
        groups = [provider.decode_group(raw) for page in pages for raw in page.records]
        return {group.display_name: group for group in groups}, provider.requests


def assert_whole(groups: dict[str, ProviderGroup], of: dict[str, set[str]]) -> None:
    assert {name: set(group.member_users) for name, group in groups.items()} == of
    assert all(group.complete for group in groups.values())


async def test_fifty_groups_members_come_in_one_request(world):
    of = company(world, 120)
    groups, requests = await read(world)

    assert_whole(groups, of)
    assert requests == 1 + 3
    assert world.server.batches == 3


async def test_a_longer_list_goes_on_after_the_batch(world):
    people = world.customer.add_people(450)
    world.customer.add_group("All", people)
    world.customer.add_group("Few", people[:3])
    groups, requests = await read(world)

    assert groups["All"].member_users == frozenset(people)
    assert requests == 1 + 1 + 2


async def test_where_batches_are_refused_all_are_read_singly(world):
    world.server.batches_work = False
    of = company(world, 60)
    groups, requests = await read(world)

    assert_whole(groups, of)
    assert requests == 1 + 1 + 60, "a batch is tried once"


async def test_what_the_quota_refuses_within_a_batch_is_asked_for_again(world):
    world.server.every = 10
    of = company(world, 60)
    groups, _ = await read(world)

    assert_whole(groups, of)
    assert world.server.refused >= 6


FAULTS: dict[str, Callable[[str], str]] = {
    "no batch at all": lambda _: "<!doctype html>",
    "nothing": lambda _: "",
    "cut short": lambda text: text[: len(text) // 2],
    "a status": lambda text: text.replace("HTTP/1.1 200", "HTTP/1.1 503"),
    "no status": lambda text: text.replace("HTTP/1.1 200", "200"),
    "another length": lambda text: re.sub(r"Content-Length: \d", "Content-Length: 9", text),
    "ids of nobody": lambda text: text.replace("response-item-", "response-item-9"),
    "no ids": lambda text: text.replace("Content-ID", "X-Content-ID"),
    "no list of members": lambda text: text.replace("#members", "#groups"),
    "broken JSON": lambda text: text.replace('{"kind"', '["kind"'),
}


@pytest.mark.parametrize("spoil", FAULTS.values(), ids=FAULTS.keys())
async def test_what_does_not_come_well_in_a_batch_is_read_singly(world, spoil):
    of = company(world, 12)
    world.server.spoil = lambda path, text: spoil(text) if path == "/batch" else text
    groups, requests = await read(world)

    assert_whole(groups, of)
    assert requests > 2


async def test_a_group_that_was_deleted_since_it_was_listed_is_incomplete(world):
    company(world, 12)
    gone = next(iter(world.customer.groups))

    def delete(path: str, text: str) -> str:
        if path == f"{API}/groups":
            world.customer.delete_group(gone)
        return text

    world.server.spoil = delete
    groups, _ = await read(world)

    assert [name for name, group in groups.items() if not group.complete] == ["Group 0"]
