"""Active Directory, read from a real domain controller; left out where none can run."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing
from ipaddress import ip_network
from pathlib import Path

import pytest

from core.errors import DirsyncError, SignInError, WatermarkExpiredError
from core.model.configuration import LdapSettings
from core.model.directory import ChangePage, CheckStatus, Presence, ResourceKind, Watermark
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.contract.providers.backend import LIMITS, SECRET
from tests.support.clocks import WallClock
from tests.support.samba_dc import (
    BASE,
    DISABLED,
    READER,
    STAFF,
    DomainController,
    dn_of,
    running_samba,
)
from tests.support.scim_backend import TOKEN


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
    shutil.copy(domain.ca, tmp_path / "ca.pem")
    async with AsyncExitStack() as stack:

        async def open_one(*, org_units: bool = False, **changed: object) -> IdentityProvider:
            context = ProviderContext(
                clock=WallClock(),
                allow_networks=(ip_network("127.0.0.0/8"),),
                credentials_dir=tmp_path,
                environ={"DIRSYNC_CREDENTIAL_T": TOKEN, "DIRSYNC_CREDENTIAL_WRONG": "wrong"},
                limits=LIMITS,
                org_units=org_units,
            )
            usual = {
                "url": f"ldaps://{domain.address}",
                "base": STAFF,
                "user": READER,
                "password": SECRET,
                "ca": "file:ca.pem",
            }
            provider = await open_provider(LdapSettings(**{**usual, **changed}), context=context)
            stack.push_async_callback(provider.aclose)
            return provider

        yield open_one


async def people_of(provider: IdentityProvider) -> dict[str, object]:
    async with aclosing(provider.read_users()) as pages:
        people = [provider.decode_user(raw) async for page in pages for raw in page.records]
    return {person.external_id: person for person in people}


async def groups_of(provider: IdentityProvider) -> dict[str, object]:
    async with aclosing(provider.read_groups()) as pages:
        groups = [provider.decode_group(raw) async for page in pages for raw in page.records]
    return {group.display_name: group for group in groups}


async def changes_of(provider: IdentityProvider, since: Watermark) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        return [page async for page in pages]


def who(provider: IdentityProvider, pages: list[ChangePage]) -> set[str]:
    return {
        provider.decode_user(raw).external_id
        for page in pages
        if page.kind is ResourceKind.USER
        for raw in page.records
    }


async def test_people_have_their_guid_their_principal_name_and_their_account_control(
    domain, opened
):
    ann, bob = domain.person("ann"), domain.person("bob", userAccountControl=DISABLED)

    people = await people_of(await opened())

    assert {one: (p.user_name, p.active) for one, p in people.items()} == {
        ann: ("ann@example.com", True),
        bob: ("bob@example.com", False),
    }


async def test_the_whole_domain_can_be_the_base_and_what_windows_made_is_nobody(domain, opened):
    ann = domain.person("ann")

    provider = await opened(base=BASE)

    names = {person.user_name for person in (await people_of(provider)).values()}
    assert {"ann@example.com", "reader@ad.example.test"} <= names
    assert not names & {"Administrator", "Guest", "krbtgt"}
    groups = await groups_of(provider)
    assert ann in groups["Domain Users"].member_users
    assert "Administrators" not in groups


async def test_nested_groups_name_their_people_and_their_groups(domain, opened):
    ann, bob = domain.person("ann"), domain.person("bob")
    inner = domain.group("inner", [dn_of("bob")])
    domain.group("outer", [dn_of("ann"), dn_of("inner")])

    groups = await groups_of(await opened())

    assert groups["outer"].member_users == {ann}
    assert groups["outer"].member_groups == {inner}
    assert groups["inner"].member_users == {bob}


async def test_members_of_one_group_are_followed_by_the_directory_itself(domain, opened):
    ann, bob, cat = (domain.person(name) for name in ("ann", "bob", "cat"))
    domain.group("inner", [dn_of("bob")])
    domain.group("outer", [dn_of("ann"), dn_of("inner")])
    provider = await opened(member_of=dn_of("outer"))

    assert set(await people_of(provider)) == {ann, bob}
    assert await provider.read_user(bob) is Presence.ACTIVE
    assert await provider.read_user(cat) is Presence.GONE
    assert await provider.find_user("cat@example.com") is None


async def test_one_person_is_found_and_asked_for_by_guid(domain, opened):
    ann = domain.person("ann")
    bob = domain.person("bob", userAccountControl=DISABLED)
    left = domain.person("left")
    domain.delete(dn_of("left"))
    provider = await opened()

    for name in (ann, "ANN@example.com"):
        assert provider.decode_user(await provider.find_user(name)).external_id == ann
    asked = [await provider.read_user(one) for one in (ann, bob, left, "*", "no guid")]
    assert asked == [Presence.ACTIVE, Presence.DISABLED, *[Presence.GONE] * 3]


async def test_a_delta_lists_exactly_who_changed_since(domain, opened):
    ids = {name: domain.person(name) for name in ("ann", "bob", "cat")}
    domain.group("staff", [dn_of("ann")])
    provider = await opened()
    mark = await provider.watermark()

    quiet = await changes_of(provider, mark)
    assert who(provider, quiet) == set()
    assert quiet[-1].last

    domain.change(dn_of("bob"), title="Director")
    dan = domain.person("dan")
    domain.change(dn_of("staff"), member=[dn_of("ann"), dn_of("cat")])
    domain.delete(dn_of("ann"))
    pages = await changes_of(provider, quiet[-1].watermark)

    assert who(provider, pages) == {ids["bob"], dan}
    (staff,) = [provider.decode_group(raw) for raw in pages[-1].records]
    assert staff.member_users == {ids["cat"]}
    assert who(provider, await changes_of(provider, pages[-1].watermark)) == set()


async def test_a_container_and_a_unit_are_where_their_people_are(domain, opened):
    berlin = f"OU=R\\, D,OU=Berlin,{STAFF}"
    domain.add(f"OU=Berlin,{STAFF}", objectClass="organizationalUnit")
    unit = domain.add(berlin, objectClass="organizationalUnit")
    domain.add(f"CN=Desk,{STAFF}", objectClass="container")
    domain.person("ann", berlin)
    domain.person("bob", f"CN=Desk,{STAFF}")
    provider = await opened()

    places = {one.user_name: one.org_unit for one in (await people_of(provider)).values()}
    for name in ("Berlin/R, D", berlin, f"id:{unit}"):
        assert await provider.find_org_unit(name) == places["ann@example.com"]
    assert await provider.find_org_unit("desk") == places["bob@example.com"]
    assert await (await opened(base=BASE)).find_org_unit("users") is not None


async def test_a_renamed_unit_is_noticed_by_whoever_looks_at_units(domain, opened):
    domain.add(f"OU=Berlin,{STAFF}", objectClass="organizationalUnit")
    provider = await opened(org_units=True)
    mark = await provider.watermark()
    assert (await changes_of(provider, mark))[-1].last
    domain.move(f"OU=Berlin,{STAFF}", f"OU=Hamburg,{STAFF}")

    with pytest.raises(WatermarkExpiredError) as raised:
        await changes_of(provider, mark)

    assert raised.value.code == "org_unit_changed"
    assert (await changes_of(await opened(), mark))[-1].last


async def test_who_moves_to_another_unit_is_in_the_next_delta(domain, opened):
    for name in ("Berlin", "Hamburg"):
        domain.add(f"OU={name},{STAFF}", objectClass="organizationalUnit")
    ann = domain.person("ann", f"OU=Berlin,{STAFF}")
    provider = await opened(org_units=True)
    mark = await provider.watermark()
    domain.move(f"CN=ann,OU=Berlin,{STAFF}", f"CN=ann,OU=Hamburg,{STAFF}")

    (raw,) = (await changes_of(provider, mark))[0].records

    person = provider.decode_user(raw)
    assert (person.external_id, person.org_unit) == (ann, await provider.find_org_unit("Hamburg"))


async def test_a_watermark_of_another_controller_or_another_life_has_expired(domain, opened):
    provider = await opened()
    mark = await provider.watermark()

    for other in (
        mark.replace("CN=NTDS Settings", "CN=Other"),
        mark.replace('"number":', '"number":9'),
        '{"time": "20260101000000Z"}',
        "x",
    ):
        with pytest.raises(WatermarkExpiredError):
            await changes_of(provider, Watermark(other))


async def test_the_reason_for_a_refused_sign_in_is_told(opened):
    provider = await opened(password="env:DIRSYNC_CREDENTIAL_WRONG")

    with pytest.raises(SignInError) as raised:
        await people_of(provider)

    assert "wrong" in raised.value.message


async def test_a_controller_that_wants_encryption_is_not_told_the_password_twice(domain, opened):
    provider = await opened(url=f"ldap://{domain.address}", start_tls=False)

    with pytest.raises(DirsyncError) as raised:
        await people_of(provider)

    assert raised.value.code == "tls"


async def test_the_check_says_that_it_is_active_directory(domain, opened):
    domain.person("ann")

    report = await (await opened()).check()

    assert {line.status for line in report.lines} == {CheckStatus.OK}
    assert "Active Directory" in report.lines[2].detail
    assert report.company == f"{STAFF} at {domain.address}"


async def test_lists_of_members_are_read_to_their_end(domain, opened):
    members = await asyncio.to_thread(lambda: {domain.person(f"p{n:03d}") for n in range(30)})
    domain.group("many", [dn_of(f"p{n:03d}") for n in range(30)])

    groups = await groups_of(await opened(page_size=10))

    assert groups["many"].member_users == members
