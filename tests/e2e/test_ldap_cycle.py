"""The installed verbs over a real LDAP directory: set up, check, sync, change, sync again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Host
from tests.support.scim_backend import TOKEN
from tests.support.slapd import (
    GROUPS,
    PEOPLE,
    READER,
    SUFFIX,
    Slapd,
    dn_of,
    person_values,
    running_slapd,
)

FOR_GOOD = "000001010000Z"
INSIDE = ("ann", "bob", "cat", "dan", "eva", "fay")


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with running_slapd() as running:
        yield running


@pytest.fixture
def host(server: Slapd, tmp_path: Path) -> Host:
    folder = tmp_path / "credentials"
    folder.mkdir()
    shutil.copy(server.ca, folder / "ca.pem")
    (tmp_path / "ldap.yaml").write_text(
        f"""\
licenses: {{total: 20}}
configurations:
  - name: people
    provider:
      type: ldap
      url: ldaps://127.0.0.1:{server.tls_port}
      base: {SUFFIX}
      user: {READER}
      password: env:DIRSYNC_CREDENTIAL_LDAP
      ca: file:ca.pem
    scope: {{groups: [staff]}}
    mapping: {{title: title}}
"""
    )
    more = {"DIRSYNC_CREDENTIAL_LDAP": TOKEN, "DIRSYNC_ALLOW_NETWORKS": "127.0.0.0/8"}
    return Host(tmp_path, f"sqlite:///{tmp_path}/dirsync.db", more)


def states(host: Host) -> dict[str, str]:
    users = host("users", "--json").json["users"]
    return {one["email"]: one["status"] for one in users}


def test_people_of_a_nested_group_come_and_go_with_the_directory(server, host):
    for name in (*INSIDE, "out"):
        server.person(name)
    server.group("inner", [dn_of(name) for name in INSIDE[1:]])
    server.group("staff", [dn_of("ann"), f"cn=inner,{GROUPS}"])
    assert host("config", "apply", str(host.folder / "ldap.yaml")).status == 0
    assert host("config", "test", "people", "--json").status == 0

    assert host("sync", "people").status == 0
    assert states(host) == {f"{name}@example.com": "invited" for name in INSIDE}

    server.change(dn_of("ann"), pwdAccountLockedTime=FOR_GOOD)
    server.delete(dn_of("bob"))
    server.change(dn_of("cat"), title="Director", mail="cat.stevens@example.com")
    assert host("sync", "people").status == 0

    assert states(host) == {
        "ann@example.com": "disabled",
        "bob@example.com": "disabled",
        "cat.stevens@example.com": "invited",
        **{f"{name}@example.com": "invited" for name in INSIDE[3:]},
    }


def test_an_org_unit_as_the_scope_is_checked_previewed_synced_and_never_taken_for_leavers(
    server, host
):
    sales = server.unit("Sales")
    for name, unit in (("gil", server.unit("Berlin", sales)), ("hal", server.unit("Ops"))):
        server.add(f"cn={name},{unit}", person_values(name))
    file = host.folder / "ldap.yaml"
    file.write_text(file.read_text().replace("{groups: [staff]}", "{org_units: [people/Sales]}"))
    host("config", "apply", str(file))

    assert "The directory has the org unit people/Sales." in host("config", "test", "people").out
    previewed = host("preview", "people", "--json").json["cycle"]
    assert previewed["counts"]["created"] == 1
    assert host("sync", "people").status == 0
    assert states(host) == {"gil@example.com": "invited"}
    assert "none of the scope's org units" in host("sync", "--user", "hal@example.com").out

    server.move(sales, f"ou=Revenue,{PEOPLE}")
    ran = host("sync", "people")

    assert ran.status == 1
    assert "“people/Sales” does not exist in the directory" in ran.out + ran.err
    assert states(host) == {"gil@example.com": "invited"}


def test_a_refused_password_changes_nobody_and_says_what_to_do(server, host):
    host("config", "apply", str(host.folder / "ldap.yaml"))
    host.more["DIRSYNC_CREDENTIAL_LDAP"] = "wrong"

    ran = host("sync", "people")

    assert ran.status == 1
    assert "refused the credentials" in ran.out + ran.err
    assert "wrong" not in ran.out + ran.err
