"""Applications that may ask the login API, for admins' own eyes."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks import Message, context, message, section, table
from bot.slack.limits import escape, tidy
from bot.slack.views import words
from core.model.application import Application

MOST_ROWS = 50
HEAD = ("Application", "Made by", "Made", "Last used", "Revoked")


def apps(found: Sequence[Application]) -> Message:
    """Return the list with how to change it."""
    how = context(
        "To make a token: `/dirsync apps create portal`; `/dirsync apps revoke portal` ends it."
    )
    valid = sum(each.revoked_at is None for each in found)
    if not found:
        text = "No application may ask the login API yet."
        return message(text, section(text), how)
    text = f"{words.several(valid, 'application')} may ask the login API."
    rows = [
        (
            each.name,
            each.created_by,
            words.stamp(each.created_at),
            words.stamp(each.last_used_at),
            words.stamp(each.revoked_at),
        )
        for each in found[:MOST_ROWS]
    ]
    more = len(found) - len(rows)
    left = [context(f"{more:,} more are not shown: `dirsync apps` on the host has all.")]
    return message(text, section(text), table(HEAD, rows), *(left if more else []), how)


def created(application: Application, token: str) -> Message:
    """Return the one message that ever shows a token."""
    return message(
        f"The token of {tidy(application.name)} is here, once.",
        section(f"🔑 *{escape(application.name)}* may ask the login API with this token:"),
        section(f"`{token}`"),
        context("Copy it now: nothing can show it again. Only you see this message."),
    )


def revoked(name: str) -> Message:
    """Return that a token is no longer valid."""
    text = f"🚫 The token of *{escape(name)}* is no longer valid."
    return message(text, section(text))
