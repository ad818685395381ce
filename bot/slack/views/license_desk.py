"""The license desk: a bar, the outlook, and who could give a license up."""

from __future__ import annotations

from bot.slack.blocks import Block, Message, actions, button, context, message, section, table
from bot.slack.ids import Act
from bot.slack.limits import escape
from bot.slack.views import words
from bot.slack.views.asking import answer_of
from bot.slack.views.trend import sparkline
from core.model.account import LicenseSummary, Role
from core.model.desk import Forecast, LicenseDesk, Outlook, Unused

CELLS = 20
ADDED = 10
"""Licenses that a button adds where nobody lacks one."""
IDLE_DAYS = 30
MOST_ROWS = 90
HEAD = ("Who", "E-mail", "Since", "Why", "Answer")
_WHY = {
    Unused.NO_LOGIN: "holds a license, no login",
    Unused.NOT_ACCEPTED: "invited, has not come",
}


def bar(used: int, total: int) -> str:
    """Return how full the pool is: a bar of 20 cells and the percentage."""
    if total <= 0:
        return f"{'░' * CELLS} no licenses"
    share = min(1.0, used / total)
    filled = round(share * CELLS)
    filled = min(max(filled, 1 if used else 0), CELLS if used >= total else CELLS - 1)
    return f"{'█' * filled}{'░' * (CELLS - filled)} {used * 100 // total} %"


def outlook(forecast: Forecast) -> str:
    """Return when the licenses run out and what that is based on; plain text."""
    if forecast.outlook is Outlook.EXHAUSTED:
        return "No license is free."
    if forecast.outlook is Outlook.TOO_EARLY:
        return "When they run out can be said once their use is known for 7 days."
    rate = round(forecast.per_day, 1) + 0.0
    basis = f"{rate:+,.1f} a day over the last {words.several(forecast.over, 'day')}"
    if forecast.outlook is Outlook.LASTS or forecast.day is None:
        return f"They do not run out at the present rate ({basis})."
    return f"They run out about {forecast.day:%d %B %Y} at the present rate ({basis})."


def unused_line(desk: LicenseDesk) -> str:
    """Return how many make no use of what they have, or an empty string; plain text."""
    days = words.several(desk.idle_days, "day")
    parts = []
    if desk.no_login:
        holds = "holds" if desk.no_login == 1 else "hold"
        parts.append(f"{desk.no_login:,} {holds} a license without a login for {days}")
    if desk.not_accepted:
        was = "was" if desk.not_accepted == 1 else "were"
        parts.append(f"{desk.not_accepted:,} {was} invited over {days} ago and did not come")
    return f"{'; '.join(parts)}." if parts else ""


def license_desk(desk: LicenseDesk, *, role: Role) -> Message:
    """Return the card; admins are told how to change the total."""
    pool = desk.summary
    lines = [f"`{bar(pool.used, pool.total)}`", words.license_line(pool), outlook(desk.forecast)]
    line = sparkline(desk.days, desk.as_of)
    lines += [f"`{line}` in use over the last 90 days, as far as known"] if line else []
    lines += [f"🔒 {escape(words.reserve_line(each), 200)}" for each in pool.reserves]
    if pool.shortfall:
        lines.append(
            f"Invited and waiting together are {pool.shortfall:,} more than there is room for. "
            "Who activates first gets in; the others get in as soon as licenses are free."
        )
    unused = unused_line(desk)
    lines += [unused] if unused else []
    more = [] if desk.logins_known else [_NO_LOGINS]
    more += [_CHANGE] if role is Role.ADMIN else []
    return message(
        f"{pool.used:,} of {pool.total:,} licenses used.",
        section("\n".join(lines)),
        *_buttons(desk),
        *([context(*more)] if more else []),
    )


_CHANGE = (
    "To change the total: `/dirsync licenses set 120`, to keep some back for a group: "
    "`/dirsync licenses keep 10 --group NAME`"
)
_NO_LOGINS = "No application tells of logins yet, so nobody is called unused: `/dirsync apps`"


def _buttons(desk: LicenseDesk) -> list[dict[str, object]]:
    shown = []
    if sparkline(desk.days, desk.as_of):
        shown.append(button("Trend", Act.RUN, "licenses --trend"))
    if desk.summary.waiting:
        shown.append(button("Who waits", Act.RUN, "users --status=waiting"))
    if desk.unused:
        command = f"licenses --unused={desk.idle_days}d"
        shown.append(button("Who could give one up", Act.RUN, command))
    return [actions(*shown)] if shown else []


def pool_buttons(pool: LicenseSummary, role: Role) -> list[Block]:
    """Return what somebody of this role can do about the licenses at this moment."""
    buttons = []
    if pool.ready and role.includes(Role.OPERATOR):
        command = f"activate --waiting={pool.ready}"
        give = button(f"Activate next {pool.ready:,}", Act.RUN, command, style="primary")
        buttons.append(give)
    if role.includes(Role.ADMIN):
        more = pool.shortfall or ADDED
        label = f"Add {words.several(more, 'license')}"
        buttons.append(button(label, Act.RUN, f"licenses set {pool.total + more}"))
    if role.includes(Role.VIEWER):
        if pool.waiting:
            buttons.append(button("Who waits", Act.RUN, "users --status=waiting"))
        could = f"licenses --unused={IDLE_DAYS}d"
        buttons.append(button("Who could give one up", Act.RUN, could))
    return buttons


def on_home(desk: LicenseDesk, *, role: Role) -> list[Block]:
    """Return the desk as a part of the Home tab."""
    pool = desk.summary
    lines = [f"`{bar(pool.used, pool.total)}`", words.license_line(pool), outlook(desk.forecast)]
    lines += [f"🔒 {escape(words.reserve_line(each), 200)}" for each in pool.reserves]
    return [section("\n".join(lines)), actions(*pool_buttons(pool, role))]


def unused(desk: LicenseDesk, *, role: Role) -> Message:
    """Return who makes no use of a license or an invitation, longest unused first."""
    line = unused_line(desk)
    if not desk.unused:
        days = words.several(desk.idle_days, "day")
        text = f"Nobody has left a license or an invitation unused for {days}."
        return message(text, section(text), *([] if desk.logins_known else [context(_NO_LOGINS)]))
    rows = [
        (
            each.display_name,
            each.email,
            f"{each.since:%Y-%m-%d}",
            _WHY[each.reason],
            answer_of(each),
        )
        for each in desk.unused[:MOST_ROWS]
    ]
    left = desk.no_login + desk.not_accepted - len(rows)
    more = [f"{left:,} more are not shown."] if left else []
    more.append("`/dirsync free …` takes a license, `/dirsync invite … --resend` invites again.")
    ask = []
    if role is Role.ADMIN and desk.no_login:
        command = f"licenses ask --unused={desk.idle_days}d"
        ask = [actions(button("Ask them first", Act.RUN, command))]
    return message(line, section(line), table(HEAD, rows), *ask, context(*more))
