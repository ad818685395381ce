"""One person's story, for viewers' own eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.slack.blocks import Message, context, header, message, section, table, when
from bot.slack.limits import escape, tidy
from bot.slack.views import words
from core.model.cycle import Action
from core.model.trail import PersonTrail, Standing, TrailEvent

MOST_EVENTS = 60
HEAD = ("When", "What", "Why", "By", "Cycle")
_WHAT = {
    "invitation": "invitation",
    "welcome": "license free",
    "sent": "sent",
    "held": "held",
    "released": "approved",
    "rejected": "rejected",
    "expired": "expired",
    "superseded": "replaced",
    "invitation.accept": "accepted",
    "activate": "activated",
    "licenses.free": "license freed",
    "invite": "invited",
}
_ACTIONS = {action.value: words.ACTIONS[action] for action in Action}


def why(trail: PersonTrail) -> Message:
    """Return where a person stands and why, then the timeline, oldest first."""
    shown = trail.events[-MOST_EVENTS:]
    left_out = trail.earlier + len(trail.events) - len(shown)
    user = trail.user
    state = "not in the account" if user is None else words.STATUSES[user.status]
    licensed = " · holds a license" if user is not None and user.licensed else ""
    waits = f", {escape(trail.waits)}" if trail.waits else ""
    return message(
        f"{tidy(trail.name, 100)}: {state}.",
        header(trail.name),
        section(f"*{state.capitalize()}*{licensed}{waits}"),
        *[section(_standing(each)) for each in trail.standings[:5]],
        *([table(HEAD, [_row(event) for event in shown])] if shown else []),
        *([context(f"{left_out:,} earlier events are not shown.")] if left_out else []),
    )


def action_words(what: str) -> str:
    """Return what happened in a word or two."""
    return _ACTIONS.get(what) or _WHAT.get(what) or what.replace("_", " ")


def attributes(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Return what changed as "title: Clerk → Chief"; a new person's attributes by name only."""
    if not before:
        return ", ".join(sorted(after))
    names = sorted({*before, *after})
    return "; ".join(f"{n}: {_value(before.get(n))} → {_value(after.get(n))}" for n in names)


def told(text: str, times: int, until: str) -> str:
    """Return a problem with how often it was told, and when last."""
    return f"{text.rstrip('.')}. Told in {times:,} cycles until {until}"


def kept_words(names: Sequence[str]) -> str:
    """Say which attributes a person keeps from when they were created."""
    are = "was" if len(names) == 1 else "were"
    return f"{', '.join(names)} {are} written when the person was created, and only then"


def _value(value: object) -> str:
    return "nothing" if value in (None, "") else str(value)


def _standing(standing: Standing) -> str:
    seen = standing.seen
    lines = [
        f"*{escape(seen.configuration, 100)}*: {escape(standing.scope, 500)}",
        f"matched {escape(standing.match, 300)}",
    ]
    if standing.kept:
        lines.append(kept_words(standing.kept))
    if seen.first_seen is not None:
        lines.append(f"first seen {when(seen.first_seen)}")
    if seen.last_seen is not None:
        lines.append(f"last seen {when(seen.last_seen)} in cycle {seen.last_cycle}")
    if seen.absent_since is not None:
        lines.append(f"missing since {when(seen.absent_since)}")
    return "\n".join(lines)


def _row(event: TrailEvent) -> tuple[str, ...]:
    changed = attributes(event.before, event.after)
    text = event.text
    if event.times > 1:
        text = told(text, event.times, words.stamp(event.until))
    if changed:
        text += f" [{changed[:150]}]"
    by = event.by_name or event.by
    return words.stamp(event.at), action_words(event.what), text, by, event.cycle_id or ""
