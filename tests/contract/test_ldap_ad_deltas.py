"""Deltas of a real Active Directory domain controller, up to whole cycles through the engine.

`READER` is an ordinary account, `WATCHER` may look into the container of deleted objects, too: only
so does Samba tell of deletions.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import WatermarkExpiredError
from core.model.account import UserStatus
from core.model.configuration import Guard
from core.model.cycle import Cycle
from core.model.directory import ChangePage, CheckStatus, ResourceKind, Watermark
from core.ports import IdentityProvider
from tests.support.ldap_world import opener_on
from tests.support.samba_dc import (
    BASE,
    READER,
    STAFF,
    WATCHER,
    DomainController,
    dn_of,
    running_samba,
)
from tests.support.store_world import StoreWorld, store_world

pytest.importorskip("ldap")

BY_NUMBER = {"id": "objectSid"}
"""The control knows people by objectGUID alone."""
ELSEWHERE = f"CN=Users,{BASE}"
Told = dict[ResourceKind, set[str]]


@pytest.fixture(scope="module")
def controller() -> Iterator[DomainController]:
    with running_samba() as running:
        yield running


@pytest.fixture
def domain(controller: DomainController) -> DomainController:
    controller.clear()
    return controller


@pytest.fixture
async def opened(domain: DomainController, tmp_path: Path) -> AsyncIterator:
    (tmp_path / "credentials").mkdir()
    async with opener_on(domain, tmp_path / "credentials") as open_one:
        yield open_one


async def changes_of(provider: IdentityProvider, since: Watermark) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        return [page async for page in pages]


def who(provider: IdentityProvider, pages: list[ChangePage]) -> Told:
    told: Told = {ResourceKind.USER: set(), ResourceKind.GROUP: set()}
    for page in pages:
        told[page.kind].update(map(provider.identify, page.records))
    return told


def gone(pages: list[ChangePage]) -> set[str]:
    return {id_ for page in pages for id_ in page.removed}


def without_cookie(mark: Watermark) -> Watermark:
    """Return a watermark as it is made where the control is not to be had."""
    return Watermark(json.dumps(json.loads(mark) | {"cookie": "", "basis": ""}))


@pytest.mark.parametrize("way", ["watcher", "reader", "by number"])
async def test_a_delta_lists_exactly_who_changed_since(domain, opened, way):
    ids = {name: domain.person(name) for name in ("ann", "bob", "cat")}
    domain.group("staff", [dn_of("ann")])
    provider = await opened(user=WATCHER if way == "watcher" else READER)
    mark = await provider.watermark()
    if way == "by number":
        mark = without_cookie(mark)

    quiet = await changes_of(provider, mark)
    assert (who(provider, quiet)[ResourceKind.USER], gone(quiet)) == (set(), set())
    assert quiet[-1].last

    domain.change(dn_of("bob"), title="Director")
    dan = domain.person("dan")
    domain.change(f"CN=staff,{STAFF}", member=[dn_of("ann"), dn_of("cat")])
    domain.delete(dn_of("ann"))
    pages = await changes_of(provider, quiet[-1].watermark)

    assert who(provider, pages)[ResourceKind.USER] == {ids["bob"], dan}
    (staff,) = [
        provider.decode_group(raw)
        for page in pages
        if page.kind is ResourceKind.GROUP
        for raw in page.records
    ]
    assert staff.member_users == {ids["cat"]}
    assert gone(pages) == ({ids["ann"]} if way == "watcher" else set())
    again = await changes_of(provider, pages[-1].watermark)
    assert (who(provider, again)[ResourceKind.USER], gone(again)) == (set(), set())


async def test_who_is_renamed_moved_or_restored_is_told_and_who_left_the_base_is_missed(
    domain, opened
):
    ids = {name: domain.person(name) for name in ("ann", "bob", "cat")}
    domain.move(dn_of("cat"), f"CN=cat,{ELSEWHERE}")
    provider = await opened(user=WATCHER)
    mark = await provider.watermark()

    domain.move(dn_of("ann"), dn_of("anna"))
    domain.move(dn_of("bob"), f"CN=bob,{ELSEWHERE}")
    domain.move(f"CN=cat,{ELSEWHERE}", dn_of("cat"))
    pages = await changes_of(provider, mark)
    assert who(provider, pages)[ResourceKind.USER] == {ids["ann"], ids["cat"]}
    assert gone(pages) == {ids["bob"]}

    domain.delete(f"CN=bob,{ELSEWHERE}")
    domain.delete(dn_of("cat"))
    pages = await changes_of(provider, pages[-1].watermark)
    assert gone(pages) == {ids["bob"], ids["cat"]}

    domain.restore(ids["cat"], dn_of("cat"))
    pages = await changes_of(provider, pages[-1].watermark)
    assert who(provider, pages)[ResourceKind.USER] == {ids["cat"]}
    assert gone(pages) == set()


async def test_a_group_that_is_deleted_or_moved_out_is_told(domain, opened):
    old, other = domain.group("old", []), domain.group("other", [])
    provider = await opened(user=WATCHER)
    mark = await provider.watermark()

    new = domain.group("new", [])
    domain.delete(f"CN=old,{STAFF}")
    domain.move(f"CN=other,{STAFF}", f"CN=other,{ELSEWHERE}")
    pages = await changes_of(provider, mark)

    assert who(provider, pages)[ResourceKind.GROUP] == {new}
    domain.delete(f"CN=other,{ELSEWHERE}")
    lost = {id_ for page in pages if page.kind is ResourceKind.GROUP for id_ in page.removed}
    assert {old, other} <= lost


async def test_only_attributes_that_matter_are_watched(domain, opened):
    ann = domain.person("ann")
    plain = await opened()
    filtered = await opened(
        people_filter="(&(objectClass=user)(!(physicalDeliveryOfficeName=attic)))"
    )
    marks = [await provider.watermark() for provider in (plain, filtered)]

    domain.change(dn_of("ann"), physicalDeliveryOfficeName="5", info="x")

    told = [
        who(provider, await changes_of(provider, mark))[ResourceKind.USER]
        for provider, mark in zip((plain, filtered), marks, strict=True)
    ]
    assert told == [set(), {ann}]


async def test_an_organizational_unit_that_moves_takes_a_whole_reading_and_a_new_one_does_not(
    domain, opened
):
    provider = await opened()
    mark = await provider.watermark()

    sales = domain.unit("Sales")
    ann = domain.person("ann", unit=sales)
    pages = await changes_of(provider, mark)
    assert who(provider, pages)[ResourceKind.USER] == {ann}

    domain.move(sales, f"OU=Vertrieb,{STAFF}")
    with pytest.raises(WatermarkExpiredError) as raised:
        await changes_of(provider, pages[-1].watermark)
    assert raised.value.code == "org_unit_changed"


async def test_by_update_numbers_a_renamed_unit_is_noticed_by_whoever_looks_at_units(
    domain, opened
):
    berlin = domain.unit("Berlin")
    provider = await opened(org_units=True)
    mark = without_cookie(await provider.watermark())
    assert (await changes_of(provider, mark))[-1].last
    domain.move(berlin, f"OU=Hamburg,{STAFF}")

    with pytest.raises(WatermarkExpiredError) as raised:
        await changes_of(provider, mark)

    assert raised.value.code == "org_unit_changed"
    assert (await changes_of(await opened(), mark))[-1].last


async def test_who_moves_to_another_unit_is_in_the_next_delta(domain, opened):
    for name in ("Berlin", "Hamburg"):
        domain.add(f"OU={name},{STAFF}", {"objectClass": "organizationalUnit"})
    ann = domain.person("ann", f"OU=Berlin,{STAFF}")
    provider = await opened(org_units=True)
    mark = await provider.watermark()
    domain.move(f"CN=ann,OU=Berlin,{STAFF}", f"CN=ann,OU=Hamburg,{STAFF}")

    (raw,) = (await changes_of(provider, mark))[0].records

    person = provider.decode_user(raw)
    assert (person.external_id, person.org_unit) == (ann, await provider.find_org_unit("Hamburg"))


async def test_a_watermark_of_another_controller_another_life_or_other_attributes_has_expired(
    domain, opened
):
    provider = await opened()
    mark = await provider.watermark()
    said = json.loads(mark)

    for other in (
        mark.replace("CN=NTDS Settings", "CN=Other"),
        mark.replace('"number":', '"number":9'),
        json.dumps(said | {"basis": "another"}),
        json.dumps(said | {"cookie": said["cookie"][:24]}),
        json.dumps(said | {"cookie": "bm8gY29va2ll"}),
        '{"time": "20260101000000Z"}',
        "x",
    ):
        with pytest.raises(WatermarkExpiredError):
            await changes_of(provider, Watermark(other))


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"user": WATCHER}, "", "Changes and deletions"),
        ({}, "deletions_hidden", "does not tell this account of deletions"),
        (BY_NUMBER, "dirsync_other_id", "By uSNChanged"),
        ({"groups_base": f"CN=Configuration,{BASE}"}, "dirsync_other_context", "By uSNChanged"),
        ({"member_of": f"CN=staff,{STAFF}"}, "", "read each time"),
    ],
)
async def test_the_check_says_how_changes_are_asked_for_and_what_would_tell_more(
    opened, changed, code, words
):
    line = (await (await opened(**changed)).check()).lines[-1]

    assert (line.name, line.code) == ("Changes", code)
    assert line.status is (CheckStatus.WARNING if code else CheckStatus.OK)
    assert words in line.detail
    assert ("Deleted Objects" in line.hint) is (code == "deletions_hidden")


@asynccontextmanager
async def cycles(opened, url: str, **changed: object) -> AsyncIterator:
    """Give what runs one cycle over the domain, and the store that it runs on."""
    spec = {"guard": Guard(minimum=9), "mapping": {"title": "title"}}
    async with store_world(url, **spec) as world:

        async def run() -> Cycle:
            world.directory = await opened(**changed)
            _, cycle = await world.cycle()
            return cycle

        yield run, world


async def statuses(world: StoreWorld) -> dict[str, UserStatus]:
    users = await world.store.people.search(limit=100)
    return {user.user_name.partition("@")[0]: user.status for user in users}


async def test_a_deletion_ends_as_disabled_in_the_next_cycle(domain, opened, database_url):
    ids = {name: domain.person(name) for name in ("ann", "bob", "cat", "dan")}
    domain.group("staff", [dn_of("ann"), dn_of("bob")])
    async with cycles(opened, database_url, user=WATCHER) as (run, world):
        first = await run()
        assert (first.reading, first.counts.created) == ("full", 4)
        quiet = await run()
        assert (quiet.reading, quiet.counts.changed) == ("delta", 0)

        domain.change(dn_of("ann"), title="Director")
        domain.change(f"CN=staff,{STAFF}", member=[dn_of("bob"), dn_of("cat")])
        domain.person("eve")
        changed = await run()
        assert (changed.reading, changed.reading_note) == ("delta", "")
        assert (changed.counts.created, changed.counts.updated) == (1, 1)
        members = await world.sql(
            "SELECT m.external_id FROM memberships m JOIN groups g ON g.id = m.group_id"
            " WHERE g.display_name = 'staff'"
        )
        assert {id_ for (id_,) in members} == {ids["bob"], ids["cat"]}

        domain.delete(dn_of("dan"))
        domain.move(dn_of("cat"), f"CN=cat,{ELSEWHERE}")
        left = await run()
        domain.delete(f"CN=cat,{ELSEWHERE}")
        assert left.reading == "full"
        assert "Somebody was deleted or moved away" in left.reading_note
        assert left.proof.proven
        assert left.counts.disabled == 2
        found = await statuses(world)
        assert [found["dan"], found["cat"]] == [UserStatus.DISABLED] * 2
        assert (await run()).reading == "delta"

        domain.restore(ids["dan"], dn_of("dan"))
        kept = {"mail": "dan@example.com", "userPrincipalName": "dan@example.com"}
        domain.change(dn_of("dan"), **kept, title="Engineer", displayName="Dan")
        back = await run()
        assert (back.reading, back.counts.enabled) == ("delta", 1)


async def test_without_that_right_a_deletion_waits_for_the_daily_full_cycle(
    domain, opened, database_url
):
    for name in ("ann", "bob", "cat"):
        domain.person(name)
    async with cycles(opened, database_url) as (run, world):
        await run()
        domain.delete(dn_of("ann"))
        domain.change(dn_of("bob"), title="Director")
        second = await run()
        assert (second.reading, second.counts.updated, second.counts.disabled) == ("delta", 1, 0)
        world.clock.time += timedelta(hours=25)
        assert (await run()).counts.disabled == 1


async def test_update_numbers_do_for_whole_delta_cycles_where_the_control_does_not(
    domain, opened, database_url
):
    for name in ("ann", "bob", "cat"):
        domain.person(name)
    domain.group("staff", [dn_of("ann")])
    async with cycles(opened, database_url, **BY_NUMBER) as (run, world):
        assert (await run()).counts.created == 3
        domain.person("dan")
        domain.change(dn_of("bob"), title="Director")
        domain.change(dn_of("cat"), userAccountControl="546")
        domain.delete(dn_of("ann"))
        second = await run()
        assert (second.reading, second.reading_note) == ("delta", "")
        counts = second.counts
        assert (counts.created, counts.updated, counts.disabled) == (1, 1, 1)
        assert (await run()).counts.changed == 0
        world.clock.time += timedelta(hours=25)
        daily = await run()
        assert (daily.reading, daily.counts.disabled) == ("full", 1)
        assert (await statuses(world))["ann"] is UserStatus.DISABLED


async def test_a_cookie_that_is_not_accepted_reads_everything_with_a_note(
    domain, opened, database_url
):
    domain.person("ann")
    async with cycles(opened, database_url) as (run, world):
        await run()
        domain.change(dn_of("ann"), title="Director")
        ((mark,),) = await world.sql("SELECT mark FROM watermarks")
        spoiled = json.dumps(json.loads(mark) | {"cookie": "bm8gY29va2ll"})
        await world.sql("UPDATE watermarks SET mark = :mark", mark=spoiled)
        second = await run()
        assert (second.reading, second.counts.updated) == ("full", 1)
        assert "does not accept where the changes should begin" in second.reading_note
        assert (await run()).reading == "delta"
