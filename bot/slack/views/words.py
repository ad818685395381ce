"""Phrases that several views share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.slack.blocks import when
from bot.slack.limits import escape
from core.model import wording
from core.model.account import LicenseSummary, PersonOutcome, UserStatus
from core.model.configuration import Configuration
from core.model.cycle import Action, Counts, Cycle, CycleResult, CycleState, Postponed, Proof
from core.model.reserves import Reserve

RESULTS: Mapping[CycleResult, tuple[str, str]] = {
    CycleResult.SUCCESS: ("✅", "Success"),
    CycleResult.PARTIAL_SUCCESS: ("🟡", "Partial success"),
    CycleResult.FAILURE: ("❌", "Failure"),
    CycleResult.CANCELLED: ("⏹", "Cancelled"),
}
ACTIONS: Mapping[Action, str] = {
    Action.CREATE: "create",
    Action.LINK: "link",
    Action.UPDATE: "update",
    Action.DISABLE: "disable",
    Action.ENABLE: "enable again",
    Action.RESTORE: "restore",
    Action.DELETE: "delete",
    Action.CONFLICT: "leave: conflict",
    Action.ERROR: "leave: error",
    Action.KEEP: "keep",
    Action.NOTHING: "nothing",
}
STATUSES: Mapping[UserStatus, str] = {
    UserStatus.STAGED: "not invited yet",
    UserStatus.INVITED: "invited",
    UserStatus.WAITING: "waiting for a license",
    UserStatus.ACTIVE: "active",
    UserStatus.DISABLED: "disabled",
    UserStatus.DELETED: "deleted",
}
NOT_DELIVERED = "invitation not delivered"
_DONE: Mapping[str, str] = {
    "created": "created",
    "updated": "updated",
    "disabled": "disabled",
    "enabled": "enabled again",
    "deleted": "deleted",
    "linked": "linked",
}
_DUE: Mapping[str, str] = {
    "created": "to create",
    "updated": "to update",
    "disabled": "to disable",
    "enabled": "to enable again",
    "deleted": "to delete",
    "linked": "to link",
}
"""The names of counts with their phrases for what was done and for what would be."""
MINUTE, HOUR, DAY = 60, 3600, 86_400
several, people = wording.several, wording.people


def manager(wanted: str, name: str, email: str) -> str:
    """Name somebody's manager; one without a name is nobody of the account."""
    if not name:
        return f"{wanted} (not in the account: out of scope, or not read yet)"
    return f"{name} <{email}>" if email else name


