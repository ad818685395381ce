"""The buttons of alerts: seen, mute, unmute."""

from __future__ import annotations

from datetime import timedelta

from bot.slack.ids import Stamp
from bot.slack.middleware import Visit
from bot.slack.views import answers
from core.errors import UsageError
from core.model.events import AlertKind

MUTED_FOR = timedelta(hours=24)


async def seen(visit: Visit) -> None:
    """Note on the card who sees to it."""
    key, _, _ = _alert(visit)
    await visit.core.alerts.acknowledge(visit.actor, key)
    await visit.say(answers.note("👀 The card says that you see to it."))


async def mute(visit: Visit) -> None:
    """Keep this kind of alert quiet for a day."""
    key, kind, about = _alert(visit)
    await visit.core.alerts.mute(visit.actor, key, kind, about, length=MUTED_FOR)
    await visit.say(answers.note("🔕 Muted for 24 hours. The status still tells everything."))


async def unmute(visit: Visit) -> None:
    """Let it be heard again."""
    key, kind, about = _alert(visit)
    await visit.core.alerts.unmute(visit.actor, key, kind, about)
    await visit.say(answers.note("🔔 It is heard again."))


def _alert(visit: Visit) -> tuple[str, AlertKind, str]:
    """Return an alert's key, its kind and the configuration id that it is about, or ""."""
    stamp = Stamp.unpack(visit.what.value)
    kind, _, about = stamp.revision.partition(":") if stamp else ("", "", "")
    if stamp is None or kind not in set(AlertKind):
        raise UsageError("That button is from another version of dirsync.")
    return stamp.id, AlertKind(kind), about
