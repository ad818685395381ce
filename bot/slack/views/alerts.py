"""Alerts, resolved in place, and the one public line about what somebody changed."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    message,
    section,
    when,
)
from bot.slack.ids import Act, Stamp
from bot.slack.limits import escape, tidy
from bot.slack.views import words
from bot.slack.views.license_desk import pool_buttons
from core.model.account import LicenseSummary, Role
from core.model.events import AlertKind
from core.model.views import AlertView

ICONS = {
    AlertKind.SYNC_FAILED: "❌",
    AlertKind.SIGN_IN_NEEDED: "🔑",
    AlertKind.RECOVERED: "✅",
    AlertKind.CYCLE_RESUMED: "🔁",
    AlertKind.GIVEN_UP: "⏸",
    AlertKind.LICENSES: "🎫",
    AlertKind.MAIL: "✉️",
    AlertKind.TEST: "🧪",
}
GOOD_NEWS = frozenset({AlertKind.RECOVERED, AlertKind.CYCLE_RESUMED, AlertKind.TEST})


def alert_card(view: AlertView) -> Message:
    """Return an alert as it stands now."""
    name = view.configuration.name if view.configuration else ""
    title = f"{name}: {view.title}" if name else view.title
    if view.resolved and view.kind not in GOOD_NEWS:
        return message(
            f"✅ {tidy(title)}: over.",
            header(f"✅ {title}: over"),
            section("This is resolved. Nothing is left to do."),
        )
    label = "" if view.kind in GOOD_NEWS else "*What to do:* "
    hint = f"\n{label}{escape(view.hint)}" if view.hint else ""
    body = f"{escape(view.text)}{hint}" if view.text else (hint.strip() or escape(view.title))
    blocks = [header(f"{ICONS[view.kind]} {title}"), section(body)]
    if view.kind is AlertKind.LICENSES and view.licenses is not None:
        return _license_card(view, view.licenses)
    if view.kind not in GOOD_NEWS:
        blocks += [actions(*_ways_on(view.kind, name), *_handling(view)), *_handled(view)]
    return message(f"{ICONS[view.kind]} {tidy(title)}. {tidy(view.text)}", *blocks)


def _ways_on(kind: AlertKind, name: str) -> list[Block]:
    """Return the buttons that lead to the cause."""
    if kind is AlertKind.MAIL:
        return [button("Status", Act.RUN, "status")]
    history = button("History", Act.RUN, f"history {name}" if name else "history")
    if kind is AlertKind.SIGN_IN_NEEDED and name:
        return [button("Sign in again", Act.SIGN_IN, name, style="primary"), history]
    return [history]


def _handling(view: AlertView) -> list[Block]:
    """Return the buttons to say that one has seen it, and to keep its kind quiet."""
    about = view.configuration.id if view.configuration else ""
    stamp = Stamp(id=view.key, revision=f"{view.kind.value}:{about}").pack()
    ask = confirm(
        "Mute it for 24 hours?",
        "Until then no new card of this kind is posted here. The status and the Home tab still "
        "tell everything.",
        yes="Mute",
        no="Not now",
        danger=False,
    )
    quiet = button("Mute 24 h", Act.MUTE, stamp, confirm=ask)
    loud = button("Unmute", Act.UNMUTE, stamp)
    seen = [] if view.seen else [button("I see to it", Act.SEEN, stamp)]
    return [*seen, loud if view.muted else quiet]


def _handled(view: AlertView) -> list[Block]:
    seen = f"👀 {words.who(view.seen.by)} sees to it" if view.seen else ""
    muted = ""
    if view.muted and view.muted.until:
        muted = f"🔕 muted until {when(view.muted.until)} by {words.who(view.muted.by)}"
    return [context(seen, muted)] if seen or muted else []


def _license_card(view: AlertView, licenses: LicenseSummary) -> Message:
    """Return the living card of an episode in which licenses are short; it names nobody.

    It has everybody's buttons: who may press which is looked up at the click.
    """
    line = words.license_line(licenses)
    ready = licenses.ready
    lines = [line]
    if licenses.waiting and not ready:
        lines.append(
            f"{words.people(licenses.waiting).capitalize()} accepted and "
            f"{'waits' if licenses.waiting == 1 else 'wait'} for a license. Each was told that it "
            "is not their fault and whom to ask."
        )
    elif ready:
        lines.append(f"{words.several(ready, 'license')} can go to whoever waits longest.")
    offered = [*pool_buttons(licenses, Role.ADMIN), button("Licenses", Act.RUN, "licenses")]
    return message(
        f"🎫 {tidy(view.title)}. {tidy(line)}",
        header(f"🎫 {view.title}"),
        section("\n".join(lines)),
        actions(*offered, *_handling(view)),
        *_handled(view),
    )


def resolved_line(view: AlertView) -> Message:
    """Return the line for the thread of an alert that is over."""
    text = f"✅ {escape(view.title)}: over."
    return message(text, section(text))


def record_line(payload: Mapping[str, object]) -> Message:
    """Return the public line about something that somebody changed."""
    actor = words.who(str(payload.get("actor", "")), str(payload.get("actor_name", "")))
    text = f"📝 {actor} {escape(str(payload.get('text', 'changed something')))}."
    return message(text, section(text))
