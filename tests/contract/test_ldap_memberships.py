"""Asking an OpenLDAP server whose groups somebody is in, upwards from the person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.ports import IdentityProvider
from tests.support.ldap_world import opener_on
from tests.support.membership import found_of, whole_of
from tests.support.slapd import GROUPS, SUFFIX, Slapd, dn_of, running_slapd


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with running_slapd() as running:
        yield running


@pytest.fixture
def directory(server: Slapd) -> Slapd:
    server.clear()
    return server


@pytest.fixture
async def provider(directory: Slapd, tmp_path: Path) -> AsyncIterator[IdentityProvider]:
    async with opener_on(directory, tmp_path) as open_one:
        yield await open_one()


def posix(directory: Slapd, name: str, *names: str) -> None:
    directory.add(
        f"cn={name},{GROUPS}",
        {"objectClass": "posixGroup", "cn": name, "gidNumber": "7", "memberUid": list(names)},
    )


async def test_however_groups_list_their_members_the_verdict_is_that_of_reading_them(
    directory, provider
):
    people = {key: directory.person(key) for key in ("ann", "bob", "cat")}
    directory.group("names", [dn_of("ann").upper().replace(",", " , ")])
    directory.add(
        f"cn=unique,{GROUPS}",
        {"objectClass": "groupOfUniqueNames", "cn": "unique", "uniqueMember": dn_of("bob")},
    )
    directory.group("nested", [f"cn=names,{GROUPS}", f"cn=unique,{GROUPS}"])
    directory.group("circle", [f"cn=wheel,{GROUPS}", f"cn=nested,{GROUPS}"])
    directory.group("wheel", [f"cn=circle,{GROUPS}"])
    for key, one in people.items():
        for name in ("names", "unique", "nested", "circle", "wheel"):
            found = await found_of(provider, one, name)
            assert found.note == "", f"{key} in {name} was not asked for"
            whole = await whole_of(provider, one, name)
            assert (found.holders, found.proven) == (whole.holders, whole.proven)
    assert (await found_of(provider, people["ann"], "wheel")).holders == ("wheel",)
    assert (await found_of(provider, people["cat"], "wheel")).holders == ()


async def test_groups_that_list_user_names_are_compared_as_reading_them_does(directory, provider):
    ann, bob = directory.person("ann"), directory.person("bob")
    posix(directory, "exact", "ann@example.com")
    posix(directory, "shouted", "ANN@EXAMPLE.COM")

    exact = await found_of(provider, ann, "exact")
    shouted = await found_of(provider, ann, "shouted")
    nobody = await found_of(provider, bob, "exact")

    assert (exact.holders, exact.note) == (("exact",), "")
    assert (shouted.holders, shouted.note) == (("shouted",), "all groups were read for it: 2")
    assert (nobody.holders, nobody.proven) == ((), True)


@pytest.mark.parametrize("name", ["a*b", "a(b)", "a\\2ab", "é, ü", "x" * 60])
async def test_whatever_somebody_is_called_only_their_own_groups_are_found(
    directory, provider, name
):
    person = directory.person("plain")
    odd = name.replace("\\", "\\\\").replace(",", "\\,")
    directory.group("other", [f"cn={odd},ou=people,{SUFFIX}"])
    directory.group("theirs", [dn_of("plain")])

    found = await found_of(provider, person, "other", "theirs")

    assert found.holders == ("theirs",)


async def test_somebody_in_hundreds_of_groups_is_found_in_each(directory, provider):
    ann = directory.person("ann")
    for number in range(130):
        directory.group(f"g{number}", [dn_of("ann")])
    directory.group("last", ["cn=g129," + GROUPS])

    before = provider.requests
    found = await found_of(provider, ann, "last")

    assert (found.holders, found.proven, found.note) == (("last",), True, "")
    assert provider.requests - before <= 20


async def test_somebody_who_is_not_shown_any_more_is_not_taken_for_no_member(directory, provider):
    ann = directory.person("ann")
    directory.group("crew", [dn_of("ann")])
    directory.delete(dn_of("ann"))

    assert (await found_of(provider, ann, "crew")).note == "all groups were read for it: 1"
