"""An OpenLDAP server and everything that is particular about reading one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from core.errors import (
    ConfigurationError,
    ConflictError,
    DirsyncError,
    PermissionMissingError,
    SignInError,
    TerminalRemoteError,
    TransientRemoteError,
    WatermarkExpiredError,
)
from core.http.limits import HttpLimits
from core.model.directory import (
    ChangePage,
    CheckStatus,
    Presence,
    ProviderGroup,
    ResourceKind,
    Watermark,
)
from core.ports import IdentityProvider
from tests.support.ldap_world import Opener, opener_on
from tests.support.scim_backend import TOKEN
from tests.support.slapd import GROUPS, PEOPLE, READER, SUFFIX, Slapd, dn_of, running_slapd
from tests.support.tube import Tube


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with running_slapd() as running:
        yield running


@pytest.fixture
def directory(server: Slapd) -> Slapd:
    server.clear()
    return server


@pytest.fixture
async def opened(directory: Slapd, tmp_path: Path) -> AsyncIterator[Opener]:
    async with opener_on(directory, tmp_path) as open_one:
        yield open_one


async def people_of(provider: IdentityProvider) -> dict[str, object]:
    async with aclosing(provider.read_users()) as pages:
        read = [page async for page in pages]
    assert [page.last for page in read] == [False] * (len(read) - 1) + [True]
    people = [provider.decode_user(raw) for page in read for raw in page.records]
    return {person.external_id: person for person in people}


async def groups_of(provider: IdentityProvider) -> dict[str, ProviderGroup]:
    async with aclosing(provider.read_groups()) as pages:
        groups = [provider.decode_group(raw) async for page in pages for raw in page.records]
    assert all(group.complete for group in groups)
    return {group.display_name: group for group in groups}


async def failure(provider: IdentityProvider) -> DirsyncError:
    with pytest.raises(DirsyncError) as raised:
        await people_of(provider)
    return raised.value


WAYS = {
    "ldaps": {"tls": True},
    "StartTLS": {},
    "nothing, on this machine": {"start_tls": False},
    "SCRAM": {"sasl": "SCRAM-SHA-256", "user": "reader"},
    "DIGEST-MD5": {"sasl": "DIGEST-MD5", "user": "reader"},
    "a certificate": {
        "user": None,
        "password": None,
        "certificate": "file:reader.pem",
        "key": "file:reader.key",
    },
}


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_to_connect_and_to_sign_in_reads_people(directory, opened, way):
    ann = directory.person("ann")
    changed = dict(WAYS[way])
    if changed.pop("tls", False):
        changed["url"] = f"ldaps://127.0.0.1:{directory.tls_port}"

    assert set(await people_of(await opened(**changed))) == {ann}


@pytest.mark.parametrize("way", ["StartTLS", "SCRAM", "DIGEST-MD5"])
async def test_a_wrong_password_is_a_sign_in_error_in_each_way(opened, way):
    provider = await opened(**{**WAYS[way], "password": "env:DIRSYNC_CREDENTIAL_WRONG"})

    error = await failure(provider)

    assert isinstance(error, SignInError)
    assert "wrong" not in str(error).replace("wrong one", "")


async def test_a_way_that_the_server_does_not_offer_is_told(opened):
    provider = await opened(sasl="GSSAPI", user="reader")

    assert (await failure(provider)).code == "mechanism_missing"


@pytest.mark.parametrize(
    "changed",
    [
        {"user": None},
        {"password": None},
        {"certificate": "file:reader.pem", "key": "file:reader.key"},
        {"user": None, "password": None, "certificate": "file:reader.pem"},
        {"user": None, "password": None},
        {"password": TOKEN},
        {"ca": "file:../ca.pem"},
        {"ca": "/etc/passwd"},
        {"people_filter": "(a=b))(|(c=d)"},
        {"user_name": "uid)(a"},
        {"url": "https://x.example"},
        {"url": "ldap://x.example/dc=x"},
    ],
)
async def test_settings_that_cannot_be_used_are_told_without_the_secret(opened, changed):
    with pytest.raises(ConfigurationError) as raised:
        await people_of(await opened(**changed))

    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("secure", [True, False])
async def test_a_certificate_of_an_unknown_authority_is_refused(directory, opened, secure):
    changed = {"url": f"ldaps://127.0.0.1:{directory.tls_port}"} if secure else {}

    error = await failure(await opened(ca="file:other-ca.pem", **changed))

    assert isinstance(error, TerminalRemoteError)
    assert error.code == "tls"
    assert "authority" in error.message


async def test_a_certificate_for_another_host_is_refused(directory, opened):
    error = await failure(await opened(url=f"ldaps://127.0.0.2:{directory.tls_port}"))

    assert error.code in {"tls", "unreachable"}


async def test_a_port_without_tls_is_told(directory, opened):
    error = await failure(await opened(url=f"ldaps://127.0.0.1:{directory.port}"))

    assert error.code == "tls"


async def test_a_private_network_is_not_entered_unless_it_is_listed(opened):
    assert (await failure(await opened(networks=()))).code == "address_refused"


async def test_nothing_is_sent_unencrypted_beyond_this_machine(opened):
    provider = await opened(
        url="ldap://192.0.2.7", start_tls=False, networks=(ip_network("192.0.2.0/24"),)
    )

    assert (await failure(provider)).code == "plain_http"


async def test_a_silent_server_stops_nobody_else_and_is_given_up(directory, opened):
    async with Tube(directory.port) as tube:
        tube.silent = True
        limits = HttpLimits(connect=0.2, read=0.3, total=1, attempts=1)
        provider = await opened(url=f"ldap://127.0.0.1:{tube.port}", limits=limits)
        loop, gaps = asyncio.get_running_loop(), []

        async def watch() -> None:
            while True:
                before = loop.time()
                await asyncio.sleep(0.01)
                gaps.append(loop.time() - before)

        watcher = asyncio.create_task(watch())
        error = await failure(provider)
        watcher.cancel()

    assert isinstance(error, TransientRemoteError)
    assert error.code in {"timeout", "tls"}
    assert max(gaps) < 1


async def test_pages_shrink_to_what_the_server_allows(directory, opened):
    ids = {directory.person(f"p{n:03d}") for n in range(130)}
    provider = await opened(user=f"cn=small-pages,{SUFFIX}", page_size=500)

    assert set(await people_of(provider)) == ids


async def test_a_limit_below_the_number_of_people_is_an_error_and_never_a_short_list(
    directory, opened
):
    for n in range(80):
        directory.person(f"p{n:03d}")
    provider = await opened(user=f"cn=capped,{SUFFIX}", page_size=50)

    assert (await failure(provider)).code == "size_limit"
    (line,) = [one for one in (await provider.check()).lines if one.status is CheckStatus.FAILED]
    assert (line.name, line.code) == ("People", "size_limit")
    assert "size.prtotal" in line.hint


async def test_who_sees_nobody_cannot_say_that_somebody_is_gone(directory, opened):
    ann = directory.person("ann")
    provider = await opened(user=f"cn=blind,{SUFFIX}")

    with pytest.raises((PermissionMissingError, TerminalRemoteError)):
        await provider.read_user(ann)
    error = await failure(provider)
    assert error.code == "base_missing"
    assert error.hint


async def test_an_account_that_cannot_see_ids_is_told_which_attribute_it_needs(directory, opened):
    directory.person("ann")
    provider = await opened(user=f"cn=without-ids,{SUFFIX}")

    (line,) = [one for one in (await provider.check()).lines if one.status is CheckStatus.FAILED]
    assert (line.name, line.code) == ("People", "permission_missing")
    assert "entryUUID" in line.detail


async def test_the_check_names_the_server_and_the_base(directory, opened):
    directory.person("ann")

    report = await (await opened()).check()

    assert report.company == f"{SUFFIX} at 127.0.0.1"
    assert [line.name for line in report.lines] == [
        "Network",
        "Sign-in",
        "Directory",
        "People",
        "Groups",
        "Changes",
    ]
    assert "StartTLS" in report.lines[0].detail
    assert SUFFIX in report.lines[2].detail
    assert "modifyTimestamp" in report.lines[5].detail


@pytest.mark.parametrize("base", ["ou=nowhere,dc=example,dc=com", "dc=elsewhere,dc=org", "x"])
async def test_a_base_that_the_server_does_not_hold_is_an_error_and_not_an_empty_list(opened, base):
    provider = await opened(base=base)

    assert (await failure(provider)).code == "base_missing"
    failed = [one for one in (await provider.check()).lines if one.status is CheckStatus.FAILED]
    assert [one.code for one in failed] == ["base_missing"]


async def test_a_part_on_another_server_is_never_gone_for(directory, opened):
    ann = directory.person("ann")
    directory.add(
        f"ou=elsewhere,{PEOPLE}",
        {
            "objectClass": ["referral", "extensibleObject"],
            "ou": "elsewhere",
            "ref": "ldap://192.0.2.9/ou=elsewhere,dc=example,dc=com",
        },
    )

    error = await failure(await opened())

    assert error.code == "referral_refused"
    assert "192.0.2.9" in error.message
    assert set(await people_of(await opened(skip_referrals=True))) == {ann}


NAMES = [
    r"Smith\, John",
    r"a\+b\=c",
    r"\"quoted\"",
    r"\#1",
    r"semi\;colon",
    r"back\\slash",
    "Zoë Müller",
    r"\3Cb\3E",
    "日本語",
    "a*b(c)",
]


@pytest.mark.parametrize("name", NAMES)
async def test_people_and_their_groups_are_read_whatever_their_names(directory, opened, name):
    dn = f"cn={name},{PEOPLE}"
    values = {"objectClass": "inetOrgPerson", "sn": "x", "uid": "odd", "mail": "odd@example.com"}
    odd = directory.add(dn, values)
    directory.group("odd", [dn])
    provider = await opened()

    assert set(await people_of(provider)) == {odd}
    assert (await groups_of(provider))["odd"].member_users == {odd}
    assert provider.decode_user(await provider.find_user("odd")).external_id == odd


async def test_groups_are_read_however_they_list_their_members(directory, opened):
    ann, bob = directory.person("ann"), directory.person("bob")
    directory.group("names", [dn_of("ann").upper().replace(",", " , ")])
    directory.add(
        f"cn=unique,{GROUPS}",
        {"objectClass": "groupOfUniqueNames", "cn": "unique", "uniqueMember": dn_of("bob")},
    )
    directory.add(
        f"cn=posix,{GROUPS}",
        {
            "objectClass": "posixGroup",
            "cn": "posix",
            "gidNumber": "7",
            "memberUid": ["bob@example.com", "root"],
        },
    )
    nested = directory.group("nested", [f"cn=names,{GROUPS}", dn_of("bob")])
    directory.group("circle", [f"cn=circle,{GROUPS}", f"cn=nested,{GROUPS}"])

    groups = await groups_of(await opened())

    assert {name: set(group.member_users) for name, group in groups.items()} == {
        "names": {ann},
        "unique": {bob},
        "posix": {bob},
        "nested": {bob},
        "circle": set(),
    }
    assert groups["nested"].member_groups == {groups["names"].external_id}
    assert groups["circle"].member_groups == {nested}


async def test_members_who_are_nobody_here_leave_the_others(directory, opened):
    ann = directory.person("ann")
    directory.group(
        "mixed", [dn_of("ann"), dn_of("deleted"), "cn=elsewhere,dc=other", READER, dn_of("x")]
    )

    assert (await groups_of(await opened()))["mixed"].member_users == {ann}


async def test_a_manager_is_an_id_and_one_who_is_not_read_is_nobody(directory, opened):
    ann = directory.person("ann")
    bob = directory.person("bob", manager=dn_of("ann").upper())
    cat = directory.person("cat", manager="cn=elsewhere,dc=other")
    provider = await opened(wanted=frozenset({"enterprise.manager"}))

    people = await people_of(provider)

    assert people[bob].attributes == {"enterprise.manager": ann}
    assert people[cat].attributes == {}
    found = provider.decode_user(await provider.find_user("bob@example.com"))
    assert found.attributes == {"enterprise.manager": ann}
    lost = provider.decode_user(await provider.find_user("cat@example.com"))
    assert lost.attributes == {}


async def test_only_members_of_one_group_are_read_where_the_configuration_says_so(
    directory, opened
):
    ann, bob, cat = (directory.person(name) for name in ("ann", "bob", "cat"))
    directory.group("inner", [dn_of("bob"), f"cn=staff,{GROUPS}"])
    directory.group("staff", [dn_of("ann"), f"cn=inner,{GROUPS}"])
    provider = await opened(member_of=f"CN=Staff,{GROUPS}")

    assert set(await people_of(provider)) == {ann, bob}
    assert await provider.read_user(bob) is Presence.ACTIVE
    assert await provider.read_user(cat) is Presence.GONE
    assert await provider.find_user("cat@example.com") is None
    assert (await groups_of(provider))["staff"].member_users == {ann}


async def test_a_group_to_read_that_is_not_there_is_an_error_and_not_an_empty_list(
    directory, opened
):
    directory.person("ann")
    provider = await opened(member_of=f"cn=nowhere,{GROUPS}")

    assert (await failure(provider)).code == "group_missing"


async def test_who_moves_keeps_the_id_and_the_membership_that_the_directory_updates(
    directory, opened
):
    ann = directory.person("ann")
    directory.move(dn_of("ann"), f"cn=ann smith,{PEOPLE}")
    directory.group("staff", [f"cn=ann smith,{PEOPLE}"])
    provider = await opened()

    assert set(await people_of(provider)) == {ann}
    assert (await groups_of(provider))["staff"].member_users == {ann}


HOSTILE = [
    "*",
    "ann*",
    "*)(uid=*",
    ")(|(objectClass=*)",
    "ann@example.com)(mail=*",
    "\\61nn@example.com",
    "ann@example.com\x00",
    "\ud800",
    "(",
    "x" * 10_000,
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_finds_nobody_and_breaks_nothing(directory, opened, name):
    directory.person("ann")
    provider = await opened()

    assert await provider.find_user(name) is None
    assert await provider.read_user(name) is Presence.GONE
    assert await provider.read_group(name) is Presence.GONE


async def test_two_people_of_one_address_are_a_conflict(directory, opened):
    directory.person("ann")
    directory.person("bob", mail="ann@example.com")

    with pytest.raises(ConflictError) as raised:
        await (await opened()).find_user("ann@example.com")

    assert raised.value.code == "several_people"


async def test_a_group_can_be_asked_for(directory, opened):
    directory.person("ann")
    staff, left = directory.group("staff", [dn_of("ann")]), directory.group("left", [])
    directory.delete(f"cn=left,{GROUPS}")
    provider = await opened()

    assert await provider.read_group(staff) is Presence.ACTIVE
    assert await provider.read_group(left) is Presence.GONE


async def changes_of(provider: IdentityProvider, since: Watermark) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        read = [page async for page in pages]
    assert [page.last for page in read] == [False] * (len(read) - 1) + [True]
    assert len({page.token for page in read}) == len(read)
    assert [bool(page.watermark) for page in read] == [page.last for page in read]
    return read


def who(provider: IdentityProvider, pages: list[ChangePage]) -> set[str]:
    people = [one for page in pages if page.kind is ResourceKind.USER for one in page.records]
    return {provider.decode_user(raw).external_id for raw in people}


def which(provider: IdentityProvider, pages: list[ChangePage]) -> dict[str, ProviderGroup]:
    groups = [one for page in pages if page.kind is ResourceKind.GROUP for one in page.records]
    decoded = map(provider.decode_group, groups)
    return {group.display_name: group for group in decoded}


async def test_a_delta_lists_who_and_which_groups_changed_since(directory, opened):
    ids = {name: directory.person(name) for name in ("ann", "bob", "cat")}
    inner = directory.group("inner", [dn_of("bob")])
    directory.group("staff", [dn_of("ann"), f"cn=inner,{GROUPS}", "cn=elsewhere,dc=other"])
    later = await opened(ahead=timedelta(hours=1))
    mark = await later.watermark()

    assert who(later, await changes_of(later, mark)) == set()
    now = await opened()
    pages = await changes_of(now, await now.watermark())

    assert who(now, pages) == set(ids.values())
    groups = which(now, pages)
    assert groups["staff"].member_users == {ids["ann"]}
    assert groups["staff"].member_groups == {inner}
    assert groups["staff"].complete


async def test_a_name_that_leads_nowhere_leaves_a_changed_group_incomplete(directory, opened):
    ann = directory.person("ann")
    directory.group("staff", [dn_of("ann"), dn_of("deleted")])
    provider = await opened()

    staff = which(provider, await changes_of(provider, await provider.watermark()))["staff"]

    assert staff.member_users == {ann}
    assert not staff.complete


async def test_a_delta_begins_some_minutes_back_for_clocks_that_differ(directory, opened):
    ann = directory.person("ann")
    provider = await opened(ahead=timedelta(minutes=9))

    pages = await changes_of(provider, await provider.watermark())

    assert who(provider, pages) == {ann}


@pytest.mark.parametrize(
    "mark", ["", "x", "{}", '{"time": "tomorrow"}', '{"time": "20990101000000Z"}', '{"time": 3}']
)
async def test_a_watermark_that_is_none_of_this_server_has_expired(directory, opened, mark):
    provider = await opened()

    with pytest.raises(WatermarkExpiredError):
        await changes_of(provider, Watermark(mark))


async def test_there_are_no_deltas_where_the_members_of_one_group_are_read(directory, opened):
    directory.group("staff", [])
    provider = await opened(member_of=f"cn=staff,{GROUPS}")

    assert not provider.capabilities.delta
    assert await provider.watermark() is None


async def test_an_answer_beyond_the_cap_is_refused(directory, opened):
    for n in range(5):
        directory.person(f"p{n}", title="x" * 9000)
    small = HttpLimits(connect=5, read=5, total=10, attempts=1, max_body=20_000)

    assert (await failure(await opened(limits=small))).code == "too_large"
