"""People and licenses, for viewers' own eyes."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    message,
    paragraph,
    section,
    table,
)
from bot.slack.ids import Act, Stamp
from bot.slack.limits import escape, tidy
from bot.slack.views import invitation_words, words
from bot.slack.views.history import pager, shown_of
from core.model.account import (
    LicenseSummary,
    Manager,
    PersonOutcome,
    PersonResult,
    Role,
    User,
    UserStatus,
)
from core.model.cycle import Change, PersonProblem
from core.model.inviting import InvitationStanding
from core.model.views import PeoplePage, PersonView

MOST_ROWS = 90
HEAD = ("Name", "E-mail", "State", "License")


def users(page: PeoplePage, *, command: str, pool: LicenseSummary | None = None) -> Message:
    """Return a page of people; `command` is what listed them.

    Those who wait are listed with the `pool` of licenses that they wait for.
    """
    if not page.users:
        text = _nobody(page)
        return message(text, section(text), *pager(page.offset, page.limit, page.total, command))
    first, last = page.offset + 1, page.offset + len(page.users)
    counts = [
        f"{page.counts[each]:,} {words.STATUSES[each]}"
        for each in UserStatus
        if page.counts.get(each)
    ]
    return message(
        f"People {first} to {last} of {page.total:,}.",
        *([section(words.license_line(pool))] if pool else []),
        table(HEAD, [_row(user, undelivered=user.id in page.undelivered) for user in page.users]),
        context(shown_of(first, last, page.total), f"everybody: {' · '.join(counts)}"),
        *pager(page.offset, page.limit, page.total, command),
    )


def _nobody(page: PeoplePage) -> str:
    if page.offset:
        return "There is nobody further on."
    return "Nobody matches." if any(page.counts.values()) else "Nobody is in the account yet."


def _row(user: User, *, undelivered: bool) -> tuple[str, ...]:
    name = user.display_name or user.user_name
    state = words.STATUSES[user.status]
    if undelivered:
        state += f", {words.NOT_DELIVERED}"
    return name, user.email, state, "yes" if user.licensed else "no"


def person(view: PersonView, *, role: Role, because: str = "") -> Message:
    """Return one person: state, what is wrong, what was done, and what the role may do about it.

    `because` says what was done just now, or why nothing was.
    """
    user = view.user
    name = user.display_name or user.user_name
    offered = _offered(user, role)
    return message(
        f"{tidy(name, 100)}: {words.STATUSES[user.status]}. {tidy(because, empty='')}".rstrip(),
        header(name),
        *([section(escape(because))] if because else []),
        section(_facts(user)),
        *([_invitation(view.invitation)] if view.invitation else []),
        *([actions(*offered)] if offered else []),
        *([paragraph(f"Manager: {_manager(view.manager)}")] if view.manager else []),
        *([paragraph(f"Groups: {', '.join(user.groups)}")] if user.groups else []),
        *[section(_problem(problem)) for problem in view.problems[:5]],
        *_changes(view.changes),
    )


def _manager(manager: Manager) -> str:
    return words.manager(manager.wanted, manager.name, manager.email)


def _facts(user: User) -> str:
    state = f"*{words.STATUSES[user.status].capitalize()}*"
    if user.disabled_by is not None and user.status is UserStatus.DISABLED:
        state += f" by the {'sync' if user.disabled_by.value == 'sync' else 'admins'}"
    lines = [state, escape(user.email or user.user_name, 200)]
    lines.append("holds a license" if user.licensed else "holds no license")
    if user.last_login_at is not None:
        lines.append(f"last login {words.stamp(user.last_login_at)}")
    if user.protected:
        lines.append("protected: never removed by a cycle")
    if user.configuration_id is None:
        lines.append("not provisioned by dirsync, so never changed by it")
    return " · ".join(lines)


def _invitation(found: InvitationStanding) -> Block:
    mark = "⚠️" if found.undelivered else "✉️"
    return paragraph(f"{mark} {invitation_words.standing(found)}")


def _offered(user: User, role: Role) -> list[Block]:
    """Return the buttons that the person's state and the role allow; each click asks again."""
    if user.configuration_id is None or not user.email:
        return []
    stamp = Stamp(id=str(user.id), revision=user.status.value).pack()
    buttons = []
    if role.includes(Role.OPERATOR) and user.status in _WITHOUT_LICENSE:
        buttons.append(button("Activate", Act.ACTIVATE, stamp, style="primary"))
    if role.includes(Role.OPERATOR) and user.status is UserStatus.STAGED:
        buttons.append(button("Invite", Act.INVITE, stamp))
    if role.includes(Role.OPERATOR) and user.status is UserStatus.INVITED:
        again = confirm(
            "Send the invitation again?",
            "The link in the one that was sent before stops working.",
            yes="Send it again",
            no="Not now",
            danger=False,
        )
        buttons.append(button("Resend invitation", Act.INVITE, stamp, confirm=again))
    if role.includes(Role.ADMIN) and user.status is UserStatus.ACTIVE and user.licensed:
        buttons.append(button("Free the license", Act.FREE, stamp, style="danger", confirm=_TAKE))
    return buttons


