"""Small builders of Block Kit, and the simpler forms of a message for the fall-back ladder.

Texts of our own are mrkdwn and already escaped where they quote; directory data goes through
`plain` and table cells, where nothing is live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.slack.limits import LIMITS, action_ids, clip, escape, tidy, weight

Block = dict[str, object]
SMALLEST_TABLE, SMALLEST_TEXT = 4, 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message: `text` for notifications and for the last rung of the ladder, and its blocks."""

    text: str
    blocks: tuple[Block, ...] = ()

    def payload(self) -> dict[str, object]:
        """Return the fields of a posting call, with nothing unfurled."""
        fields: dict[str, object] = {
            "text": self.text,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        return fields | {"blocks": [*self.blocks]} if self.blocks else fields


def message(text: str, *blocks: Block) -> Message:
    """Return a message whose action ids are told apart and whose text fits every method."""
    shown = distinct(fitted(blocks))
    return Message(text=_said(text, LIMITS["message.text.update"]), blocks=shown)


def modal(
    title: str,
    blocks: Iterable[Block],
    *,
    callback_id: str,
    submit: str | None = None,
    metadata: str = "",
    close: str = "Close",
) -> Block:
    """Return a modal; what does not fit is left out at the end."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, LIMITS["view.title"]),
        "close": plain(close, LIMITS["view.close"]),
        "blocks": [*distinct(tuple(blocks)[: LIMITS["view.blocks"]])],
        "private_metadata": metadata,
    }
    return view | {"submit": plain(submit, LIMITS["view.submit"])} if submit else view


def home(blocks: Iterable[Block], *, callback_id: str) -> Block:
    """Return a Home tab."""
    shown = distinct(tuple(blocks)[: LIMITS["view.blocks"]])
    return {"type": "home", "callback_id": callback_id, "blocks": [*shown]}


def fitted(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks with the heaviest cut in half until Slack takes them all together."""
    kept = list(blocks)[: LIMITS["message.blocks"]]
    while weight(kept) > LIMITS["message.characters"]:
        heaviest = max(range(len(kept)), key=lambda index: weight(kept[index : index + 1]))
        smaller = _halved(kept[heaviest])
        kept[heaviest : heaviest + 1] = [] if smaller is None else [smaller]
    return tuple(kept)


def _halved(block: Block) -> Block | None:
    rows, text = block.get("rows"), block.get("text")
    if isinstance(rows, list) and len(rows) > SMALLEST_TABLE:
        return {**block, "rows": rows[: len(rows) // 2]}
    if isinstance(text, dict) and len(text["text"]) > SMALLEST_TEXT:
        return {**block, "text": {**text, "text": clip(text["text"], len(text["text"]) // 2)}}
    return None


def distinct(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks with ``#n`` after the second and later uses of an action id."""
    seen: dict[str, int] = {}
    ids = list(action_ids(list(blocks)))
    if len(set(ids)) == len(ids):
        return tuple(blocks)
    return tuple(_numbered(block, seen) for block in blocks)  # type: ignore[misc]


def _numbered(value: object, seen: dict[str, int]) -> object:
    if isinstance(value, (list, tuple)):
        return [_numbered(item, seen) for item in value]
    if not isinstance(value, Mapping):
        return value
    copy = {name: _numbered(item, seen) for name, item in value.items()}
    name = copy.get("action_id")
    if isinstance(name, str):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            copy["action_id"] = f"{name}#{seen[name]}"
    return copy


def plain(text: str, most: int) -> Block:
    """Return a plain_text object, in which neither markup nor emoji names are live."""
    return {"type": "plain_text", "text": tidy(text, most), "emoji": False}


def mrkdwn(text: str, most: int = 3000) -> Block:
    """Return a mrkdwn object of a text whose quotes are escaped; bare links stay bare."""
    return {"type": "mrkdwn", "text": _said(text, most), "verbatim": True}


def _said(text: str, most: int) -> str:
    """Return a text that is not too long, and that says something where it was blank."""
    shown = clip(text, most)
    return shown if shown.strip() else "-"


def header(text: str) -> Block:
    """Return a header."""
    return {"type": "header", "text": plain(text, LIMITS["header.text"])}


def section(text: str, *, accessory: Block | None = None) -> Block:
    """Return a paragraph of mrkdwn."""
    block: Block = {"type": "section", "text": mrkdwn(text, LIMITS["section.text"])}
    return block | {"accessory": accessory} if accessory else block


def paragraph(text: str) -> Block:
    """Return a paragraph of plain text, for what others wrote."""
    return {"type": "section", "text": plain(text, LIMITS["section.text"])}


def context(*texts: str) -> Block:
    """Return small print; empty texts are left out, but not all of them may be empty."""
    shown = [text for text in texts if text][: LIMITS["context.elements"]]
    return {"type": "context", "elements": [mrkdwn(text) for text in shown]}


def divider() -> Block:
    """Return a line."""
    return {"type": "divider"}


def alert(text: str, level: str) -> Block:
    """Return a coloured note, for modals only."""
    return {"type": "alert", "level": level, "text": plain(text, LIMITS["alert.text"])}


def actions(*elements: Block | None) -> Block:
    """Return a row of buttons; None is left out."""
    shown = [element for element in elements if element is not None]
    return {"type": "actions", "elements": shown[: LIMITS["actions.elements"]]}


def button(
    label: str, act: str, value: str = "", *, style: str = "", confirm: Block | None = None
) -> Block:
    """Return a button. `style` is primary, danger or empty."""
    made: Block = {
        "type": "button",
        "action_id": act,
        "text": plain(label, LIMITS["button.text"]),
    }
    if value:
        made["value"] = value
    if style:
        made["style"] = style
    return made | {"confirm": confirm} if confirm else made


def confirm(title: str, text: str, *, yes: str, no: str = "Keep as it is", danger: bool) -> Block:
    """Return Slack's own question before a button acts."""
    asked: Block = {
        "title": plain(title, LIMITS["confirm.title"]),
        "text": plain(text, LIMITS["confirm.text"]),
        "confirm": plain(yes, LIMITS["confirm.button"]),
        "deny": plain(no, LIMITS["confirm.button"]),
    }
    return asked | {"style": "danger"} if danger else asked


def select(placeholder: str, act: str, options: Iterable[tuple[str, str]]) -> Block:
    """Return a menu of (label, value); options whose value does not fit are left out."""
    fitting = [
        {"text": plain(label, LIMITS["option.text"]), "value": value}
        for label, value in options
        if 1 <= len(value) <= LIMITS["option.value"]
    ]
    return {
        "type": "static_select",
        "action_id": act,
        "placeholder": plain(placeholder, LIMITS["placeholder"]),
        "options": fitting[: LIMITS["options"]],
    }


def overflow(act: str, options: Iterable[tuple[str, str]]) -> Block:
    """Return a menu behind three dots of (label, value); Slack shows five at most."""
    fitting = [
        {"text": plain(label, LIMITS["option.text"]), "value": value}
        for label, value in options
        if 1 <= len(value) <= LIMITS["option.value"]
    ]
    return {
        "type": "overflow",
        "action_id": act,
        "options": fitting[: LIMITS["overflow.options"]],
    }


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()
) -> Block:
    """Return a table of raw text, cut to Slack's rows; `right` names columns of numbers."""
    listed = [head, *rows][: LIMITS["table.rows"]]
    return {
        "type": "table",
        "column_settings": [
            {"align": "right" if index in right else "left", "is_wrapped": index not in right}
            for index in range(len(head))
        ],
        "rows": [[{"type": "raw_text", "text": tidy(cell, 300)} for cell in row] for row in listed],
    }


def task(name: str, title: str, status: str, detail: str) -> Block:
    """Return one step of a plan with one line of detail."""
    said = {"type": "text", "text": tidy(detail, 300)}
    inner = {"type": "rich_text_section", "elements": [said]}
    return {
        "type": "task_card",
        "task_id": name,
        "title": title,
        "status": status,
        "details": {"type": "rich_text", "elements": [inner]},
    }


def plan(title: str, tasks: Sequence[Block]) -> Block:
    """Return the steps of a run, for messages only."""
    return {"type": "plan", "title": tidy(title, 150), "tasks": [*tasks]}


def when(moment: datetime) -> str:
    """Return a moment that Slack shows in the reader's own time zone."""
    fallback = f"{moment:%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


_MARKS = {"complete": "✔", "in_progress": "▸", "error": "✖", "pending": "·"}


def classic(full: Message) -> Message:
    """Return the message in blocks that every Slack client has known for years."""
    shown = [simple for block in full.blocks for simple in _classic(block)]
    return Message(text=full.text, blocks=tuple(shown[: LIMITS["message.blocks"]]))


def text_only(full: Message) -> Message:
    """Return the message as nothing but its text."""
    return Message(text=full.text)


def _classic(block: Block) -> list[Block]:
    if block["type"] == "plan":
        return [section(f"*{escape(str(block['title']))}*"), context(*_task_lines(block["tasks"]))]
    if block["type"] == "table":
        lines = [" · ".join(cell["text"] for cell in row) for row in _rows(block["rows"])]
        return [{"type": "section", "text": _lines(lines)}]
    return [block]


def _lines(lines: Sequence[str]) -> Block:
    text = clip("\n".join(lines), LIMITS["section.text"])
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def _rows(rows: object) -> list[list[dict[str, str]]]:
    return rows if isinstance(rows, list) else []


def _task_lines(tasks: object) -> list[str]:
    lines = []
    for each in tasks if isinstance(tasks, list) else []:
        detail = each["details"]["elements"][0]["elements"][0]["text"]
        lines.append(f"{_MARKS[each['status']]} {escape(each['title'])}: {escape(detail)}")
    return lines
