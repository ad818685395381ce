"""A configuration's schedule with its next starts, before and after it is saved."""

from __future__ import annotations

from bot.slack.blocks import Block, Message, actions, button, context, message, section, table
from bot.slack.ids import Act, ScheduleMark
from bot.slack.limits import escape, tidy
from bot.slack.views import words
from core.model.views import ScheduleView


def schedule(view: ScheduleView, *, because: str = "") -> Message:
    """Return a schedule with its next starts; a proposed one has the button that saves it."""
    name = escape(view.configuration.name)
    text = f"*{name}* starts {_said(view.proposed)}."
    plain = f"{view.configuration.name}: {view.proposed}"
    if view.changed:
        text = f"*{name}* starts {_said(view.present)}. From now on {_said(view.proposed)}?"
        plain = f"{plain}?"
    if view.new_freezes:
        text = f"Is *{name}* to be frozen like this?" if view.changed else f"*{name}*"
        plain = f"Freezes of {view.configuration.name}"
    blocks = [section(f"{escape(because)}\n{text}" if because else text), *_shown(view)]
    if view.changed:
        mark = ScheduleMark(
            configuration=view.configuration.id,
            revision=view.configuration.revision,
            words=view.asked,
        )
        blocks.append(actions(button("Save", Act.SCHEDULE, mark.pack(), style="primary")))
    return message(tidy(plain), *blocks)


def saved(view: ScheduleView) -> Message:
    """Return the answer to whoever saved a schedule."""
    text = f"💾 Saved: *{escape(view.configuration.name)}* starts {_said(view.proposed)}."
    plain = f"Saved: {view.configuration.name}: {view.proposed}"
    if view.new_freezes:
        text = f"💾 Saved: the freezes of *{escape(view.configuration.name)}*."
        plain = f"Saved: the freezes of {view.configuration.name}"
    return message(tidy(plain), section(text), *_shown(view))


def _said(schedule_words: str) -> str:
    return "by hand only" if schedule_words == "off" else f"`{schedule_words}`"


def _shown(view: ScheduleView) -> list[Block]:
    """Return what was asked about: the freezes, or the starts and then the freezes."""
    if view.new_freezes:
        return _freezes(view) or [section("Nothing is frozen at any time.")]
    return [*_slots(view), *_freezes(view)]


def _freezes(view: ScheduleView) -> list[Block]:
    """Return the freezes by number, each with when it is frozen now or next."""
    lines = []
    for number, each in enumerate(view.freezes, start=1):
        local = each.local
        following = f"{local[0]} to {local[1]}" if local else "over"
        lines.append(f"❄️ {number}. `{each.words}` · next: {following}")
    how = f"`/dirsync schedule {view.configuration.name} freeze off 1` ends the first one."
    return [*[section(text) for text in words.packed(lines)], context(how)] if lines else []


def _slots(view: ScheduleView) -> list[Block]:
    columns = 1 if view.zone == "UTC" else 2
    head = (f"Next starts, {view.zone}", "UTC")[:columns]
    rows = [(local, words.stamp(slot))[:columns] for local, slot in view.starts]
    return [*([table(head, rows)] if rows else []), context(view.remark)]
