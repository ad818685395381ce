"""The verbs of dirsync as data: the parser, the help and the buttons are made from these specs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from core.model.account import Role, UserStatus
from core.model.configuration import InvitationWay
from core.model.cycle import CycleResult

SLASH = "/dirsync"


class Kind(StrEnum):
    """What an argument or a flag's value is, as people read it in the usage line."""

    CONFIGURATION = "configuration"
    CYCLE = "cycle"
    HELD_SET = "held set"
    PERSON = "email or @user"
    SUBJECT = "email, @user or @group"
    NUMBER = "number"
    DURATION = "7d"
    TEXT = "text"
    VERB = "command"
    CHOICE = "choice"
    WHEN = "when"
    NOTICE = "#channel, off, mute, unmute or test"
    NAME = "name"


class Topic(StrEnum):
    """What a verb is about, in the order of the help."""

    CYCLES = "Cycles"
    PEOPLE = "People and licenses"
    CONFIGURATIONS = "Configurations"
    TEAM = "Roles, messages, audit and help"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArgSpec:
    """A positional argument.

    Attributes:
        choices: what may be typed -> what it means, for `Kind.CHOICE`.
        after: required exactly when the argument of that name is given.
        unless: the values of that argument with which it is not given.
        many: takes every word that follows; the value is a tuple.
    """

    name: str
    kind: Kind
    required: bool = False
    after: str = ""
    unless: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    many: bool = False

    @property
    def usage(self) -> str:
        """How it stands in a usage line, without brackets."""
        shown = "|".join(self.choices) if self.kind is Kind.CHOICE else self.kind.value
        return f"{shown} …" if self.many else shown


@dataclass(frozen=True, kw_only=True, slots=True)
class FlagSpec:
    """A ``--flag``; without `kind` it takes no value and means True."""

    name: str
    kind: Kind | None = None
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def usage(self) -> str:
        """How it stands in a usage line, without brackets."""
        if self.kind is None:
            return f"--{self.name}"
        shown = "|".join(self.choices) if self.kind is Kind.CHOICE else self.kind.value
        return f"--{self.name} {shown}"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerbSpec:
    """One verb.

    Attributes:
        role: who may use it at least; a form that asks for more says so in `summary`.
        visibility: whether the answer is the asker's own or leaves a record in the channel.
        topic: under which heading the help has it.
        button: the label of its button on the Home tab and under the status, or "".
    """

    name: str
    summary: str
    role: Role
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    arguments: tuple[ArgSpec, ...] = ()
    flags: tuple[FlagSpec, ...] = ()
    visibility: Literal["ephemeral", "public"] = "ephemeral"
    topic: Topic = Topic.CYCLES
    button: str = ""

    @property
    def reads(self) -> bool:
        """It changes nothing, as nothing does that viewers may use."""
        return Role.VIEWER.includes(self.role)

    @property
    def brief(self) -> str:
        """The verb with what it cannot do without, for example ``user <email or @user>``."""
        needed = [f"<{each.usage}>" for each in self.arguments if each.required and not each.after]
        return " ".join(part for part in [self.name, *needed] if part)

    @property
    def usage(self) -> str:
        """The verb with its arguments and flags, for example ``sync [configuration] [--full]``."""
        parts = [self.name] if self.name else []
        for argument in self.arguments:
            shown = argument.usage
            if argument.after:
                parts[-1] = f"[{parts[-1].strip('[]')} <{shown}>]"
            elif argument.required:
                literal = argument.kind is Kind.CHOICE
                parts.append(shown if literal else f"<{shown}>")
            else:
                parts.append(f"[{shown}]")
        return " ".join([*parts, *(f"[{flag.usage}]" for flag in self.flags)])


