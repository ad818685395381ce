"""The audit, for admins' own eyes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.slack.blocks import Message, actions, button, context, message, section, table
from bot.slack.ids import Act
from bot.slack.limits import escape
from bot.slack.views import words
from bot.slack.views.history import pager, shown_of
from core.model.audit import AuditPage, AuditRecord, AuditVerdict

Values = Mapping[str, object]
HEAD = ("No.", "When", "Who", "Door", "What", "On what", "Changes", "Why")
MOST_FAULTS = 20
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):[\d.]+\+00:00")


def audit(page: AuditPage, *, command: str) -> Message:
    """Return a page of the audit; `command` is what listed it, for Prev, Next and the CSV."""
    if not page.entries:
        text = "Nothing was done yet." if page.offset == 0 else "There is nothing further back."
        return message(text, section(text), *pager(page.offset, page.limit, page.total, command))
    first, last = page.offset + 1, page.offset + len(page.entries)
    return message(
        f"Audit, entries {first} to {last} of {page.total:,}.",
        table(HEAD, [_row(each, page.names) for each in page.entries], right=(0,)),
        context(shown_of(first, last, page.total), "newest first"),
        *pager(page.offset, page.limit, page.total, command),
        actions(
            button("Download CSV", Act.AUDIT_CSV, command),
            button("Verify", Act.RUN, "audit verify"),
        ),
    )


def _row(record: AuditRecord, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        str(record.seq),
        words.stamp(record.at),
        names.get(record.actor) or record.actor,
        record.door,
        deed(record.action, allowed=record.allowed),
        record.subject,
        changes(record.before, record.after, record.detail),
        record.reason,
    )


def deed(action: str, *, allowed: bool) -> str:
    """Return what was done, or what somebody was refused."""
    return action if allowed else f"refused: {action}"


def changes(before: Values, after: Values, detail: Values) -> str:
    """Return what was changed from what to what, and the further facts, in one line."""
    keys = [*before, *(key for key in after if key not in before)]
    was = (f"{_of(before, key)} → " if before else "" for key in keys)
    said = [f"{key}: {old}{_of(after, key)}" for key, old in zip(keys, was, strict=True)]
    return "; ".join([*said, *_facts(detail)])


def _facts(detail: Values) -> list[str]:
    return [
        words.people(len(value))
        if key == "people" and isinstance(value, list)
        else f"{key} {_value(value)}"
        for key, value in detail.items()
        if value not in (False, None, "")
    ]


def _of(values: Values, key: str) -> str:
    return _value(values[key]) if key in values else "nothing"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    moment = _MOMENT.fullmatch(str(value))
    return f"{moment[1]} {moment[2]} UTC" if moment else str(value)


def verdict(found: AuditVerdict) -> Message:
    """Return what verifying the chain found."""
    number = words.several(found.entries, "entry", "entries")
    if found.whole:
        text = f"✅ The audit is whole: {number}, none changed, missing, put in or moved."
        head = f"To be noted elsewhere, its head: `{found.head}`" if found.head else ""
        return message(text, section("\n".join(line for line in (text, head) if line)))
    text = f"❌ The audit is not whole. It should have {number}."
    shown = [f"• {escape(each.sentence)}" for each in found.faults[:MOST_FAULTS]]
    more = len(found.faults) - len(shown)
    return message(
        text,
        section(text),
        section("\n".join(shown)),
        *(
            [context(f"{more:,} more: `dirsync audit verify` on the host lists all.")]
            if more
            else []
        ),
    )


def no_files() -> Message:
    """Return the way to the file where the app may not send any."""
    text = (
        "This app may not send files (the scope `files:write` is missing). "
        "`dirsync audit --csv FILE` on the host writes it."
    )
    return message(text, section(text))
