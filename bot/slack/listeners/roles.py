"""`/dirsync roles`: who may do what, and giving and taking roles."""

from __future__ import annotations

from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.views import roles as views
from bot.subjects import subject_of
from core.errors import UsageError
from core.model.account import Role

_GRANT, _REVOKE = "grant", "revoke"
_HINT = "Usage: `/dirsync roles grant @user operator`, or `/dirsync roles revoke @user`."


async def roles(visit: Visit, asked: Asked) -> None:
    """List the roles, or change one."""
    change, who, role = (asked.command.text(each) for each in ("change", "subject", "role"))
    if change is None:
        await visit.say(views.roles(await visit.core.roles.list(visit.actor)))
        return
    await visit.core.access.require(visit.actor, Role.ADMIN, f"roles.{change}", who or "")
    subject = subject_of(who or "")
    if (role is None) == (change == _GRANT):
        said = "Say which role: viewer, operator or admin."
        raise UsageError(said if change == _GRANT else "`revoke` takes no role.", hint=_HINT)
    if role is not None:
        changed = await visit.core.roles.grant(visit.actor, subject, Role(role))
    else:
        changed = await visit.core.roles.revoke(visit.actor, subject)
    await visit.say(views.role_changed(changed))
