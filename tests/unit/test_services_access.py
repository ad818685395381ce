"""Roles, refusals and the second person, over a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.app import Core, open_core
from core.errors import NotPermittedError
from core.model.account import Actor, Role
from core.model.views import PersonFacts
from core.settings import Settings
from tests.support.databases import sqlite_file

FACTS = PersonFacts(id="U0PERSON1", team_id="T1")
FILE = """\
configurations:
  - name: people
    provider: {type: csv, file: people.csv}
"""


def actor(role: Role, id_: str = "slack:U0PERSON1") -> Actor:
    return Actor(id=id_, name="somebody", role=role, door="slack")


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    settings = Settings.from_environment(
        {
            "DIRSYNC_DATABASE_URL": sqlite_file(tmp_path / "dirsync.db"),
            "DIRSYNC_ADMINS": "U0NAMEDAD",
            "DIRSYNC_VIEWERS": "U0VIEWERR",
        }
    )
    async with open_core(settings, notifier=None, background=False) as opened:
        yield opened


@pytest.mark.parametrize(
    ("facts", "role"),
    [
        (FACTS, Role.NONE),
        (replace(FACTS, is_owner=True), Role.ADMIN),
        (replace(FACTS, is_admin=True), Role.ADMIN),
        (replace(FACTS, id="U0NAMEDAD"), Role.ADMIN),
        (replace(FACTS, id="U0VIEWERR"), Role.VIEWER),
        (replace(FACTS, id="U0VIEWERR", is_admin=True), Role.ADMIN),
        (replace(FACTS, is_admin=True, deleted=True), Role.NONE),
        (replace(FACTS, is_owner=True, is_stranger=True), Role.NONE),
        (replace(FACTS, id="U0NAMEDAD", is_guest=True), Role.NONE),
        (replace(FACTS, id="U0NAMEDAD", is_bot=True), Role.NONE),
        (replace(FACTS, id="U0VIEWERR", is_guest=True), Role.NONE),
    ],
)
async def test_a_role_follows_from_what_is_true_of_the_person_now(core: Core, facts, role):
    assert await core.access.role_of(facts) is role


NEEDS = {
    Role.VIEWER: [
        lambda core, who: core.history.list(who),
        lambda core, who: core.history.show(who, None),
        lambda core, who: core.history.csv(who, "c-x", kind="log"),
        lambda core, who: core.people.search(who),
        lambda core, who: core.people.find(who, "a@example.com"),
        lambda core, who: core.licenses.summary(who),
        lambda core, who: core.held.open(who),
        lambda core, who: core.configurations.list(who),
        lambda core, who: core.configurations.show(who, "people"),
    ],
    Role.OPERATOR: [
        lambda core, who: core.sync.request(who, None),
        lambda core, who: core.sync.request(who, None, preview=True),
        lambda core, who: core.sync.cancel(who, None),
        lambda core, who: core.configurations.test(who, None),
    ],
    Role.ADMIN: [
        lambda core, who: core.held.show(who, "h-x"),
        lambda core, who: core.held.release(who, "h-x", digest="d"),
        lambda core, who: core.held.reject(who, "h-x", digest="d"),
        lambda core, who: core.history.csv(who, "c-x", kind="held"),
        lambda core, who: core.licenses.set_total(who, 3),
        lambda core, who: core.configurations.apply(who, "", source="x"),
        lambda core, who: core.configurations.export(who),
        lambda core, who: core.notices.test(who),
        lambda core, who: core.maintenance.backup(who, Path("x")),
        lambda core, who: core.audit_log.page(who),
        lambda core, who: core.audit_log.csv(who),
        lambda core, who: core.audit_log.export(who, "jsonl"),
        lambda core, who: core.audit_log.verify(who),
    ],
}
BELOW = {
    Role.VIEWER: [Role.NONE],
    Role.OPERATOR: [Role.NONE, Role.VIEWER],
    Role.ADMIN: [Role.NONE, Role.VIEWER, Role.OPERATOR],
}


@pytest.mark.parametrize("needed", NEEDS)
async def test_whoever_has_too_little_of_a_role_is_refused_and_the_audit_says_so(
    core: Core, needed
):
    tried = 0
    for verb in NEEDS[needed]:
        for role in BELOW[needed]:
            with pytest.raises(NotPermittedError, match="may"):
                await verb(core, actor(role))
            tried += 1
    denials = await core.store.audit.list(limit=500)
    assert len(denials) == tried
    assert not any(entry.allowed for entry in denials)


async def test_everybody_may_ask_for_the_status_and_only_viewers_see_who_did_what(core: Core):
    await core.configurations.apply(actor(Role.ADMIN), FILE, source="f")
    await core.sync.request(actor(Role.OPERATOR), None)
    seen = await core.history.status(actor(Role.VIEWER))
    hidden = await core.history.status(actor(Role.NONE))
    assert seen.configurations[0].open_cycle.requested_by_name == "somebody"
    assert hidden.configurations[0].open_cycle.requested_by_name == ""
    assert hidden.configurations[0].open_cycle.requested_by == ""


async def require(core: Core, who: Actor, starter: str) -> None:
    await core.access.require_second_person(who, starter, "h-x")


async def test_the_starter_may_not_release_where_another_admin_is_known(core: Core):
    with pytest.raises(NotPermittedError) as caught:
        await require(core, actor(Role.ADMIN), "slack:U0PERSON1")
    assert caught.value.code == "second_person_needed"
    await require(core, actor(Role.ADMIN, "slack:U0NAMEDAD"), "slack:U0PERSON1")


async def test_the_command_line_never_is_the_second_person(core: Core):
    cli = Actor(id="cli:ada", name="ada", role=Role.ADMIN, door="cli")
    for starter in ("slack:U0PERSON1", "cli:ada", "cli:bob"):
        with pytest.raises(NotPermittedError):
            await require(core, cli, starter)
    await require(core, cli, "system:schedule")


async def test_without_another_admin_one_person_is_enough(tmp_path: Path):
    settings = Settings.for_demo(database_url=sqlite_file(tmp_path / "one.db"))
    cli = Actor(id="cli:ada", name="ada", role=Role.ADMIN, door="cli")
    async with open_core(settings, notifier=None, background=False) as core:
        await require(core, cli, "cli:ada")
        await require(core, actor(Role.ADMIN), "slack:U0PERSON1")
        await core.access.role_of(replace(FACTS, id="U0OTHERAD", is_admin=True))
        with pytest.raises(NotPermittedError):
            await require(core, actor(Role.ADMIN), "slack:U0PERSON1")
        await core.access.role_of(replace(FACTS, id="U0OTHERAD"))
        await require(core, actor(Role.ADMIN), "slack:U0PERSON1")
