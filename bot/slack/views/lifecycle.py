"""Before a configuration is disabled or deleted: what that means, in numbers; and what was done."""

from __future__ import annotations

from datetime import datetime

from bot.slack.blocks import Block, Message, alert, message, modal, section, when
from bot.slack.ids import Stamp, ViewId
from bot.slack.limits import escape
from bot.slack.views import fields, words
from core.model.account import UserStatus
from core.model.configuration import Configuration, LeaveBehind
from core.model.views import Consequences

NAME, PEOPLE = "name", "people"


def disable_form(found: Consequences, *, now: datetime) -> Block:
    """Return the question whether to disable, with what stops and what stays."""
    name = escape(found.configuration.name)
    told = [section(f"*{name}* stops at once:"), section(_bullets(*_stops(found, now)))]
    stay = _bullets(
        f"{words.people(found.belongings.provisioned).capitalize()} stay exactly as they are"
        f"{_by_status(found)}. Nobody is removed, and nobody is invited.",
        "Who leaves the company meanwhile *keeps access* until it is enabled again.",
        "`enable` starts it again; nothing has to be set up anew.",
    )
    told += [section("*What does not change*"), section(stay)]
    told.append(fields.reason(optional=True))
    return modal(
        "Disable configuration",
        told,
        callback_id=ViewId.DISABLE,
        submit="Disable",
        close="Keep it running",
        metadata=_stamp(found.configuration),
    )


def delete_form(found: Consequences, *, now: datetime) -> Block:
    """Return the question whether to delete: permanent, in numbers, with the name to type."""
    configuration = found.configuration
    had = found.belongings
    name = escape(configuration.name)
    groups = words.several(had.groups, "group")
    lost = _bullets(
        *_stops(found, now),
        f"Its {words.people(had.provisioned)}{_by_status(found)} are managed by nothing any more.",
        f"Its {groups} and who is in them are removed.",
        "Scope, mapping, schedule and sign-in are gone: it would have to be created from scratch.",
        "The history of its cycles and the audit are kept.",
    )
    return modal(
        "Delete configuration",
        [
            alert("This is permanent. It cannot be undone.", "error"),
            section(f"*{name}* will be deleted:"),
            section(lost),
            fields.one_of(
                PEOPLE,
                f"What becomes of the {had.provisioned:,} people?",
                [
                    ("They stay", LeaveBehind.STAY.value, "As they are, with their licenses"),
                    (
                        "They are disabled",
                        LeaveBehind.DISABLE.value,
                        f"{had.people.get(UserStatus.ACTIVE, 0):,} active people lose access now",
                    ),
                ],
                chosen=LeaveBehind.STAY.value,
            ),
            fields.written(NAME, f"Type “{configuration.name}” to confirm", most=100),
            fields.reason(),
        ],
        callback_id=ViewId.DELETE,
        submit="Delete for good",
        close="Keep it",
        metadata=_stamp(configuration),
    )


def working(title: str) -> Block:
    """Return what a modal shows while the work is done."""
    return modal(title, [section("⏳ One moment …")], callback_id=ViewId.NOTE)


def disabled(configuration: Configuration) -> Block:
    """Return what was done, in place of the question."""
    name = escape(configuration.name)
    text = (
        f"⏸ *{name}* is disabled. Nothing of it runs any more, and its people stay as they are.\n"
        "`/dirsync enable` starts it again."
    )
    return modal("Disable configuration", [section(text)], callback_id=ViewId.NOTE)


def deleted(had: Consequences, people: LeaveBehind) -> Block:
    """Return what was done, in place of the question."""
    name, number = escape(had.configuration.name), words.people(had.belongings.provisioned)
    done = "stay as they are" if people is LeaveBehind.STAY else "were disabled"
    text = f"🗑 *{name}* is deleted. Its {number} {done}. The history and the audit are kept."
    return modal("Delete configuration", [section(text)], callback_id=ViewId.NOTE)


def enabled(found: Consequences) -> Message:
    """Return the answer to whoever enabled a configuration, with when it starts."""
    name = escape(found.configuration.name)
    start = f"It starts {when(found.next_slot)}." if found.next_slot else "It is started by hand."
    text = f"▶️ *{name}* is enabled. {start} `/dirsync sync` starts it now."
    return message(text, section(text))


def _stops(found: Consequences, now: datetime) -> list[str]:
    status = found.status
    lines = ["No cycle starts any more, neither by hand nor by itself"]
    if found.next_slot is not None:
        lines[0] += f"; the next would have started {when(found.next_slot)}."
    else:
        lines[0] += "."
    if status.open_cycle is not None:
        lines.append(f"The cycle that runs now, `{status.open_cycle.id}`, ends as cancelled.")
    if status.held is not None:
        held = words.several(status.held.size, "held removal")
        lines.append(f"{held} can be decided no more.")
    if status.last is not None and status.last.finished_at is not None:
        ago = words.ago((now - status.last.finished_at).total_seconds())
        lines.append(f"Last synced {ago}: {words.state(status.last)[1]}.")
    return lines


def _by_status(found: Consequences) -> str:
    shown = [
        f"{number:,} {words.STATUSES[status]}"
        for status in UserStatus
        if (number := found.belongings.people.get(status, 0))
        and status not in (UserStatus.DISABLED, UserStatus.DELETED)
    ]
    return f" ({', '.join(shown)})" if shown else ""


def _bullets(*lines: str) -> str:
    return "\n".join(f"• {line}" for line in lines)


def _stamp(configuration: Configuration) -> str:
    return Stamp(id=configuration.name, revision=str(configuration.revision)).pack()
