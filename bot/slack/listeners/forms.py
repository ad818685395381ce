"""Submitted modals: judged before the acknowledgement, carried out after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bot.slack.ids import ViewId
from bot.slack.listeners import held, lifecycle, wizard
from bot.slack.middleware import Visit
from bot.slack.received import Payload, Received
from bot.slack.views import answers
from core.app import Core

_CHECKS: Mapping[str, Callable[[Received, Core], Awaitable[Payload | None]]] = {
    ViewId.DISABLE: lifecycle.check_disable,
    ViewId.DELETE: lifecycle.check_delete,
    ViewId.RELEASE: held.check_release,
    ViewId.REJECT: held.check_reject,
    ViewId.WIZARD: wizard.check,
}
_FORMS: Mapping[str, Callable[[Visit], Awaitable[None]]] = {
    ViewId.DISABLE: lifecycle.disabled,
    ViewId.DELETE: lifecycle.deleted,
    ViewId.RELEASE: held.released,
    ViewId.REJECT: held.rejected,
    ViewId.WIZARD: wizard.submitted,
}


async def check(what: Received, core: Core) -> Payload | None:
    """Return Slack's answer to a submission: errors at fields, or what to show meanwhile."""
    judge = _CHECKS.get(what.form)
    return await judge(what, core) if judge else None


async def submitted(visit: Visit) -> None:
    """Do what the form was for; one that means nothing any more is told so."""
    handler = _FORMS.get(visit.what.form)
    if handler is None:
        await visit.say(answers.unavailable())
        return
    await handler(visit)
