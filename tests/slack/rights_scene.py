"""A workspace with every kind of person, something to decide on, and bodies as Slack sends them."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from app_world import ADMIN, ADMIN_2, CHANNEL, CLI, GUEST, MEMBER, OWNER, STRANGER, VIEWER, World
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.demo import people
from bot.demo.people import Person, UserGroup
from bot.demo.workspace import Channel, MessagePosted
from core.model.account import Role
from core.model.roles import Subject, SubjectKind
from core.store.schema import metadata

NAMED_ADMIN, BYSTANDER, GRANTED = "U1NAMEDADM", "U1BYSTANDR", "U1GRANTED1"
UNSEEN_TABLES = frozenset({"audit", "audit_heads", "inbox"})
SEEN = "seen_admins"
_numbers = itertools.count(1)

IDS = {
    "owner": OWNER,
    "workspace admin": ADMIN,
    "admin by DIRSYNC_ADMINS": NAMED_ADMIN,
    "granted admin": "U2GRANTADM",
    "admin by a user group": "U2GROUPADM",
    "granted operator": "U2GRANTOPR",
    "operator by a user group": "U2GROUPOPR",
    "viewer by DIRSYNC_VIEWERS": VIEWER,
    "granted viewer": "U2GRANTVIW",
    "viewer by a user group": "U2GROUPVIW",
    "member": MEMBER,
    "member of a user group without a role": "U2GROUPNON",
    "former workspace admin": ADMIN_2,
    "former granted admin": "U2FORMERGR",
    "former member of the admins' user group": "U2FORMERGP",
    "member of a disabled user group of admins": "U2DISABLED",
    "guest": GUEST,
    "guest with a grant": "U2GUESTGRT",
    "guest in the admins' user group": "U2GUESTGRP",
    "single-channel guest": "U2ULTRAGST",
    "deactivated admin": "U2GONEADMN",
    "deactivated owner": "U2GONEOWNR",
    "bot": people.BOT_USER_ID,
    "bot with a grant": "U2BOTGRANT",
    "Slack Connect outsider": STRANGER,
    "Slack Connect outsider in the admins' user group": "U2CONNECTG",
    "owner of another workspace": "U2OTHEROWN",
    "admin of another workspace with a grant": "U2OTHERADM",
    "somebody unknown to Slack": "U2UNKNOWN1",
}
DEAF = frozenset({"bot", "bot with a grant", "somebody unknown to Slack"})
ADMINS = (
    "owner",
    "workspace admin",
    "admin by DIRSYNC_ADMINS",
    "granted admin",
    "admin by a user group",
)
GROUPS = {
    "S2ADMINSSS": ("U2GROUPADM", "U2FORMERGP", "U2GUESTGRP", "U2CONNECTG"),
    "S2OPERATOR": ("U2GROUPOPR",),
    "S2VIEWERSS": ("U2GROUPVIW",),
    "S2NOBODYSS": ("U2GROUPNON",),
    "S2DISABLED": ("U2DISABLED",),
}
GRANTS = {
    "U2GRANTADM": Role.ADMIN,
    "U2GRANTOPR": Role.OPERATOR,
    "U2GRANTVIW": Role.VIEWER,
    "U2FORMERGR": Role.ADMIN,
    "U2GUESTGRT": Role.ADMIN,
    "U2BOTGRANT": Role.ADMIN,
    "U2GONEADMN": Role.ADMIN,
    "U2OTHERADM": Role.ADMIN,
    GRANTED: Role.VIEWER,
    "S2ADMINSSS": Role.ADMIN,
    "S2OPERATOR": Role.OPERATOR,
    "S2VIEWERSS": Role.VIEWER,
    "S2DISABLED": Role.ADMIN,
}
BECOME: dict[str, dict[str, Any]] = {
    ADMIN_2: {"is_admin": False},
    "U2GUESTGRT": {"is_restricted": True},
    "U2GUESTGRP": {"is_restricted": True},
    "U2ULTRAGST": {"is_restricted": True, "is_ultra_restricted": True},
    "U2GONEADMN": {"is_admin": True, "deleted": True},
    "U2GONEOWNR": {"is_owner": True, "is_primary_owner": True, "deleted": True},
    "U2BOTGRANT": {"is_bot": True},
    "U2CONNECTG": {"team_id": people.OTHER_TEAM_ID, "is_stranger": True},
    "U2OTHEROWN": {"team_id": people.OTHER_TEAM_ID, "is_owner": True, "is_admin": True},
    "U2OTHERADM": {"team_id": people.OTHER_TEAM_ID, "is_admin": True},
}
"""What people turn into after they had been given their roles."""


@dataclass(kw_only=True)
class Scene:
    """A world with something to see, to cancel, to decide; and the bodies that people send.

    Attributes:
        named: settings and grants name somebody; otherwise no admin has been met either.
        words: what the table's placeholders stand for.
        said: what each person was shown, in the order in which it was said.
    """

    world: World
    named: bool
    words: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)

    def fill(self, template: str) -> str:
        return template.format_map(self.words) if "{" in template else template

    @property
    def admins(self) -> set[str]:
        """The names of those who can be asked for help."""
        return {self.world.demo.workspace.people[IDS[kind]].real_name for kind in ADMINS}

    async def send(self, body: dict[str, Any], *, patience: float = 60) -> None:
        """Hand a body to the app as Socket Mode does, and wait until all of it is done."""
        request = AsyncBoltRequest(body=body, mode="socket_mode")
        response = await self.world.bolt.async_dispatch(request)
        assert response.status == 200, response
        supervisor = self.world.runtime.supervisor
        async with asyncio.timeout(patience):
            while supervisor._tasks:
                await asyncio.wait([*supervisor._tasks])

    async def quiet(self) -> None:
        """Wait until every message and mail has left, so that nothing changes by itself."""
        async with asyncio.timeout(60):
            before: dict[str, list[str]] = {}
            while before != (after := await self.print_of()) or await self._backlog():
                before = after
                await asyncio.sleep(0.2)

    async def _backlog(self) -> int:
        return (await self.world.core.store.outbox.backlog())[0]

    async def print_of(self) -> dict[str, list[str]]:
        """Return everything that is stored, without the audit and what was delivered by Slack."""

        async def work(transaction: Any) -> dict[str, list[str]]:
            return {
                table.name: sorted(
                    repr(tuple(row))
                    for row in await transaction.rows(f"SELECT * FROM {table.name}")
                    if SEEN not in tuple(row)
                )
                for table in metadata.sorted_tables
                if table.name not in UNSEEN_TABLES
            }

        return await self.world.core.store.settings._database.read(work)

    async def denials(self) -> Counter[str]:
        """Return how many denials the audit has for each Slack id."""
        entries = await self.world.core.store.audit.list(limit=100_000)
        return Counter(each.actor.removeprefix("slack:") for each in entries if not each.allowed)


def hears(kind: str, *, in_form: bool) -> bool:
    """Whether Slack lets somebody see an answer; to a form it can only be a direct message."""
    return kind not in DEAF and not (in_form and kind.startswith("deactivated"))


def typed(user: str, text: str, channel: str) -> dict[str, Any]:
    return {
        "command": "/dirsync",
        "text": text,
        "user_id": user,
        "team_id": people.TEAM_ID,
        "channel_id": channel,
        "trigger_id": f"t{next(_numbers)}",
        "response_url": "",
    }


def clicked(user: str, act: str, value: str, channel: str) -> dict[str, Any]:
    number = next(_numbers)
    action = {"type": "button", "action_id": act, "block_id": "b", "value": value}
    return {
        "type": "block_actions",
        "user": {"id": user},
        "team": {"id": people.TEAM_ID},
        "channel": {"id": channel},
        "container": {"type": "message", "channel_id": channel, "message_ts": "1.1"},
        "actions": [{**action, "action_ts": str(number)}],
        "trigger_id": f"t{number}",
        "response_url": "",
    }


def clicked_in_form(user: str, act: str, value: str, form: str, stamp: str) -> dict[str, Any]:
    body = clicked(user, act, value, "")
    del body["channel"]
    view = submitted(user, form, stamp, {})["view"]
    return {**body, "container": {"type": "view", "view_id": view["id"]}, "view": view}


def home_opened(user: str) -> dict[str, Any]:
    return {
        "type": "event_callback",
        "team_id": people.TEAM_ID,
        "event_id": f"e{next(_numbers)}",
        "event": {"type": "app_home_opened", "user": user, "tab": "home"},
    }


def submitted(user: str, form: str, stamp: str, entered: dict[str, Any]) -> dict[str, Any]:
    number = next(_numbers)
    return {
        "type": "view_submission",
        "user": {"id": user},
        "team": {"id": people.TEAM_ID},
        "view": {
            "id": f"V{number}",
            "hash": f"h{number}",
            "type": "modal",
            "callback_id": form,
            "private_metadata": stamp,
            "state": {"values": {block: {"entered": each} for block, each in entered.items()}},
        },
        "trigger_id": f"t{number}",
    }


async def set_scene(world: World, *, named: bool) -> Scene:
    """Cast everybody, give and take roles where `named`, and leave a preview and a held set."""
    scene = Scene(world=world, named=named)
    world.demo.workspace.subscribe(lambda event: _listen(scene, event))
    _hire(world)
    await _was_admin(world, ADMIN_2)
    if named:
        await _give_roles(world)
    for user, changes in BECOME.items():
        world.demo.workspace.change_person(user, **changes)
    await _something_to_decide(scene)
    await scene.quiet()
    _forget(world)
    return scene


def _hire(world: World) -> None:
    workspace = world.demo.workspace
    new = sorted({*IDS.values(), BYSTANDER, GRANTED, NAMED_ADMIN} - {*workspace.people})
    for user in new:
        if user != IDS["somebody unknown to Slack"]:
            workspace.people[user] = Person(id=user, name=user.lower(), real_name=f"Name {user}")
            pair = frozenset({people.BOT_USER_ID, user})
            workspace._add(Channel(id=f"D{user[1:]}", name="dirsync", kind="app", members=pair))
    room = workspace.channel_named(CHANNEL).id
    workspace.change_channel(room, join=[*workspace.people])
    for group, users in GROUPS.items():
        workspace.usergroups[group] = UserGroup(id=group, handle=group, name=group, users=users)


def _forget(world: World) -> None:
    """Let the seconds pass for which a reading command may rely on what was known."""
    workspace = world.core.access.workspace
    workspace._known.clear()
    workspace._people._known.clear()


async def _was_admin(world: World, user: str) -> None:
    person = await world.runtime.client.person(user)
    assert await world.core.access.role_of(person.facts) is Role.ADMIN


async def _give_roles(world: World) -> None:
    core, groups = world.core, world.demo.workspace.usergroups
    for id_, role in GRANTS.items():
        kind = SubjectKind.GROUP if id_.startswith("S") else SubjectKind.USER
        await core.roles.grant(CLI, Subject(kind=kind, id=id_), role)
    for user in ("U2FORMERGR", "U2FORMERGP", "U2DISABLED"):
        await _was_admin(world, user)
    await core.roles.revoke(CLI, Subject(kind=SubjectKind.USER, id="U2FORMERGR"))
    admins = groups["S2ADMINSSS"]
    left = tuple(user for user in admins.users if user != "U2FORMERGP")
    groups["S2ADMINSSS"] = replace(admins, users=left)
    groups["S2DISABLED"] = replace(groups["S2DISABLED"], disabled=True)


async def _something_to_decide(scene: Scene) -> None:
    core = scene.world.core
    await _ran(scene, (await core.sync.request(CLI, None)).id)
    preview = await _ran(scene, (await core.sync.request(CLI, None, preview=True)).id)
    scene.world.directory.do("leavers", 12)
    cycle = await _ran(scene, (await core.sync.request(CLI, None)).id)
    (held,) = await core.held.open(CLI)
    (configuration,) = await core.configurations.list(CLI)
    someone = (await core.people.search(CLI)).users[0]
    scene.words |= {
        "cycle": cycle.id,
        "preview": preview.id,
        "plan": preview.plan_digest,
        "held": held.id,
        "held_digest": held.digest,
        "held_cycle": held.cycle_id,
        "configuration": configuration.name,
        "configuration_id": configuration.id,
        "draft": (await core.wizard.edit(CLI, configuration.name)).id,
        "hourly": base64.urlsafe_b64encode(b"hourly").decode(),
        "revision": str(configuration.revision),
        "email": someone.email,
        "person": str(someone.id),
        "person_status": someone.status.value,
        "bystander": BYSTANDER,
        "channel": scene.world.demo.workspace.channel_named("general").id,
        "granted": GRANTED,
        "history": base64.urlsafe_b64encode(b"history").decode(),
        "sync": base64.urlsafe_b64encode(b"sync people-scim").decode(),
    }


async def _ran(scene: Scene, cycle_id: str):
    async for cycle in scene.world.core.sync.wait(cycle_id, poll=0.02):
        last = cycle
    return last


def _listen(scene: Scene, event: object) -> None:
    if not isinstance(event, MessagePosted):
        return
    message = event.message
    user = message.only_for
    if user is None and message.channel.startswith("D"):
        user = f"U{message.channel[1:]}"
    if user is not None:
        scene.said.setdefault(user, []).append(f"{message.text} {message.blocks}")