_WITHOUT_LICENSE = frozenset({UserStatus.STAGED, UserStatus.INVITED, UserStatus.WAITING})
_TAKE = confirm(
    "Free this license?",
    "The person loses access until they activate again, and is sent a new invitation. The license "
    "goes to whoever comes first.",
    yes="Free it",
    danger=True,
)


def free_question(people: Sequence[str], command: str) -> Message:
    """Return the question whether to take people's licenses; `command` is what does it."""
    number = words.several(len(people), "license")
    text = f"Free {number}?"
    effect = "Each person loses access until they activate again, and is sent a new invitation."
    sure = confirm(text, effect, yes=f"Free {number}", danger=True)
    shown = ", ".join(people[:20]) + (" …" if len(people) > 20 else "")  # noqa: PLR2004 - a few lines
    free = button(f"Free {number}", Act.RUN, command, style="danger", confirm=sure)
    return message(text, section(f"*{text}* {effect}"), paragraph(shown), actions(free))


def _problem(problem: PersonProblem) -> str:
    hint = f" _{escape(problem.problem.hint)}_" if problem.problem.hint else ""
    return f"⚠️ {escape(problem.problem.message)}{hint}"


def _changes(changes: Sequence[Change]) -> list[Block]:
    rows = [
        (
            words.stamp(change.at),
            words.ACTIONS[change.action],
            change.reason,
            ", ".join(sorted(change.after))[:150],
            change.cycle_id,
        )
        for change in changes[:20]
    ]
    return [table(("When", "Action", "Because", "Attributes", "Cycle"), rows)] if rows else []


_NO_LICENSE = frozenset({PersonOutcome.WAITING, PersonOutcome.NO_LICENSE})


def results(found: Sequence[PersonResult], *, did: str) -> Message:
    """Return what became of each person of a bulk act; `did` is its verb, such as "activated"."""
    done = sum(each.outcome in words.DID for each in found)
    skipped = len(found) - done
    text = f"{words.people(done) if done else 'Nobody'} {did}"
    text += f", {skipped:,} skipped." if skipped else "."
    if not found:
        text = "Nobody waits for a license."
    rows = [(each.asked, words.outcome(each.outcome, each.place)) for each in found]
    more = len(rows) - MOST_ROWS
    short = any(each.outcome in _NO_LICENSE for each in found)
    return message(
        text,
        section(escape(text)),
        *([table(("Who", "What became of it"), rows[:MOST_ROWS])] if rows else []),
        *([context(f"{more:,} more are not shown.")] if more > 0 else []),
        *([context("`/dirsync licenses` shows how to get free ones.")] if short else []),
    )


def licenses(summary: LicenseSummary, *, role: Role) -> Message:
    """Return the license pool; admins are told how to change it."""
    more = "To change the total: `/dirsync licenses set 120`" if role is Role.ADMIN else ""
    waiting = button("Who waits", Act.RUN, "users --status=waiting")
    lines = [words.license_line(summary), f"{summary.free:,} free."]
    if summary.shortfall:
        lines.append(
            f"Invited and waiting together are {summary.shortfall:,} more than there is room "
            "for. Who activates first gets in; the others get in as soon as licenses are free."
        )
    row = [actions(waiting)] if summary.waiting else []
    blocks = [section("\n".join(lines)), *row, *([context(more)] if more else [])]
    return message(f"{summary.used:,} of {summary.total:,} licenses used.", *blocks)


def licenses_question(summary: LicenseSummary, total: int) -> Message:
    """Return the question whether to set the total, in numbers."""
    then = max(0, summary.invited + summary.waiting - max(0, total - summary.used))
    if total < summary.used:
        effect = f"{summary.used:,} are in use; nobody loses theirs, but nobody new gets in."
    elif then:
        effect = f"{then:,} of those invited or waiting will still have to wait."
    else:
        effect = "Everybody who is invited or waiting can get in."
    ask = confirm("Set the licenses?", effect, yes=f"Set {total:,}", no="Not now", danger=False)
    stamp = Stamp(id=str(total), revision=str(summary.total)).pack()
    text = f"Set the licenses from {summary.total:,} to {total:,}? {effect}"
    set_it = button(f"Set {total:,}", Act.LICENSES, stamp, style="primary", confirm=ask)
    return message(text, section(text), actions(set_it))
