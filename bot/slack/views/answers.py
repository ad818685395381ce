"""Short answers: notes, errors with what to do, help."""

from __future__ import annotations

from bot.grammar import Command, help_lines, parse, spec_of
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    header,
    message,
    modal,
    section,
)
from bot.slack.ids import Act, ViewId
from bot.slack.limits import escape
from bot.slack.views import words
from bot.verbs import SLASH, VERBS, Topic
from core.errors import DirsyncError, UsageError
from core.model.account import Role
from core.model.cycle import Cycle


def note(text: str) -> Message:
    """Return one paragraph of our own mrkdwn."""
    return message(text, section(text))


def problem(error: DirsyncError) -> Message:
    """Return what happened and what to do, with a button where a click would do it."""
    hint = f"\n{_marked(error.hint)}" if error.hint else ""
    text = f"{_marked(error.message)}{hint}"
    blocks = [section(text)]
    if isinstance(error, UsageError) and _harmless(error.suggestion):
        label = f"Run {error.suggestion}"
        blocks.append(actions(button(label, Act.RUN, error.suggestion), _help()))
    elif isinstance(error, UsageError):
        blocks.append(actions(_help()))
    return message(text, *blocks)


def _marked(text: str) -> str:
    """Escape a text of ours, in which only `code` between backticks is live."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    shown = [
        f"`{_code(part)}`" if index % 2 and part.strip() else _kept(part)
        for index, part in enumerate(parts)
    ]
    return "".join(shown)


def _code(part: str) -> str:
    return part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _kept(part: str) -> str:
    if not part.strip():
        return part
    lead = " " if part[0].isspace() else ""
    return f"{lead}{escape(part)}{' ' if part[-1].isspace() else ''}"


def _harmless(suggestion: str) -> bool:
    if not suggestion:
        return False
    command = parse(suggestion)
    return spec_of(command.verb).reads and "change" not in command.arguments


def _help() -> dict[str, object]:
    return button("Help", Act.RUN, "help")


def broken(incident: str) -> Message:
    """Return the answer to an error of ours that nobody foresaw."""
    return note(
        f"Something went wrong on our side. Nothing else is known yet; the log of dirsync has it "
        f"under `{incident}`."
    )


def unavailable() -> Message:
    """Return the answer to a button or form that means nothing any more."""
    return note("That does nothing any more. `/dirsync` shows where things stand.")


def one_moment() -> Block:
    """Return what a modal shows while the work is done."""
    return modal("dirsync", [section("⏳ One moment …")], callback_id=ViewId.NOTE)


def open_again(command: str) -> Message:
    """Return the answer when a form could not be opened in Slack's three seconds."""
    text = "Slack gives us three seconds to open a form, and it took longer."
    return message(text, section(text), actions(button("Open it", Act.RUN, command)))


def of_view(view: Block) -> Message:
    """Return what a modal says as a message, for a modal that was closed meanwhile."""
    blocks = [block for block in _blocks_of(view) if block.get("type") not in ("input", "alert")]
    texts = [_text_of(block) for block in _blocks_of(view)]
    return message(next((text for text in texts if text), "Done."), *blocks)


def _blocks_of(view: Block) -> list[Block]:
    blocks = view.get("blocks")
    return blocks if isinstance(blocks, list) else []


def _text_of(block: Block) -> str:
    text = block.get("text")
    return str(text["text"]) if isinstance(text, dict) else ""


def refused() -> Message:
    """Return the answer to guests, bots and people of other workspaces."""
    return note("dirsync is for full members of this workspace. Ask one of them to look for you.")


def started(cycle: Cycle) -> Message:
    """Return the answer to whoever started a cycle."""
    name = escape(cycle.configuration_name)
    return note(f"▶️ Started syncing *{name}*, cycle `{cycle.id}`.{_card(cycle)}")


def already_running(cycle_id: str, link: str | None) -> Message:
    """Return the answer to a second start: where the first one can be watched."""
    where = f" <{link}|Watch its card.>" if link else f" `/dirsync show {cycle_id}` tells more."
    return note(f"It is running already, as cycle `{cycle_id}`.{where}")


def _card(cycle: Cycle) -> str:
    return f" Its card is in <#{cycle.channel}>." if cycle.channel else ""


def cancelling(cycle: Cycle) -> Message:
    """Return the answer to whoever cancelled a cycle."""
    name = escape(cycle.configuration_name)
    said = "was stopped before it began" if cycle.result else "stops within a few seconds"
    return note(f"⏹ Cycle `{cycle.id}` of *{name}* {said}. What is done stays done.")


def previewing(cycle: Cycle) -> Message:
    """Return the answer to whoever asked for a preview."""
    name = escape(cycle.configuration_name)
    return note(f"🔎 Working out what a sync of *{name}* would do. Nothing will be changed.")


def sent(name: str) -> Message:
    """Return where a file went."""
    return note(f"📄 I have sent you `{_code(name)}` in a direct message.")


def no_files(cycle_id: str) -> Message:
    """Return the way to a file where the app may not send any."""
    return note(
        "This app may not send files (the scope `files:write` is missing). Here is the short "
        f"form; `dirsync show {_code(cycle_id)} --json` on the host prints all of it."
    )


def test_sent(channel: str | None) -> Message:
    """Return the answer to a test of the alerts."""
    where = f"<#{channel}>" if channel else "the default channel"
    return note(f"🧪 A test message is on its way to {where}.")


_TIPS = (
    "`/dirsync help users` shows all that a command takes.",
    "A unique beginning is enough: `/dirsync hist`.",
)


def help_page(topic: str | None, role: Role) -> Message:
    """Return the commands that the role may use, or how to use one of them."""
    if topic is not None and topic != "":
        return _help_on(topic)
    topics = {
        topic: [f"`{_code(usage)}`  {_marked(summary)}" for usage, summary in lines]
        for topic, lines in help_lines(role).items()
        if lines
    }
    hidden = len(VERBS) - sum(map(len, topics.values()))
    less = f"{hidden} more need another role than yours." if hidden else ""
    tips: tuple[str, ...] = _TIPS
    if role is Role.NONE:
        status = f"`{SLASH}`  how the syncs are going, without names"
        topics = {Topic.CYCLES: [status], **topics}
        less = "Whoever runs dirsync here can give you a role that may do more."
        tips = ()
    return message(
        "What dirsync can do.",
        header("What dirsync can do"),
        *[
            section(pack)
            for topic, lines in topics.items()
            for pack in words.packed([f"*{topic}*", *lines])
        ],
        context(*tips, less),
    )


def _help_on(topic: str) -> Message:
    spec = spec_of(topic)
    examples = "\n".join(f"`{_code(f'{SLASH} {each}')}`" for each in spec.examples)
    who = "Anyone" if spec.role is Role.NONE else f"{spec.role.value.capitalize()}s and above"
    also = f"Also: {', '.join(spec.aliases)}" if spec.aliases else ""
    usage = f"{SLASH} {spec.usage}".rstrip()
    text = f"*`{_code(usage)}`*\n{_marked(spec.summary)}"
    run = [actions(button("Run it", Act.RUN, spec.name))] if _runnable(topic) else []
    return message(
        f"How to use {topic}.",
        section(text),
        section(f"For example\n{examples}"),
        context(f"{who} may use it.", also),
        *run,
    )


def _runnable(verb: str) -> bool:
    spec = spec_of(verb)
    needs = any(argument.required for argument in spec.arguments)
    return spec.reads and not needs and Command(verb=verb).verb != "help"
