"""Licenses kept back for groups: the question with its effect, and what was done."""

from __future__ import annotations

from bot.slack.blocks import Message, actions, button, confirm, message, section
from bot.slack.ids import Act, ReserveMark
from bot.slack.limits import escape
from bot.slack.views import words
from core.model.desk import ReserveChange


def effect(change: ReserveChange) -> list[str]:
    """Return what it means, a sentence each; plain text."""
    wanted, after = change.wanted, change.after
    if not wanted.kept:
        gained = after.free - change.before.free
        return [
            f"{words.several(gained, 'license')} more {_are(gained)} free for everybody then.",
            *_ready(change),
        ]
    lines = [f"{wanted.group} has {words.several(change.members, 'member')}."]
    if change.holding:
        hold = "holds" if change.holding == 1 else "hold"
        lines.append(f"{change.holding:,} of them {hold} a license and count as kept ones.")
    lines += _kept_now(change, max(0, wanted.kept - change.holding))
    stay = "stays" if after.free == 1 else "stay"
    lines.append(f"{after.free:,} {stay} free for everybody.")
    return lines + _ready(change)


def _kept_now(change: ReserveChange, left: int) -> list[str]:
    """Return how many are kept at once, and that the rest is kept once it gets free."""
    now = min(left, change.after.kept)
    if not left:
        return ["So none is kept back at present."]
    if now == left:
        return [f"{now:,} {_are(now)} kept back now."]
    more = f"{left - now:,} more as soon as licenses get free. Nobody loses theirs."
    return [f"Only {now:,} {_are(now)} free and kept back now, {more}"]


def _ready(change: ReserveChange) -> list[str]:
    after = change.after
    if not after.waiting:
        return []
    wait = "waits" if after.waiting == 1 else "wait"
    can = f"{after.ready:,} of them" if after.ready else "none"
    return [f"{words.people(after.waiting)} {wait}, and {can} can be activated."]


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def title(change: ReserveChange) -> str:
    """Return what is asked, without the question mark; plain text."""
    wanted = change.wanted
    if not wanted.kept:
        return f"Release the {words.several(change.kept_before, 'license')} of {wanted.group}"
    more = f" instead of {change.kept_before:,}" if change.kept_before else ""
    return f"Keep {words.several(wanted.kept, 'license')}{more} for {wanted.group}"


def question(change: ReserveChange) -> Message:
    """Return the question whether to keep licenses back, or to release them, with the effect."""
    text = f"*{escape(title(change))}?*\n{escape(' '.join(effect(change)))}"
    mark = ReserveMark(
        group=change.label,
        count=change.wanted.kept,
        total=change.before.total,
        kept=change.kept_before,
    )
    yes = f"Keep {change.wanted.kept:,}" if change.wanted.kept else "Release"
    ask = confirm(f"{yes}?", "Nobody loses a license by this.", yes=yes, no="Not now", danger=False)
    do_it = button(yes, Act.KEEP, mark.pack(), style="primary", confirm=ask)
    return message(f"{title(change)}?", section(text), actions(do_it))


def done(change: ReserveChange) -> Message:
    """Return what was kept or released, and how the pool stands now."""
    wanted = change.wanted
    count = words.several(wanted.kept or change.kept_before, "license")
    said = f"{count} kept for {wanted.group}." if wanted.kept else f"{count} released."
    return message(said, section(f"✅ {escape(said)}\n{words.license_line(change.after)}"))