def lasting(seconds: float) -> str:
    """Return a length of time as people say it: under a second, 42 s, 3 min 5 s, 1 h 4 min."""
    whole = max(0, round(seconds))
    if whole < 1:
        return "under a second"
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def ago(seconds: float) -> str:
    """Return how long ago something was, as roughly as people say it."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return "just now"
    if whole < HOUR:
        return f"{whole // MINUTE} min ago"
    if whole < 2 * DAY:
        return f"{whole // HOUR} h ago"
    return f"{whole // DAY} days ago"


def who(actor_id: str, name: str = "") -> str:
    """Return who did something, as a mention where it was somebody in Slack; in mrkdwn."""
    found = re.fullmatch(r"slack:([UW][A-Z0-9]{1,30})", actor_id)
    if found:
        return f"<@{found[1]}>"
    return escape(name or actor_id, 60)


def state(cycle: Cycle) -> tuple[str, str]:
    """Return an icon and a word or two for where a cycle stands."""
    if cycle.result is not None:
        return RESULTS[cycle.result]
    if cycle.state is CycleState.QUEUED:
        return "⏳", "Queued"
    if cycle.cancel_requested_by is not None:
        return "⏹", "Stopping"
    return "🔄", "Running"


def duration(cycle: Cycle, now: datetime) -> str:
    """Return how long a cycle ran, or has run so far; empty if it has not begun."""
    if cycle.started_at is None:
        return ""
    return lasting(((cycle.finished_at or now) - cycle.started_at).total_seconds())


def counts_line(counts: Counts) -> str:
    """Return what a cycle did to people in one line of mrkdwn, without what is zero."""
    shown = [*_changes(counts, _DONE), *_rest(counts)]
    if not counts.changed and not counts.held:
        shown.insert(0, "nothing changed")
    return " · ".join(shown)


def plan_line(counts: Counts) -> str:
    """Return what a dry run would do to people in one line of mrkdwn, without what is zero."""
    shown = [*_changes(counts, _DUE), *_rest(counts)]
    if not counts.changed and not counts.held:
        shown.insert(0, "nothing to change")
    return " · ".join(shown)


def troubles(counts: Counts) -> list[str]:
    """Return what went wrong with people by its name: "2 conflicts", "1 warning"."""
    shown = [
        (counts.errors, "error"),
        (counts.conflicts, "conflict"),
        (counts.warnings, "warning"),
    ]
    return [several(number, word) for number, word in shown if number]


def _changes(counts: Counts, phrases: Mapping[str, str]) -> list[str]:
    numbers = [(getattr(counts, name), phrase) for name, phrase in phrases.items()]
    return [f"*{number:,}* {phrase}" for number, phrase in numbers if number]


def _rest(counts: Counts) -> list[str]:
    rest = [(counts.unchanged, "unchanged"), (counts.skipped, "skipped")]
    shown = [f"{number:,} {word}" for number, word in rest if number]
    return shown + [f"*{trouble}*" for trouble in troubles(counts)]


def frozen_lines(found: Postponed | None) -> list[str]:
    """Return what a freeze keeps waiting, and until when; in mrkdwn."""
    if found is None:
        return []
    lines = []
    if found.removals:
        wait = "waits" if found.removals == 1 else "wait"
        lines.append(
            f"❄️ *{several(found.removals, 'removal')} {wait}*: not now, removals are frozen until "
            f"{stamp(found.removals_until)}. The first cycle after that looks again."
        )
    if found.invitations_until is not None:
        lines.append(
            f"❄️ Invitations are frozen until {stamp(found.invitations_until)} and are sent then."
        )
    return lines


def groups_line(counts: Counts, *, due: bool = False) -> str:
    """Return what happened to groups, or with `due` what would, or an empty string."""
    numbers = (
        (counts.groups_created, "created", "to create"),
        (counts.groups_updated, "updated", "to update"),
        (counts.groups_deleted, "deleted", "to delete"),
    )
    parts = [
        f"{several(number, 'group')} {planned if due else done}"
        for number, done, planned in numbers
        if number
    ]
    return " · ".join(parts)


OUTCOMES = {
    PersonOutcome.ACTIVATED: "activated",
    PersonOutcome.INVITED: "invited",
    PersonOutcome.FREED: "license freed, invited again",
    PersonOutcome.ALREADY_ACTIVE: "active already",
    PersonOutcome.ALREADY_INVITED: "invited already; --resend sends it again",
    PersonOutcome.WAITING: "waiting for a license",
    PersonOutcome.NO_LICENSE: "no license is free",
    PersonOutcome.KEPT_BACK: "what is free is kept back for groups",
    PersonOutcome.DISABLED: "disabled",
    PersonOutcome.DELETED: "deleted",
    PersonOutcome.NO_ADDRESS: "has no address to be invited at",
    PersonOutcome.UNKNOWN: "nobody here has that address",
}
DID = frozenset({PersonOutcome.ACTIVATED, PersonOutcome.INVITED, PersonOutcome.FREED})


def outcome(result: PersonOutcome, place: int | None) -> str:
    """Return what became of somebody, with their place in the waiting line."""
    said = OUTCOMES[result]
    return said if place is None else f"{said}, number {place:,} in line"


def license_line(licenses: LicenseSummary) -> str:
    """Return the license pool in a sentence or two, and how many will have to wait."""
    used = f"🎫 {licenses.used:,} of {several(licenses.total, 'license')} used"
    rest = [kept_back(licenses)] if licenses.kept else []
    rest += [f"{licenses.invited:,} invited"] if licenses.invited else []
    rest += [f"{licenses.waiting:,} waiting"] if licenses.waiting else []
    line = ", ".join([used, *rest]) + "."
    if licenses.shortfall and licenses.invited:
        line += f" *{licenses.shortfall:,} will wait* until licenses are free."
    return line


def kept_back(licenses: LicenseSummary) -> str:
    """Return how many licenses are kept for whom: "10 kept for Leadership"."""
    left = [each for each in licenses.reserves if each.left]
    if len(left) > 2:  # noqa: PLR2004 - a line has room for two names
        return f"{licenses.kept:,} kept for {len(left):,} groups"
    names = " and ".join(escape(each.group, 60) for each in left)
    return f"{licenses.kept:,} kept for {names}"


def reserve_line(reserve: Reserve) -> str:
    """Return what is kept for a group, and how much of it is in use; plain text."""
    if reserve.group_id is None:
        return f"{reserve.kept:,} for {reserve.group}: there is no such group now, none is kept"
    state = f"{min(reserve.used, reserve.kept):,} in use, {reserve.left:,} kept back"
    return f"{reserve.kept:,} for {reserve.group}: {state}"


def over_line(licenses: LicenseSummary, new: int) -> str:
    """Return by how many the people whom a cycle would invite exceed what is free, or ""."""
    expected = licenses.invited + licenses.waiting
    over = expected + new - licenses.free - licenses.kept_for_expected
    if not new or over <= 0:
        return ""
    those = f"with the {expected:,} who are invited or wait already, " if expected else ""
    return f"⚠️ This cycle invites {people(new)}: {those}*{over:,} more than the free licenses*."


def reading(kind: str | None, note: str) -> str:
    """Return what a cycle read, where that is worth telling; plain text."""
    if kind == "delta":
        return "Only what changed since the cycle before was read."
    return f"Everything was read, not only what changed: {lowered(note)}" if note else ""


def unproven(proof: Proof | None) -> str:
    """Return which proof failed and what that means, or an empty string; plain text."""
    if proof is None or proof.proven:
        return ""
    reason = proof.failed[0][1].strip().rstrip(".")
    more = len(proof.failed) - 1
    also = f" ({more} more {'reason' if more == 1 else 'reasons'} in the details)" if more else ""
    return f"Nobody was removed, because the list may be incomplete: {lowered(reason)}.{also}"


def lowered(sentence: str) -> str:
    """Return a sentence to stand after a colon."""
    first = sentence[:2]
    return sentence if first.isupper() else sentence[:1].lower() + sentence[1:]


def no_next(configuration: Configuration | None) -> str:
    """Return why nothing starts by itself; None is a configuration that is deleted."""
    if configuration is None:
        return "never: the configuration is deleted"
    if not configuration.enabled:
        return "when it is enabled"
    if configuration.stopped_reason is not None:
        return "after a new sign-in"
    return "by hand"


def at(moment: datetime | None, otherwise: str) -> str:
    """Return a moment for mrkdwn, or what to say if there is none."""
    return otherwise if moment is None else when(moment)


def stamp(moment: datetime | None) -> str:
    """Return a moment for plain text, in UTC."""
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def packed(lines: Sequence[str], most: int = 2800) -> list[str]:
    """Return lines joined into as few texts as fit a section each."""
    packs: list[str] = []
    for line in lines:
        if packs and len(packs[-1]) + len(line) < most:
            packs[-1] += f"\n{line}"
        else:
            packs.append(line)
    return packs
