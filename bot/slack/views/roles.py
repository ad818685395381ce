"""Who may do what, for admins' own eyes."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks import Block, Message, context, message, section
from bot.slack.limits import LIMITS, escape
from bot.slack.views import words
from bot.subjects import mention
from core.model.account import Role
from core.model.roles import RoleChange, RoleLine, RoleSource, RolesView, SubjectKind

TITLES = {
    RoleSource.WORKSPACE: "From the workspace: its owners and admins",
    RoleSource.SETTING: "From the settings: `DIRSYNC_ADMINS`, `DIRSYNC_VIEWERS`",
    RoleSource.GRANT: "Granted",
}
_NONE = {
    RoleSource.WORKSPACE: "Nobody of them has been met yet.",
    RoleSource.SETTING: "Nobody.",
    RoleSource.GRANT: "Nobody. `/dirsync roles grant @user operator` changes that.",
}
WHAT = {
    Role.NONE: "no role",
    Role.VIEWER: "viewer: may look",
    Role.OPERATOR: "operator: may sync, cancel, activate and invite",
    Role.ADMIN: "admin: may do everything",
}


def roles(view: RolesView) -> Message:
    """Return who has which role, by source."""
    count = len({line.subject for line in view.lines})
    blocks: list[Block] = []
    for source in RoleSource:
        lines = [_line(line) for line in view.lines if line.source is source]
        blocks += _listed(TITLES[source], lines or [_NONE[source]])
    return message(f"{count:,} roles.", *blocks, context(*[escape(each) for each in view.notices]))


def _listed(title: str, lines: Sequence[str]) -> list[Block]:
    """Return as many sections as the lines need; no line is cut."""
    sections, text = [], f"*{title}*"
    for line in lines:
        if len(text) + len(line) >= LIMITS["section.text"]:
            sections.append(section(text))
            text = line
        else:
            text += f"\n{line}"
    return [*sections, section(text)]


def _line(line: RoleLine) -> str:
    parts = [f"{mention(line.subject)} {line.role.value}"]
    if line.people is not None:
        parts.append(words.people(line.people))
    if line.granted_by and line.granted_at is not None:
        parts.append(f"by {words.who(line.granted_by)}, {words.stamp(line.granted_at)}")
    if line.problem:
        parts.append(f"⚠️ {escape(line.problem)}")
    return " · ".join(parts)


def role_changed(change: RoleChange) -> Message:
    """Return what a grant or a revocation did."""
    who = mention(change.subject)
    if change.before is change.after:
        text = f"{who} is {change.after.value} already; nothing was changed."
    elif change.after is Role.NONE:
        text = f"✅ {who} is no longer {change.before.value} by a grant."
    else:
        text = f"✅ {who} is now {WHAT[change.after]}."
    if change.subject.kind is SubjectKind.GROUP and change.after is not Role.NONE:
        text += " Slack is asked who is in the group at each click."
    if change.kept is not Role.NONE:
        text += f" The workspace or a setting makes them {change.kept.value} all the same."
    return message(text, section(text))
