"""Where everything stands: the answer to the bare command and to `status`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.grammar import Command, spell
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    message,
    section,
    select,
    table,
)
from bot.slack.ids import Act, Stamp
from bot.slack.limits import LIMITS, escape, tidy
from bot.slack.views import words
from bot.slack.views.conflicts import conflicts_of
from bot.slack.views.invitation_words import on_their_way
from bot.slack.views.last_sync import last_of, show_button
from bot.slack.views.notify import lost_line
from bot.verbs import VERBS
from core.model.account import Role, UserStatus
from core.model.configuration import ConfigurationId
from core.model.views import ConfigurationStatus, StatusView
from core.model.wording import provider_name

CHOICES = 100
MOST_BUTTONS = 10
HEAD = ("Configuration", "Provider", "State", "Last cycle", "Next")


def status(view: StatusView, *, role: Role, now: datetime) -> Message:
    """Return the overview with the buttons that the role may use."""
    if not view.configurations:
        return message(EMPTY, section(EMPTY), button_row(role))
    blocks = [*_table(view, now), *_last_syncs(view, role), *licenses_of(view)]
    blocks += [*notices_of(view), *held_of(view, role), *conflicts_of(view.conflicts, role)]
    return message(_summary(view), *blocks, button_row(role))


def only(view: StatusView, configuration: ConfigurationId) -> StatusView:
    """Return the overview of one configuration."""
    kept = tuple(each for each in view.configurations if each.configuration.id == configuration)
    return replace(view, configurations=kept)


EMPTY = (
    "There is no configuration yet. An admin makes one with `/dirsync setup`, or on the host with "
    "`dirsync config apply FILE`."
)


def _summary(view: StatusView) -> str:
    lines = [f"{tidy(each.configuration.name)}: {state(each)[1]}" for each in view.configurations]
    licenses = view.licenses
    return f"{'; '.join(lines[:5])}. Licenses: {licenses.used:,} of {licenses.total:,} used."


def state(each: ConfigurationStatus) -> tuple[str, str]:
    """Return an icon and a few words for how a configuration is doing."""
    if each.open_cycle is not None:
        return words.state(each.open_cycle)
    stopped = _stopped(each)
    if stopped is not None:
        return stopped
    if each.held is not None:
        return "✋", f"{words.several(each.held.size, 'removal')} held"
    if each.last is None:
        return "⚪", "Never synced"
    return words.state(each.last)


def _stopped(each: ConfigurationStatus) -> tuple[str, str] | None:
    """Return what keeps the schedule from its slots, or None."""
    if not each.configuration.enabled:
        return "⏸", "Disabled"
    if each.configuration.stopped_reason is not None:
        return "🔑", "Sign-in needed"
    if each.configuration.quarantined:
        when = f", next try at {words.stamp(each.next_slot)}" if each.next_slot else ""
        return "🚧", f"Quarantine{when}"
    return None


def _table(view: StatusView, now: datetime) -> list[Block]:
    rows = [
        (
            each.configuration.name,
            provider_name(each.configuration.spec.provider.type),
            " ".join(state(each)),
            last_of(each.last, now),
            words.stamp(each.next_slot) if each.next_slot else words.no_next(each.configuration),
        )
        for each in view.configurations
    ]
    return [table(HEAD, rows)]


def _last_syncs(view: StatusView, role: Role) -> list[Block]:
    """Return the buttons to the last cycle of each configuration."""
    if not role.includes(Role.VIEWER):
        return []
    found = [each for each in view.configurations if each.last is not None][:MOST_BUTTONS]
    name = len(view.configurations) > 1
    buttons = [
        show_button(f"Last sync of {each.configuration.name}" if name else "Last sync", each.last)
        for each in found
        if each.last is not None
    ]
    return [actions(*buttons)] if buttons else []


def licenses_of(view: StatusView) -> list[Block]:
    """Return the licenses and the people in numbers."""
    return [section(f"{words.license_line(view.licenses)}\n{people_line(view)}")]


def people_line(view: StatusView) -> str:
    """Return how many people stand where, and how many invitations are on their way."""
    shown = [each for each in UserStatus if view.people.get(each)]
    parts = [f"{view.people[each]:,} {words.STATUSES[each]}" for each in shown]
    people = "👥 " + (" · ".join(parts) if parts else "Nobody is in the account yet.")
    if not view.invitations.waiting:
        return people
    return f"{people}\n✉️ {on_their_way(view.invitations)}"


def notices_of(view: StatusView) -> list[Block]:
    """Return what needs somebody's attention."""
    lost = [section(f"⚠️ {lost_line(each)}") for each in view.lost[:3]]
    return [*lost, *[section(f"⚠️ {escape(notice)}") for notice in view.notices[:5]]]


def held_of(view: StatusView, role: Role) -> list[Block]:
    """Return the buttons to held removals, for whoever decides."""
    if not role.includes(Role.ADMIN):
        return []
    held = [each.held for each in view.configurations if each.held is not None][:3]
    return [
        actions(
            button(f"Review {words.several(h.size, 'removal')}", Act.REVIEW, Stamp(id=h.id).pack())
        )
        for h in held
    ]


def button_row(role: Role) -> Block:
    """Return the row of buttons that the role may use."""
    return actions(*verb_buttons(role))


def verb_buttons(role: Role) -> list[Block]:
    """Return the buttons of the verbs that have one and that the role may use."""
    return [
        button(spec.button, Act.RUN, spec.name, style="primary" if spec.name == "sync" else "")
        for spec in VERBS
        if spec.button and role.includes(spec.role)
    ]


def picker(command: Command, names: Sequence[str]) -> Message:
    """Return a menu of the configurations that a command could be about."""
    options = [
        (name, spell(Command(verb=command.verb, arguments=command.arguments, configuration=name)))
        for name in names[:CHOICES]
    ]
    text = "Which configuration?"
    options = [option for option in options if len(option[1]) <= LIMITS["option.value"]]
    if not options:
        return message(f"{text} Type its name after the command.")
    return message(text, section(text, accessory=select("Choose one", Act.PICK, options)))