_CONFIGURATION = ArgSpec(name="configuration", kind=Kind.CONFIGURATION)
_PEOPLE = ArgSpec(name="people", kind=Kind.PERSON, many=True)
_STATUSES = {status.value: status.value for status in UserStatus}
_LICENSES = {"set": "set", "keep": "keep", "release": "release", "ask": "ask"}
_ROLES = {role.value: role.value for role in Role if role is not Role.NONE}
_VERDICTS = {"keep": "keep", "move": "move", "priority": "priority"}
_APPS = {"list": "list", "create": "create", "revoke": "revoke"}
_WAYS = {way.value: way.value for way in InvitationWay if way is not InvitationWay.STAGED}
_RESULTS = {
    "success": CycleResult.SUCCESS.value,
    "partial": CycleResult.PARTIAL_SUCCESS.value,
    "failure": CycleResult.FAILURE.value,
    "cancelled": CycleResult.CANCELLED.value,
}

VERBS: tuple[VerbSpec, ...] = (
    VerbSpec(
        name="",
        summary="where everything stands, with buttons for what is next",
        role=Role.VIEWER,
    ),
    VerbSpec(
        name="sync",
        aliases=("run", "start"),
        summary="read the provider and bring the account in step; `--user` for one person now",
        role=Role.OPERATOR,
        visibility="public",
        arguments=(_CONFIGURATION,),
        flags=(
            FlagSpec(name="full"),
            FlagSpec(name="preview"),
            FlagSpec(name="user", kind=Kind.PERSON),
        ),
        examples=("sync", "sync people-scim --preview", "sync --user ada@example.com"),
        button="Sync now",
    ),
    VerbSpec(
        name="preview",
        aliases=("plan", "dry-run"),
        summary="show what a sync would do and change nothing",
        role=Role.OPERATOR,
        arguments=(_CONFIGURATION,),
        examples=("preview", "preview people-scim"),
        button="Preview",
    ),
    VerbSpec(
        name="status",
        aliases=("state",),
        summary="each configuration's state, last result, next start, and the licenses",
        role=Role.VIEWER,
        arguments=(_CONFIGURATION,),
        examples=("status", "status people-scim"),
    ),
    VerbSpec(
        name="history",
        aliases=("log", "cycles"),
        summary="the past cycles and how they ended",
        role=Role.VIEWER,
        arguments=(_CONFIGURATION,),
        flags=(
            FlagSpec(name="status", kind=Kind.CHOICE, choices=_RESULTS),
            FlagSpec(name="since", kind=Kind.DURATION),
        ),
        examples=("history", "history --status partial --since 7d"),
        button="History",
    ),
    VerbSpec(
        name="show",
        aliases=("cycle",),
        summary="one cycle: counts, errors by cause, the log",
        role=Role.VIEWER,
        arguments=(ArgSpec(name="cycle", kind=Kind.CYCLE),),
        examples=("show", "show c-7k2m9q4x"),
    ),
    VerbSpec(
        name="cancel",
        aliases=("stop", "abort"),
        summary="stop a running cycle; what is done stays done",
        role=Role.OPERATOR,
        visibility="public",
        arguments=(ArgSpec(name="cycle", kind=Kind.CYCLE),),
        examples=("cancel", "cancel c-7k2m9q4x"),
    ),
    VerbSpec(
        name="release",
        aliases=("held", "review"),
        summary="look at held removals by name, then approve or reject them",
        role=Role.ADMIN,
        visibility="public",
        arguments=(ArgSpec(name="held", kind=Kind.HELD_SET),),
        examples=("release", "release h-3f8n1w6z"),
    ),
    VerbSpec(
        name="conflicts",
        topic=Topic.PEOPLE,
        summary="people whom two configurations claim; `keep`, `move` and `priority` decide "
        "(admins)",
        role=Role.VIEWER,
        arguments=(
            ArgSpec(name="change", kind=Kind.CHOICE, choices=_VERDICTS),
            ArgSpec(name="person", kind=Kind.PERSON),
        ),
        flags=(FlagSpec(name="of", kind=Kind.CONFIGURATION), FlagSpec(name="kept")),
        examples=(
            "conflicts",
            "conflicts --of crm",
            "conflicts move ada@example.com",
            "conflicts priority",
        ),
    ),
    VerbSpec(
        name="users",
        topic=Topic.PEOPLE,
        aliases=("people",),
        summary="the people in the account",
        role=Role.VIEWER,
        flags=(
            FlagSpec(name="status", kind=Kind.CHOICE, choices=_STATUSES),
            FlagSpec(name="search", kind=Kind.TEXT),
        ),
        examples=("users", "users --status waiting", "users --search lovelace"),
    ),
    VerbSpec(
        name="user",
        topic=Topic.PEOPLE,
        aliases=("person", "who"),
        summary="one person: state, what was done, what is wrong",
        role=Role.VIEWER,
        arguments=(ArgSpec(name="person", kind=Kind.PERSON, required=True),),
        examples=("user ada@example.com", "user @ada"),
    ),
    VerbSpec(
        name="why",
        topic=Topic.PEOPLE,
        aliases=("explain",),
        summary="one person's story over all cycles: seen, scope, match, actions, who approved",
        role=Role.VIEWER,
        arguments=(ArgSpec(name="person", kind=Kind.PERSON, required=True),),
        examples=("why ada@example.com", "why @ada"),
    ),
    VerbSpec(
        name="licenses",
        topic=Topic.PEOPLE,
        aliases=("license", "licences"),
        summary="used and total, when they run out, who makes no use of theirs; admins `set` the "
        "total, `keep` some back for a group, `release` them, `ask` who made no use of theirs",
        role=Role.VIEWER,
        arguments=(
            ArgSpec(name="change", kind=Kind.CHOICE, choices=_LICENSES),
            ArgSpec(name="total", kind=Kind.NUMBER, after="change", unless=("release", "ask")),
        ),
        flags=(
            FlagSpec(name="group", kind=Kind.TEXT),
            FlagSpec(name="unused", kind=Kind.DURATION),
            FlagSpec(name="trend"),
        ),
        examples=(
            "licenses",
            "licenses --trend",
            "licenses --unused 30d",
            "licenses set 120",
            'licenses keep 10 --group "Leadership"',
            'licenses release --group "Leadership"',
            "licenses ask --unused 60d",
        ),
        button="Licenses",
    ),
    VerbSpec(
        name="activate",
        topic=Topic.PEOPLE,
        summary="give free licenses to chosen people, or to the first who wait",
        role=Role.OPERATOR,
        visibility="public",
        arguments=(_PEOPLE,),
        flags=(FlagSpec(name="waiting", kind=Kind.NUMBER),),
        examples=("activate ada@example.com", "activate --waiting 10"),
    ),
    VerbSpec(
        name="invite",
        topic=Topic.PEOPLE,
        summary="invite people who were not yet; `--all` after a question, `--resend` once more",
        role=Role.OPERATOR,
        visibility="public",
        arguments=(_PEOPLE,),
        flags=(
            FlagSpec(name="resend"),
            FlagSpec(name="all"),
            FlagSpec(name="by", kind=Kind.CHOICE, choices=_WAYS),
            FlagSpec(name="sure", kind=Kind.NUMBER),
        ),
        examples=("invite ada@example.com", "invite --all", "invite ada@example.com --by slack"),
    ),
    VerbSpec(
        name="setup",
        topic=Topic.CONFIGURATIONS,
        aliases=("new", "create"),
        summary="connect an identity provider, step by step",
        role=Role.ADMIN,
        visibility="public",
        examples=("setup",),
        button="Set up",
    ),
    VerbSpec(
        name="edit",
        topic=Topic.CONFIGURATIONS,
        aliases=("change",),
        summary="change a configuration, after a look at what that means for people",
        role=Role.ADMIN,
        visibility="public",
        arguments=(_CONFIGURATION,),
        examples=("edit people-scim",),
    ),
    VerbSpec(
        name="enable",
        topic=Topic.CONFIGURATIONS,
        aliases=("resume",),
        summary="let a disabled configuration work again",
        role=Role.ADMIN,
        visibility="public",
        arguments=(_CONFIGURATION,),
        examples=("enable people-scim",),
    ),
    VerbSpec(
        name="disable",
        topic=Topic.CONFIGURATIONS,
        aliases=("pause",),
        summary="stop a configuration after a look at what stops; its people stay as they are",
        role=Role.ADMIN,
        visibility="public",
        arguments=(_CONFIGURATION,),
        examples=("disable people-scim",),
    ),
    VerbSpec(
        name="delete",
        topic=Topic.CONFIGURATIONS,
        aliases=("remove",),
        summary="delete a configuration for good, after a look at what that means",
        role=Role.ADMIN,
        visibility="public",
        arguments=(_CONFIGURATION,),
        examples=("delete people-scim",),
    ),
    VerbSpec(
        name="free",
        topic=Topic.PEOPLE,
        summary="take chosen people's licenses, after a question; they are invited again",
        role=Role.ADMIN,
        visibility="public",
        arguments=(replace(_PEOPLE, required=True),),
        flags=(FlagSpec(name="sure"),),
        examples=("free ada@example.com",),
    ),
    VerbSpec(
        name="apps",
        topic=Topic.TEAM,
        aliases=("applications", "tokens"),
        summary="the applications that may ask the login API; make or revoke a token",
        role=Role.ADMIN,
        visibility="public",
        arguments=(
            ArgSpec(name="change", kind=Kind.CHOICE, choices=_APPS),
            ArgSpec(name="name", kind=Kind.NAME),
        ),
        examples=("apps", "apps create portal", "apps revoke portal"),
    ),
    VerbSpec(
        name="notify",
        topic=Topic.TEAM,
        aliases=("alerts",),
        summary="which channel is told of what; subscribe one, mute a kind for a while, or send a "
        "test message",
        role=Role.ADMIN,
        visibility="public",
        arguments=(ArgSpec(name="words", kind=Kind.NOTICE, many=True),),
        examples=(
            "notify",
            "notify #channel failures held",
            "notify people-scim #channel results",
            "notify off #channel",
            "notify mute licenses for 4h",
            "notify unmute",
            "notify test",
        ),
    ),
    VerbSpec(
        name="roles",
        topic=Topic.TEAM,
        aliases=("role", "access"),
        summary="who may do what and why; `grant` gives a role, `revoke` takes a granted one",
        role=Role.ADMIN,
        visibility="public",
        arguments=(
            ArgSpec(
                name="change", kind=Kind.CHOICE, choices={"grant": "grant", "revoke": "revoke"}
            ),
            ArgSpec(name="subject", kind=Kind.SUBJECT, after="change"),
            ArgSpec(name="role", kind=Kind.CHOICE, choices=_ROLES),
        ),
        examples=("roles", "roles grant ada@example.com operator", "roles revoke ada@example.com"),
    ),
    VerbSpec(
        name="schedule",
        topic=Topic.CONFIGURATIONS,
        aliases=("schedules", "timetable"),
        summary="when it starts by itself, such as `every 1h`, `daily 02:00 Europe/Berlin` or "
        "`off`; the next starts are shown first. `freeze` keeps removals and invitations waiting",
        role=Role.ADMIN,
        visibility="public",
        arguments=(_CONFIGURATION, ArgSpec(name="words", kind=Kind.WHEN, many=True)),
        examples=(
            "schedule",
            "schedule people-scim daily 02:00 Europe/Berlin",
            "schedule people-scim every 1h",
            "schedule people-scim weekly mon,fri 18:30 Europe/Berlin",
            'schedule people-scim cron "0 2 * * *"',
            "schedule people-scim off",
            "schedule people-scim freeze fri 18:00 until mon 06:00 removals",
            "schedule people-scim freeze off",
        ),
    ),
    VerbSpec(
        name="audit",
        topic=Topic.TEAM,
        summary="who did what, when and why; `verify` proves that nobody touched the list",
        role=Role.ADMIN,
        arguments=(ArgSpec(name="check", kind=Kind.CHOICE, choices={"verify": "verify"}),),
        flags=(FlagSpec(name="since", kind=Kind.DURATION),),
        examples=("audit", "audit --since 7d", "audit verify"),
    ),
    VerbSpec(
        name="help",
        topic=Topic.TEAM,
        aliases=("?", "commands"),
        summary="what dirsync can do; with a command, how to use it",
        role=Role.NONE,
        arguments=(ArgSpec(name="topic", kind=Kind.VERB),),
        examples=("help", "help sync"),
        button="Help",
    ),
)
