"""What every identity provider promises, over all of them and their real counterparts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from core.errors import RecordError, SignInError, TransientRemoteError, WatermarkExpiredError
from core.model.directory import (
    ChangePage,
    CheckStatus,
    Page,
    Presence,
    ResourceKind,
    Watermark,
)
from core.ports import IdentityProvider
from tests.contract.providers.harness import HARNESSES, Backend, Person, crowd


@pytest.fixture(scope="module", params=HARNESSES)
def shared(request: pytest.FixtureRequest) -> Iterator[tuple]:
    start, harness = HARNESSES[request.param]
    with start() as common:
        yield common, harness


@pytest.fixture
async def backend(shared: tuple, tmp_path: Path) -> AsyncIterator[Backend]:
    common, harness = shared
    async with harness(tmp_path, common) as running:
        yield running


async def pages_of(provider: IdentityProvider) -> list[Page]:
    async with aclosing(provider.read_users()) as pages:
        return [page async for page in pages]


async def records_of(provider: IdentityProvider) -> list[bytes]:
    return [raw for page in await pages_of(provider) for raw in page.records]


async def people_of(backend: Backend) -> dict[str, object]:
    provider = await backend.open()
    people = [provider.decode_user(raw) for raw in await records_of(provider)]
    await provider.aclose()
    return {person.external_id: person for person in people}


@pytest.mark.parametrize("count", [0, 1, 1000])
async def test_a_listing_is_whole_and_says_where_it_ends(backend, count):
    people = crowd(count)
    await backend.start(people)
    provider = await backend.open(page_size=300)

    pages = await pages_of(provider)

    ids = [provider.decode_user(raw).external_id for page in pages for raw in page.records]
    assert sorted(ids) == sorted(backend.id_of(person.key) for person in people)
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert len({page.token for page in pages}) == len(pages)
    if provider.capabilities.announces_total:
        assert {page.total for page in pages} == {count}
    await provider.aclose()


async def test_there_are_as_many_requests_as_pages(backend):
    await backend.start(crowd(120))
    provider = await backend.open(page_size=40)

    pages = await pages_of(provider)

    if backend.page_requests() is not None:
        assert backend.page_requests() == len(pages) == 3
    await provider.aclose()


async def test_groups_come_with_their_members(backend):
    await backend.start(crowd(100))
    provider = await backend.open()
    assert provider.capabilities.groups

    async with aclosing(provider.read_groups()) as listing:
        pages = [page async for page in listing]

    groups = [provider.decode_group(raw) for page in pages for raw in page.records]
    assert pages[-1].last
    assert all(group.complete for group in groups)
    found = {group.display_name: group.member_users | group.member_unknown for group in groups}
    assert len(found) == 50
    assert found["group-7"] == {backend.id_of("p0007"), backend.id_of("p0057")}
    await provider.aclose()


async def test_somebody_disabled_is_listed_as_disabled(backend):
    await backend.start([Person(key="ann"), Person(key="bob", active=False)])
    await backend.disable("ann")

    people = await people_of(backend)

    assert {one: person.active for one, person in people.items()} == {
        backend.id_of("ann"): False,
        backend.id_of("bob"): False,
    }


async def test_a_changed_attribute_changes_the_raw_bytes_and_keeps_the_id(backend):
    await backend.start(crowd(2))
    provider = await backend.open()
    before = await records_of(provider)

    await backend.rename("p0001", "Director")

    after = await records_of(provider)
    assert len(set(before) & set(after)) == 1
    changed = [provider.decode_user(raw) for raw in after if raw not in before]
    assert [(one.external_id, one.attributes["title"]) for one in changed] == [
        (backend.id_of("p0001"), "Director")
    ]
    await provider.aclose()


async def test_the_same_record_has_the_same_bytes_in_every_read(backend):
    await backend.start(crowd(20))
    provider = await backend.open()

    assert await records_of(provider) == await records_of(provider)
    await provider.aclose()


async def test_somebody_deleted_is_not_listed(backend):
    await backend.start(crowd(3))
    await backend.delete("p0001")

    assert set(await people_of(backend)) == {backend.id_of("p0000"), backend.id_of("p0002")}


async def test_one_person_can_be_asked_for_where_that_is_a_capability(backend):
    await backend.start([Person(key="ann"), Person(key="bob", active=False), Person(key="cat")])
    gone = backend.id_of("cat")
    await backend.delete("cat")
    provider = await backend.open()

    if provider.capabilities.read_one:
        assert await provider.read_user(backend.id_of("ann")) is Presence.ACTIVE
        assert await provider.read_user(backend.id_of("bob")) is Presence.DISABLED
        assert await provider.read_user(gone) is Presence.GONE
    await provider.aclose()


async def test_an_unreadable_record_costs_one_person_and_is_still_known(backend):
    people = crowd(30)
    await backend.start(people)
    await backend.spoil_one()
    provider = await backend.open()

    pages = await pages_of(provider)

    known, errors = set(), []
    for raw in (raw for page in pages for raw in page.records):
        try:
            known.add(provider.decode_user(raw).external_id)
        except RecordError as error:
            errors.append(error)
            known.add(provider.identify(raw))
    assert pages[-1].last
    assert len(errors) == 1
    assert errors[0].message
    assert known == {backend.id_of(person.key) for person in people}
    await provider.aclose()


async def test_a_refused_credential_is_a_sign_in_error(backend):
    if not backend.signs_in:
        return
    await backend.start(crowd(3))
    await backend.refuse_sign_in()
    provider = await backend.open()

    with pytest.raises(SignInError):
        await pages_of(provider)
    report = await provider.check()
    assert [line.name for line in report.lines if line.status is CheckStatus.FAILED] == ["Sign-in"]
    await provider.aclose()


async def test_an_unreachable_directory_is_worth_trying_again_later(backend):
    if not backend.over_network:
        return
    await backend.start(crowd(3))
    await backend.go_away()
    provider = await backend.open()

    with pytest.raises(TransientRemoteError) as raised:
        await pages_of(provider)
    assert raised.value.code == "unreachable"
    failed = [line for line in (await provider.check()).lines if line.status is CheckStatus.FAILED]
    assert [line.code for line in failed] == ["unreachable"]
    assert failed[0].hint
    await provider.aclose()


async def test_a_healthy_directory_passes_its_check_and_shows_a_sample(backend):
    await backend.start(crowd(20))
    provider = await backend.open()

    report = await provider.check()

    assert report.ok
    assert {line.status for line in report.lines} <= {CheckStatus.OK, CheckStatus.WARNING}
    assert len(report.sample) == 5
    assert report.company
    await provider.aclose()


async def test_an_empty_directory_is_a_warning(backend):
    await backend.start([])
    provider = await backend.open()

    report = await provider.check()

    assert report.ok
    assert "empty" in {line.code for line in report.lines if line.status is CheckStatus.WARNING}
    await provider.aclose()


async def test_closing_twice_and_stopping_halfway_leave_nothing_behind(backend):
    await backend.start(crowd(90))
    await (await backend.open()).aclose()
    tasks, files = len(asyncio.all_tasks()), psutil.Process().num_fds()

    provider = await backend.open(page_size=30)
    async with aclosing(provider.read_users()) as pages:
        async for _ in pages:
            break
    await provider.aclose()
    await provider.aclose()

    for _ in range(100):
        if len(asyncio.all_tasks()) <= tasks and psutil.Process().num_fds() <= files:
            break
        await asyncio.sleep(0.02)
    assert len(asyncio.all_tasks()) <= tasks
    assert psutil.Process().num_fds() <= files


async def test_one_person_is_found_by_id_user_name_or_e_mail_in_any_case(backend):
    await backend.start(crowd(30))
    provider = await backend.open()
    listed = {provider.decode_user(raw).external_id: raw for raw in await records_of(provider)}
    ann = backend.id_of("p0007")

    for name in (ann, "p0007@example.com", "P0007@Example.com"):
        found = await provider.find_user(name)
        assert found is not None
        assert provider.decode_user(found) == provider.decode_user(listed[ann])
    await provider.aclose()


async def test_nobody_is_found_by_a_name_that_nobody_has_however_hostile(backend):
    await backend.start(crowd(3))
    provider = await backend.open()

    for name in ("nobody@example.com", 'x" or userName pr or "', "*", "../Groups", "p000"):
        assert await provider.find_user(name) is None
    await provider.aclose()


async def test_changes_are_listed_only_where_that_is_a_capability(backend):
    await backend.start(crowd(3))
    provider = await backend.open()

    mark = await provider.watermark()
    if not provider.capabilities.delta:
        assert mark is None
        async with aclosing(provider.read_changes(Watermark("any"))) as pages:
            assert [page async for page in pages] == []
    else:
        assert mark
    await provider.aclose()


async def changes_of(provider: IdentityProvider, since: Watermark) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        return [page async for page in pages]


def people_in(provider: IdentityProvider, pages: list[ChangePage]) -> dict[str, bool]:
    records = [raw for page in pages if page.kind is ResourceKind.USER for raw in page.records]
    return {one.external_id: one.active for one in map(provider.decode_user, records)}


async def test_a_delta_has_who_changed_since_and_says_where_the_next_begins(backend):
    await backend.start(crowd(8))
    provider = await backend.open()
    if not (provider.capabilities.delta and backend.lists_changes):
        await provider.aclose()
        return
    mark = await provider.watermark()
    left = backend.id_of("p0003")

    await backend.rename("p0001", "Director")
    await backend.disable("p0002")
    await backend.delete("p0003")
    await backend.add(Person(key="eve"))
    first = await changes_of(provider, mark)
    await backend.rename("p0004", "Director")
    second = await changes_of(provider, first[-1].watermark)

    found = people_in(provider, first)
    assert found[backend.id_of("p0001")] is found[backend.id_of("eve")] is True
    assert found[backend.id_of("p0002")] is False
    assert left not in found
    assert {one for page in first for one in page.removed} <= {left}
    assert backend.id_of("p0004") in people_in(provider, second)
    for pages in (first, second):
        assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
        assert [page.watermark is not None for page in pages] == [page.last for page in pages]
    await provider.aclose()


async def test_what_did_not_change_is_an_empty_delta_and_a_changed_file_a_full_read(backend):
    await backend.start(crowd(3))
    provider = await backend.open()
    if backend.lists_changes:
        await provider.aclose()
        return
    mark = await provider.watermark()
    (page,) = await changes_of(provider, mark)
    await backend.rename("p0001", "Director")
    with pytest.raises(WatermarkExpiredError, match="The file changed"):
        await changes_of(provider, page.watermark)
    async with aclosing(provider.read_users()) as pages:
        titles = {
            provider.decode_user(raw).attributes["title"]
            async for each in pages
            for raw in each.records
        }
    assert (page.records, page.removed, page.last) == ((), (), True)
    assert titles == {"Engineer", "Director"}, "the file as it is now"
    await provider.aclose()


async def test_an_unknown_watermark_asks_for_a_full_read(backend):
    await backend.start(crowd(3))
    provider = await backend.open()
    if provider.capabilities.delta:
        with pytest.raises(WatermarkExpiredError):
            await changes_of(provider, Watermark("not one of ours"))
    await provider.aclose()


async def addresses_of(backend: Backend) -> dict[str, str]:
    return {one: person.emails[0] for one, person in (await people_of(backend)).items()}


async def test_another_e_mail_address_leaves_the_id(backend):
    await backend.start([Person(key="ann"), Person(key="bob")])

    await backend.readdress("ann", "ann.smith@example.com")

    assert await addresses_of(backend) == {
        backend.id_of("ann"): "ann.smith@example.com",
        backend.id_of("bob"): "bob@example.com",
    }


async def test_two_people_who_swap_addresses_keep_their_ids(backend):
    await backend.start([Person(key="ann"), Person(key="bob")])

    await backend.readdress("ann", "between@example.com")
    await backend.readdress("bob", "ann@example.com")
    await backend.readdress("ann", "bob@example.com")

    assert await addresses_of(backend) == {
        backend.id_of("ann"): "bob@example.com",
        backend.id_of("bob"): "ann@example.com",
    }


async def test_a_recycled_address_belongs_to_the_newcomer(backend):
    await backend.start([Person(key="ann"), Person(key="bob")])
    left = backend.id_of("ann")
    await backend.delete("ann")

    await backend.add(Person(key="eve"))
    await backend.readdress("eve", "ann@example.com")

    found = await addresses_of(backend)
    assert found[backend.id_of("eve")] == "ann@example.com"
    assert left not in found
    provider = await backend.open()
    raw = await provider.find_user("ann@example.com")
    assert provider.decode_user(raw).external_id == backend.id_of("eve")
    await provider.aclose()


async def test_who_is_deleted_and_created_again_is_listed_once(backend):
    await backend.start([Person(key="ann"), Person(key="bob")])
    await backend.delete("ann")
    await backend.add(Person(key="ann"))

    assert await addresses_of(backend) == {
        backend.id_of("ann"): "ann@example.com",
        backend.id_of("bob"): "bob@example.com",
    }
