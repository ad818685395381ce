"""The ends of the form for a configuration: the provider's answer, the summary, what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.slack.blocks import Block, actions, alert, button, context, divider, modal, section, when
from bot.slack.ids import Act, ViewId
from bot.slack.limits import escape
from bot.slack.views import fields, words
from bot.slack.views.wizard import CHECKED, SUMMARY, TITLES, back_to, modal_of, step_of
from core.model.configuration import Configuration, Draft
from core.model.directory import CheckLine, CheckStatus
from core.model.form import BY_KEY, STEPS
from core.model.views import DraftCheck, Effect, MappedPerson

AFTER, LEAVERS, COMPANY = "after", "leavers", "company"
SAVE, SYNC = "save", "sync"
KEEP, REMOVE = "keep", "remove"
CONFIRM = "confirm"
"""The step that asks whether another company is meant; the choices of the summary follow it."""
SHOWN_VALUES = 12
SHOWN_ERRORS = 3
ICONS = {
    CheckStatus.OK: "✅",
    CheckStatus.WARNING: "🟡",
    CheckStatus.FAILED: "❌",
    CheckStatus.SKIPPED: "⚪",
}
_Fields = Mapping[str, str]


def checked(draft: Draft, found: DraftCheck, *, asked: str) -> Block:
    """Return what the provider said after the step `asked`, and five people as they would be."""
    report = found.report
    blocks: list[Block] = []
    if report.company:
        blocks.append(section(f"Reached *{escape(report.company)}*. Is that the right one?"))
    if found.other_company:
        text = f"Until now it was {found.other_company}. Saving will ask to confirm that."
        blocks.append(alert(text, "warning"))
    blocks.append(section("\n".join(_line(line) for line in report.lines) or "-"))
    kind = BY_KEY.get(draft.fields.get("kind", ""))
    if not report.ok and kind is not None:
        blocks.append(context(escape(kind.rights)))
    if report.ok:
        blocks += _people(found.people)
    blocks.append(actions(back_to(asked)))
    submit = "Next" if report.ok else "Go on all the same"
    return modal_of(draft, f"{CHECKED}{asked}", blocks, submit=submit)


def _line(line: CheckLine) -> str:
    hint = f" _{escape(line.hint)}_" if line.hint and line.status is not CheckStatus.OK else ""
    return f"{ICONS[line.status]} *{escape(line.name)}* {escape(line.detail, 300)}{hint}"


def _people(people: Sequence[MappedPerson]) -> list[Block]:
    if not people:
        return []
    blocks: list[Block] = [divider(), section("*Five of them:* there → here")]
    for person in people:
        rows = [
            f"{attribute}: {escape(there or 'nothing', 60)} → {escape(here or 'nothing', 60)}"
            for attribute, _, there, here in person.values[:SHOWN_VALUES]
        ]
        warned = [f"⚠️ {escape(warning)}" for warning in person.warnings]
        state = "" if person.active else " (disabled there)"
        blocks.append(section(f"*{escape(person.name, 80)}*{state}\n" + "\n".join(rows + warned)))
    return blocks


def summary(
    draft: Draft,
    *,
    errors: Mapping[str, str],
    slots: Sequence[datetime] = (),
    effect: Effect | None = None,
    remark: str = "",
) -> Block:
    """Return everything in words, what it means for people, and how to save.

    `remark` says why the effect is not known.
    """
    blocks: list[Block] = []
    for field, text in list(errors.items())[:SHOWN_ERRORS]:
        blocks.append(alert(f"{TITLES[step_of(field)]}: {text}", "error"))
    for name in STEPS:
        said = f"*{TITLES[name]}*\n{_SAID[name](draft.fields)}"
        change = button(f"Change {TITLES[name].lower()}", Act.STEP, name)
        blocks.append(section(said, accessory=change))
    if slots:
        blocks.append(context("Next starts: " + ", ".join(when(slot) for slot in slots)))
    if remark:
        blocks.append(context(escape(remark)))
    if errors:
        return modal_of(draft, SUMMARY, blocks, submit=None)
    if effect is not None:
        blocks += [divider(), *_effect(effect, edits=draft.configuration is not None)]
    options = [
        ("Save", SAVE, "It starts by its schedule, or by hand"),
        ("Save and sync now", SYNC, "A cycle starts at once"),
    ]
    blocks.append(fields.one_of(AFTER, "When it is saved", options, chosen=SAVE))
    return modal_of(draft, SUMMARY, blocks, submit="Save")


def _effect(effect: Effect, *, edits: bool) -> list[Block]:
    whole = "" if effect.whole else " (of the first that were looked at)"
    lines = [f"*What this means for people*{whole}"]
    lines.append(f"{effect.in_scope:,} of {words.people(effect.read)} are in scope.")
    if edits:
        lines.append(f"🟢 {effect.joins:,} would join{_names(effect.joining, effect.joins)}")
        lines.append(f"🟠 {effect.leaves:,} would leave{_names(effect.leaving, effect.leaves)}")
        lines.append(f"✏️ {effect.changes:,} would have other attributes")
        lines += [
            f"⚠️ {words.people(count)} would lose the value of {escape(attribute)}"
            for attribute, count in sorted(effect.lost.items())
        ]
    blocks: list[Block] = [section("\n".join(lines))]
    if edits and effect.leaves:
        options = [
            ("They are kept as they are", KEEP, "And skipped from now on"),
            ("They are removed", REMOVE, "Disabled by the next cycle, through the guard"),
        ]
        label = f"What becomes of the {effect.leaves:,} who leave the scope?"
        blocks.append(fields.one_of(LEAVERS, label, options, chosen=KEEP))
    return blocks


def _names(names: Sequence[str], total: int) -> str:
    if not names:
        return "."
    more = f" and {total - len(names):,} more" if total > len(names) else ""
    return ": " + ", ".join(escape(name, 60) for name in names) + more + "."


def other_company(draft: Draft, message: str, hint: str, *, sync: bool, remove: bool) -> Block:
    """Return the question whether another company is meant."""
    options = [("Yes, from now on", "yes"), ("No, go back", "no")]
    blocks = [
        alert(message, "warning"),
        section(escape(hint)),
        fields.one_of(COMPANY, "Is the other directory meant?", options, chosen="no"),
    ]
    name = f"{CONFIRM}{'s' if sync else ''}{'r' if remove else ''}"
    return modal_of(draft, name, blocks, submit="Go on")


def saved(configuration: Configuration, slots: Sequence[datetime], *, cycle: str) -> Block:
    """Return what was done; `cycle` is the one that was started, or ""."""
    lines = [f"✅ *{escape(configuration.name)}* is saved."]
    if cycle:
        lines.append(f"Cycle `{cycle}` has started; its card is in the channel.")
    if slots:
        lines.append("Next starts: " + ", ".join(when(slot) for slot in slots))
    elif not cycle:
        lines.append("It is started by hand: `/dirsync sync`.")
    return modal("Configuration", [section("\n".join(lines))], callback_id=ViewId.NOTE)


def _said_provider(entered: _Fields) -> str:
    kind = BY_KEY.get(entered.get("kind", ""))
    return f"{escape(entered.get('name', '') or 'nothing')}, {kind.label if kind else 'nothing'}"


def _said_signin(entered: _Fields) -> str:
    kind = BY_KEY.get(entered.get("kind", ""))
    lines = []
    for each in kind.fields if kind else ():
        value = entered.get(each.key, "")
        if each.secret and value.startswith("stored:"):
            value = "kept, encrypted"
        if value:
            lines.append(f"{each.label}: {escape(value, 150)}")
    return "\n".join(lines) or "nothing"


_SCOPE = {"groups": "Groups", "domains": "Domains", "org_units": "Org units", "filter": "Filter"}


def _said_scope(entered: _Fields) -> str:
    parts = [
        f"{label}: {escape(', '.join(entered[key].splitlines()), 300)}"
        for key, label in _SCOPE.items()
        if entered.get(key)
    ]
    return "\n".join(parts) or "Everybody in the directory"


def _said_mapping(entered: _Fields) -> str:
    lines = entered.get("mapping", "").splitlines()
    return escape(", ".join(lines), 500) if lines else "The usual ones"


def _said_schedule(entered: _Fields) -> str:
    get = entered.get
    zone = escape(get("timezone", "UTC"))
    return {
        "every": f"Every {escape(get('every', ''))}",
        "daily": f"Every day at {escape(get('time', ''))} ({zone})",
        "weekly": f"Every {escape(get('weekday', ''))} at {escape(get('time', ''))} ({zone})",
        "cron": f"By cron: {escape(get('cron', ''))} ({zone})",
    }.get(get("starts", "hand"), "By hand only")


def _said_alerts(entered: _Fields) -> str:
    get = entered.get
    where = f"<#{get('channel')}>" if get("channel") else "The default channel"
    guard = f"holds removals over {escape(get('percent', ''))} % (and {escape(get('minimum', ''))})"
    return f"{where}; invitations: {escape(get('send', 'mail'))}; {guard}"


_SAID: Mapping[str, Callable[[_Fields], str]] = {
    "provider": _said_provider,
    "signin": _said_signin,
    "scope": _said_scope,
    "mapping": _said_mapping,
    "schedule": _said_schedule,
    "alerts": _said_alerts,
}
