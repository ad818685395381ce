"""The Home tab: health, what needs attention, every configuration with its menu, last cycles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.grammar import Command, spell
from bot.slack.blocks import (
    Block,
    actions,
    button,
    context,
    divider,
    header,
    home,
    overflow,
    section,
    when,
)
from bot.slack.ids import Act, Stamp, ViewId
from bot.slack.limits import escape
from bot.slack.views import license_desk, words
from bot.slack.views.conflicts import conflicts_of
from bot.slack.views.last_sync import last_of, show_button
from bot.slack.views.status import (
    EMPTY,
    button_row,
    held_of,
    licenses_of,
    notices_of,
    people_line,
    state,
)
from bot.verbs import VERBS
from core.model.account import Role
from core.model.cycle import CycleResult
from core.model.desk import LicenseDesk
from core.model.views import ConfigurationStatus, HistoryPage, StatusView
from core.model.wording import provider_name

MOST_SHOWN = 60
"""Configurations; with all that stands round them they stay under Slack's 100 blocks."""
MOST_ROOMY = 30
"""So many have a button to their last sync; where there are more, History leads to it."""
LAST_SHOWN = 5
_ROLES = {spec.name: spec.role for spec in VERBS}
_LABELS = {
    "sync": "Sync now",
    "preview": "Preview",
    "history": "History",
    "edit": "Edit …",
    "disable": "Disable …",
    "enable": "Enable",
    "delete": "Delete …",
}
_ENABLED = ("sync", "preview", "history", "edit", "disable")
_DISABLED = ("history", "edit", "enable", "delete")
"""Slack's menu has five places: a configuration is deleted after it was disabled."""


def home_tab(
    view: StatusView | None,
    history: HistoryPage | None,
    *,
    role: Role,
    now: datetime,
    desk: LicenseDesk | None = None,
) -> Block:
    """Return the Home tab for somebody of this role; `view` is None for whoever is refused.

    The license desk is for viewers; whoever is none sees the number of licenses.
    """
    if view is None:
        sorry = "dirsync is for members of this workspace."
        return home([header("dirsync"), section(sorry)], callback_id=ViewId.HOME)
    blocks = [header("dirsync"), section(_health(view)), button_row(role)]
    blocks += [*notices_of(view), *held_of(view, role), *conflicts_of(view.conflicts, role)]
    blocks += _configurations(view, role, now)
    blocks.append(divider())
    if desk is None:
        blocks += licenses_of(view)
    else:
        blocks += [*license_desk.on_home(desk, role=role), section(people_line(view))]
    if history is not None and history.cycles:
        blocks += [divider(), section("*Last cycles*"), *_cycles(history, now)]
    shown = f"As of {words.at(now, '')}"
    blocks.append(context(shown, "Follows what happens for half an hour after it was opened."))
    return home(blocks, callback_id=ViewId.HOME)


def _health(view: StatusView) -> str:
    """Return one line that says whether all is well."""
    if not view.configurations:
        return "Keeps the account in step with your directory."
    running = sum(each.open_cycle is not None for each in view.configurations)
    troubled = [each for each in view.configurations if _troubled(each)]
    if troubled:
        return f"🔴 Needs attention: {_names(troubled)}"
    busy = f", {running:,} running" if running else ""
    partly = [each for each in view.configurations if _partly(each)]
    if partly:
        return f"🟡 In step, with problems of single people: {_names(partly)}{busy}"
    return f"🟢 All is well: {words.several(len(view.configurations), 'configuration')}{busy}"


def _names(found: Sequence[ConfigurationStatus]) -> str:
    names = ", ".join(f"*{escape(each.configuration.name)}*" for each in found[:5])
    return names + (f" and {len(found) - 5:,} more" if len(found) > 5 else "")  # noqa: PLR2004 - named above


def _partly(each: ConfigurationStatus) -> bool:
    partial = each.last is not None and each.last.result is CycleResult.PARTIAL_SUCCESS
    return each.configuration.enabled and partial


def _troubled(each: ConfigurationStatus) -> bool:
    configuration = each.configuration
    failed = each.last is not None and each.last.result is CycleResult.FAILURE
    stopped = configuration.stopped_reason is not None
    waits = stopped or configuration.quarantined or each.held is not None
    return configuration.enabled and (failed or waits)


def _configurations(view: StatusView, role: Role, now: datetime) -> list[Block]:
    if not view.configurations:
        return [section(EMPTY)]
    shown = view.configurations[:MOST_SHOWN]
    roomy = len(shown) <= MOST_ROOMY and role.includes(Role.VIEWER)
    rows = []
    for each in shown:
        if roomy and each.last is not None:
            rows.append(_configuration(each, role))
            rows.append(actions(show_button(f"Last sync: {last_of(each.last, now)}", each.last)))
        else:
            rows.append(_configuration(each, role, f" · last cycle: {last_of(each.last, now)}"))
    left = len(view.configurations) - len(shown)
    return rows + ([context(f"{left:,} more are in `/dirsync status`.")] if left > 0 else [])


def _configuration(each: ConfigurationStatus, role: Role, last: str = "") -> Block:
    configuration = each.configuration
    icon, word = state(each)
    following = when(each.next_slot) if each.next_slot else words.no_next(configuration)
    text = (
        f"{icon} *{escape(configuration.name)}* {escape(word)}\n"
        f"{provider_name(configuration.spec.provider.type)}{last} · next: {following}"
    )
    verbs = [verb for verb in _verbs(each) if role.includes(_ROLES[verb])]
    if not verbs:
        return section(text)
    options = [
        (_LABELS[verb], spell(Command(verb=verb, configuration=configuration.name)))
        for verb in verbs
    ]
    return section(text, accessory=overflow(Act.PICK, options))


def _verbs(each: ConfigurationStatus) -> tuple[str, ...]:
    return _ENABLED if each.configuration.enabled else _DISABLED


def _cycles(history: HistoryPage, now: datetime) -> list[Block]:
    blocks = []
    for cycle in history.cycles[:LAST_SHOWN]:
        icon, word = words.state(cycle)
        word += " (preview)" if cycle.dry_run else ""
        name = escape(cycle.configuration_name)
        moment = words.at(cycle.started_at or cycle.requested_at, "")
        text = f"{icon} *{name}* {word} · {moment} · {words.duration(cycle, now)}"
        show = button("Details", Act.DETAILS, Stamp(id=cycle.id).pack())
        line = words.plan_line if cycle.dry_run else words.counts_line
        blocks.append(section(f"{text}\n{line(cycle.counts)}", accessory=show))
    return blocks
