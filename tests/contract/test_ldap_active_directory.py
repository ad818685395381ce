"""Active Directory, read from a real domain controller; left out where none can run."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from core.errors import DirsyncError, SignInError
from core.model.directory import CheckStatus, Presence
from core.ports import IdentityProvider
from tests.support.ldap_world import opener_on
from tests.support.membership import found_of, whole_of
from tests.support.samba_dc import (
    BASE,
    DISABLED,
    STAFF,
    DomainController,
    dn_of,
    running_samba,
)


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
    async with opener_on(domain, tmp_path) as open_one:
        yield open_one


async def people_of(provider: IdentityProvider) -> dict[str, object]:
    async with aclosing(provider.read_users()) as pages:
        people = [provider.decode_user(raw) async for page in pages for raw in page.records]
    return {person.external_id: person for person in people}


async def groups_of(provider: IdentityProvider) -> dict[str, object]:
    async with aclosing(provider.read_groups()) as pages:
        groups = [provider.decode_group(raw) async for page in pages for raw in page.records]
    return {group.display_name: group for group in groups}


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


async def test_one_persons_groups_are_asked_for_upwards_the_primary_one_too(domain, opened):
    ann, bob = domain.person("ann"), domain.person("bob")
    domain.group("inner", [dn_of("ann")])
    domain.group("outer", [dn_of("inner")])
    domain.change(dn_of("inner"), member=[dn_of("ann"), dn_of("outer")])
    provider = await opened(base=BASE)

    for one in (ann, bob):
        for name in ("Domain Users", "inner", "outer", "Domain Admins"):
            found, whole = await found_of(provider, one, name), await whole_of(provider, one, name)
            assert (found.holders, found.proven, found.note) == (whole.holders, True, "")
    assert (await found_of(provider, bob, "Domain Users")).holders == ("Domain Users",)
    assert (await found_of(provider, ann, "outer")).holders == ("outer",)
    assert (await found_of(provider, bob, "outer")).holders == ()


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


async def test_a_container_and_a_unit_are_where_their_people_are(domain, opened):
    berlin = f"OU=R\\, D,OU=Berlin,{STAFF}"
    domain.add(f"OU=Berlin,{STAFF}", {"objectClass": "organizationalUnit"})
    unit = domain.add(berlin, {"objectClass": "organizationalUnit"})
    domain.add(f"CN=Desk,{STAFF}", {"objectClass": "container"})
    domain.person("ann", berlin)
    domain.person("bob", f"CN=Desk,{STAFF}")
    provider = await opened()

    places = {one.user_name: one.org_unit for one in (await people_of(provider)).values()}
    for name in ("Berlin/R, D", berlin, f"id:{unit}"):
        assert await provider.find_org_unit(name) == places["ann@example.com"]
    assert await provider.find_org_unit("desk") == places["bob@example.com"]
    assert await (await opened(base=BASE)).find_org_unit("users") is not None


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

    assert {line.status for line in report.lines[:5]} == {CheckStatus.OK}
    assert "Active Directory" in report.lines[2].detail
    assert report.company == f"{STAFF} at {domain.address}"


async def test_lists_of_members_are_read_to_their_end(domain, opened):
    members = await asyncio.to_thread(lambda: {domain.person(f"p{n:03d}") for n in range(30)})
    domain.group("many", [dn_of(f"p{n:03d}") for n in range(30)])

    groups = await groups_of(await opened(page_size=10))

    assert groups["many"].member_users == members
