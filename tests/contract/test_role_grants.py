"""Roles by grant, over both databases: who has which, who is left, and two admins at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from core.app import Core, open_core
from core.errors import (
    ConflictError,
    DirsyncError,
    NotFoundError,
    NotPermittedError,
    PermissionMissingError,
    TransientRemoteError,
    UsageError,
)
from core.model.account import Actor, Role
from core.model.roles import RoleSource, Subject, SubjectKind
from core.settings import Settings
from tests.support.figures import FULL, figure
from tests.support.small_workspace import SmallWorkspace

CLI = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")
ADA, BOB, CYD = "U0ADAADAA", "U0BOBBOBB", "U0CYDCYDC"
GROUP = "S0GROUPPP"


def person(id_: str) -> Subject:
    return Subject(kind=SubjectKind.USER, id=id_)


def group(id_: str = GROUP) -> Subject:
    return Subject(kind=SubjectKind.GROUP, id=id_)


def actor(id_: str, role: Role = Role.ADMIN) -> Actor:
    return Actor(id=f"slack:{id_}", name=f"Name of {id_}", role=role, door="slack")


@dataclass
class Roles:
    """A core without Slack, over a workspace of three members."""

    core: Core
    workspace: SmallWorkspace

    async def role(self, id_: str, *, fresh: bool = True) -> Role:
        return await self.core.access.role_of(self.workspace.people[id_], fresh=fresh)


@pytest.fixture
async def roles(database_url: str) -> AsyncIterator[Roles]:
    settings = Settings.for_demo(database_url=database_url)
    async with open_core(settings, notifier=None, background=False) as core:
        workspace = SmallWorkspace()
        for each in (ADA, BOB, CYD):
            workspace.add(each)
        core.access.workspace = workspace
        yield Roles(core, workspace)


async def refused(doing: Awaitable[object], kind: type[DirsyncError], code: str) -> DirsyncError:
    with pytest.raises(kind) as caught:
        await doing
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
async def test_a_granted_role_holds_from_the_next_click_until_it_is_revoked(roles, role):
    await roles.core.roles.grant(CLI, person(CYD), Role.ADMIN)
    assert await roles.role(ADA) is Role.NONE
    await roles.core.roles.grant(CLI, person(ADA), role)
    assert await roles.role(ADA) is role
    assert await roles.role(BOB) is Role.NONE
    await roles.core.roles.revoke(CLI, person(ADA))
    assert await roles.role(ADA) is Role.NONE


async def test_a_group_gives_its_role_to_whoever_is_in_it_now(roles):
    roles.workspace.groups[GROUP] = frozenset({ADA})
    await roles.core.roles.grant(CLI, group(), Role.OPERATOR)
    assert await roles.role(ADA) is Role.OPERATOR
    assert await roles.role(BOB) is Role.NONE
    roles.workspace.groups[GROUP] = frozenset({BOB})
    assert await roles.role(ADA) is Role.NONE
    assert await roles.role(BOB) is Role.OPERATOR


async def test_the_highest_role_holds_and_no_group_is_asked_in_vain(roles):
    roles.workspace.groups[GROUP] = frozenset({ADA, BOB})
    await roles.core.roles.grant(CLI, group(), Role.VIEWER)
    await roles.core.roles.grant(CLI, person(ADA), Role.OPERATOR)
    roles.workspace.asked.clear()
    assert await roles.role(ADA) is Role.OPERATOR
    assert roles.workspace.asked == []
    assert await roles.role(BOB) is Role.VIEWER
    assert await roles.role(BOB, fresh=False) is Role.VIEWER
    assert roles.workspace.asked == [(GROUP, True), (GROUP, False)]


@pytest.mark.parametrize("flag", ["is_guest", "is_bot", "is_stranger", "deleted"])
async def test_who_is_no_full_member_has_no_role_whatever_was_granted(roles, flag):
    roles.workspace.groups[GROUP] = frozenset({ADA})
    await roles.core.roles.grant(CLI, person(ADA), Role.OPERATOR)
    await roles.core.roles.grant(CLI, group(), Role.ADMIN)
    roles.workspace.add(ADA, **{flag: True})
    assert await roles.role(ADA) is Role.NONE
    await refused(
        roles.core.roles.grant(CLI, person(ADA), Role.VIEWER), ConflictError, "not_a_member"
    )


async def test_an_empty_list_of_grants_leaves_the_owners_and_admins_and_nobody_else(roles):
    roles.workspace.add(ADA, is_owner=True)
    roles.workspace.add(BOB, is_admin=True)
    found = [await roles.role(each) for each in (ADA, BOB, CYD)]
    assert found == [Role.ADMIN, Role.ADMIN, Role.NONE]


@pytest.mark.parametrize(
    ("trouble", "role"),
    [
        (lambda: PermissionMissingError("no scope", code="usergroups_scope_missing"), Role.NONE),
        (lambda: NotFoundError("gone", code="no_such_group"), Role.NONE),
        (lambda: TransientRemoteError("later", code="slack_ratelimited"), None),
    ],
)
async def test_a_group_that_cannot_be_asked_gives_nothing(roles, trouble, role):
    roles.workspace.groups[GROUP] = frozenset({ADA})
    await roles.core.roles.grant(CLI, group(), Role.ADMIN)
    roles.workspace.trouble = trouble
    if role is None:
        with pytest.raises(TransientRemoteError):
            await roles.role(ADA)
        return
    assert await roles.role(ADA) is role
    (line,) = (await roles.core.roles.list(CLI)).lines
    assert (line.people, line.problem) == (None, trouble().message)
    await refused(
        roles.core.roles.grant(CLI, group("S0OTHERRR"), Role.VIEWER),
        type(trouble()),
        trouble().code,
    )


async def test_without_slack_grants_to_people_hold_and_those_to_groups_wait(roles):
    roles.core.access.workspace = None
    await roles.core.roles.grant(CLI, person(ADA), Role.OPERATOR)
    await roles.core.roles.grant(CLI, group(), Role.ADMIN)
    assert await roles.role(ADA) is Role.OPERATOR
    await refused(roles.core.roles.grant(CLI, "ada@example.com", Role.VIEWER), UsageError, "usage")
    assert len((await roles.core.roles.list(CLI)).notices) == 2


async def test_a_person_can_be_named_by_address(roles):
    roles.workspace.add("EVE", name="Eve")
    changed = await roles.core.roles.grant(CLI, "eve@example.com", Role.VIEWER)
    assert (changed.subject, changed.name) == (person("EVE"), "Eve")
    await roles.core.roles.revoke(CLI, "eve@example.com")
    await refused(roles.core.roles.revoke(CLI, "eve@example.com"), NotFoundError, "not_granted")
    await refused(
        roles.core.roles.grant(CLI, "no@example.com", Role.VIEWER), NotFoundError, "no_such_person"
    )


async def test_the_list_says_where_each_role_comes_from(database_url):
    settings = Settings.for_demo(database_url=database_url, admins=(BOB,), viewers=(CYD,))
    async with open_core(settings, notifier=None, background=False) as core:
        workspace = core.access.workspace = SmallWorkspace(groups={GROUP: frozenset({ADA})})
        for each in (ADA, BOB, CYD):
            workspace.add(each)
        await core.access.role_of(workspace.add("U0OWNERRR", is_owner=True))
        await core.roles.grant(actor("U0OWNERRR"), group(), Role.OPERATOR)
        lines = (await core.roles.list(CLI)).lines
        assert [(each.source, each.subject.id, each.role) for each in lines] == [
            (RoleSource.WORKSPACE, "U0OWNERRR", Role.ADMIN),
            (RoleSource.SETTING, BOB, Role.ADMIN),
            (RoleSource.SETTING, CYD, Role.VIEWER),
            (RoleSource.GRANT, GROUP, Role.OPERATOR),
        ]
        assert lines[-1].people == 1
        assert lines[-1].granted_by == "slack:U0OWNERRR"
        workspace.add("U0OWNERRR", is_owner=False)
        assert (await core.roles.list(CLI)).lines[0].source is RoleSource.SETTING


async def test_each_change_is_in_the_audit_with_before_and_after_and_told_without_names(roles):
    for role in (Role.VIEWER, Role.OPERATOR, Role.OPERATOR):
        await roles.core.roles.grant(CLI, person(ADA), role)
    await roles.core.roles.revoke(CLI, person(ADA))
    entries = [
        (each.action, each.subject, each.before["role"], each.after["role"])
        for each in reversed(await roles.core.store.audit.list())
    ]
    assert entries == [
        ("roles.grant", f"user:{ADA}", "none", "viewer"),
        ("roles.grant", f"user:{ADA}", "viewer", "operator"),
        ("roles.revoke", f"user:{ADA}", "operator", "none"),
    ]
    due = await roles.core.store.outbox.due(owner="t", now=roles.core.clock.now())
    assert [item.payload["text"] for item, _ in due] == [
        "gave the role viewer to one person",
        "changed the role of one person from viewer to operator",
        "took the role operator from one person",
    ]


@pytest.mark.parametrize("role", [Role.NONE, Role.VIEWER, Role.OPERATOR])
async def test_only_admins_list_give_and_take_roles(roles, role):
    who = actor(BOB, role)
    service = roles.core.roles
    for doing in (
        service.list(who),
        service.grant(who, person(BOB), Role.ADMIN),
        service.grant(who, "bob@example.com", Role.ADMIN),
        service.revoke(who, person(ADA)),
    ):
        await refused(doing, NotPermittedError, "not_permitted")
    assert [each.allowed for each in await roles.core.store.audit.list()] == [False] * 4
    assert await roles.core.store.role_grants.all() == []


async def test_a_refusal_names_the_admins_who_can_be_asked(roles):
    nobody = await refused(
        roles.core.roles.list(actor(CYD, Role.NONE)), NotPermittedError, "not_permitted"
    )
    assert nobody.hint == "Ask an owner or admin of this workspace."
    await roles.role(roles.workspace.add(ADA, is_admin=True).id)
    await roles.core.roles.grant(CLI, person(BOB), Role.ADMIN)
    named = await refused(
        roles.core.roles.list(actor(CYD, Role.NONE)), NotPermittedError, "not_permitted"
    )
    assert named.hint == f"Ask Name of {ADA} or Name of {BOB}."
    await roles.core.roles.revoke(CLI, person(BOB))
    assert await roles.core.access.contacts() == (f"Name of {ADA}",)


async def test_a_former_admin_is_no_second_person(roles):
    await roles.core.roles.grant(CLI, person(ADA), Role.ADMIN)
    await roles.core.roles.grant(CLI, person(BOB), Role.ADMIN)
    assert await roles.role(BOB) is Role.ADMIN
    starter = actor(ADA)
    with pytest.raises(NotPermittedError):
        await roles.core.access.require_second_person(starter, starter.id, "h-x")
    await roles.core.roles.revoke(starter, person(BOB))
    await roles.core.access.require_second_person(starter, starter.id, "h-x")


async def test_any_other_admin_is_a_second_person_however_many_there_are(roles):
    users = [f"U0CROWD{number:03}" for number in range(40)]
    for user in users:
        roles.workspace.add(user)
        await roles.core.roles.grant(CLI, person(user), Role.ADMIN)
    for user in users:
        assert await roles.role(user) is Role.ADMIN
        await roles.core.access.require_second_person(actor(user), f"slack:{ADA}", "h-x")
    with pytest.raises(NotPermittedError):
        await roles.core.access.require_second_person(actor(users[-1]), f"slack:{users[-1]}", "h")
    assert len(await roles.core.access.contacts()) == 10


async def last_by_grant(roles: Roles) -> Subject:
    return person(ADA)


async def last_by_group(roles: Roles) -> Subject:
    roles.workspace.groups[GROUP] = frozenset({ADA})
    return group()


@pytest.mark.parametrize("last", [last_by_grant, last_by_group])
async def test_the_last_admin_cannot_be_revoked_nor_made_less(roles, last):
    subject = await last(roles)
    await roles.core.roles.grant(CLI, subject, Role.ADMIN)
    for who in (CLI, actor(ADA)):
        await refused(roles.core.roles.revoke(who, subject), ConflictError, "last_admin")
        for role in (Role.VIEWER, Role.OPERATOR):
            await refused(roles.core.roles.grant(who, subject, role), ConflictError, "last_admin")
    assert await roles.role(ADA) is Role.ADMIN
    await roles.core.roles.grant(CLI, person(BOB), Role.ADMIN)
    await roles.core.roles.revoke(CLI, subject)
    assert await roles.role(ADA) is Role.NONE


@pytest.mark.parametrize("flag", ["is_guest", "is_bot", "is_stranger", "deleted"])
async def test_an_admin_who_is_no_member_any_more_does_not_count_as_left(roles, flag):
    roles.workspace.groups[GROUP] = frozenset({CYD})
    for subject in (person(ADA), person(BOB), group()):
        await roles.core.roles.grant(CLI, subject, Role.ADMIN)
    await roles.role(roles.workspace.add("U0OWNERRR", is_owner=True).id)
    for each in (BOB, CYD, "U0OWNERRR"):
        roles.workspace.add(each, **{flag: True})
    await refused(roles.core.roles.revoke(CLI, person(ADA)), ConflictError, "last_admin")
    roles.workspace.add(CYD, **{flag: False})
    await roles.core.roles.revoke(CLI, person(ADA))


@pytest.mark.parametrize("named", [True, False])
async def test_an_admin_by_the_workspace_or_a_setting_counts_as_left(database_url, named):
    settings = Settings.for_demo(database_url=database_url, admins=(BOB,) if named else ())
    async with open_core(settings, notifier=None, background=False) as core:
        workspace = core.access.workspace = SmallWorkspace()
        workspace.add(ADA)
        await core.access.role_of(workspace.add(BOB, is_admin=not named))
        await core.roles.grant(CLI, person(ADA), Role.ADMIN)
        await core.roles.revoke(CLI, person(ADA))
        assert await core.store.role_grants.all() == []


async def test_admins_who_take_each_others_role_at_once_always_leave_one(database_url):
    """Each pair is two processes on PostgreSQL: two cores on one database."""
    found = figure(f"the last admin, two at once ({database_url.partition(':')[0]})")
    settings = Settings.for_demo(database_url=database_url)
    async with AsyncExitStack() as stack:
        count = 1 if database_url.startswith("sqlite") else 2
        opened = [open_core(settings, notifier=None, background=False) for _ in range(count)]
        cores = [await stack.enter_async_context(each) for each in opened]
        workspace = SmallWorkspace()
        for each in (ADA, BOB):
            workspace.add(each)
        for core in cores:
            core.access.workspace = workspace
        for _ in range(200 if FULL else 25):
            for each in (ADA, BOB):
                await cores[0].roles.grant(CLI, person(each), Role.ADMIN)
            with found.trying():
                outcomes = await asyncio.gather(
                    cores[0].roles.revoke(actor(ADA), person(BOB)),
                    cores[-1].roles.revoke(actor(BOB), person(ADA)),
                    return_exceptions=True,
                )
                refusals = [each for each in outcomes if isinstance(each, ConflictError)]
                assert len(refusals) == 1, outcomes
                assert len(await cores[0].store.role_grants.all()) == 1
