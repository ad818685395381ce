"""What Slack accepts: every limit in one table, the validator, escaping and cutting to size.

Source: docs.slack.dev/reference (block-kit, methods, surfaces). Slack's SDK lets empty texts,
duplicate action ids and too many blocks pass, so every outgoing payload is validated here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from core.errors import TerminalRemoteError

Json = Mapping[str, object]

LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "ack.seconds": 3,
        "trigger.seconds": 3,
        "response_url.uses": 5,
        "response_url.seconds": 30 * 60,
        "message.text": 40_000,
        "message.text.update": 4_000,
        "message.blocks": 50,
        "message.characters": 13_200,
        "message.tables": 1,
        "view.blocks": 100,
        "view.title": 24,
        "view.submit": 24,
        "view.close": 24,
        "view.private_metadata": 3000,
        "view.callback_id": 255,
        "view.stack": 3,
        "block_id": 255,
        "action_id": 255,
        "section.text": 3000,
        "section.fields": 10,
        "section.field": 2000,
        "header.text": 150,
        "context.elements": 10,
        "context.text": 3000,
        "actions.elements": 25,
        "input.label": 2000,
        "input.hint": 2000,
        "button.text": 75,
        "button.value": 2000,
        "placeholder": 150,
        "option.text": 75,
        "option.value": 150,
        "options": 100,
        "overflow.options": 5,
        "confirm.title": 100,
        "confirm.text": 300,
        "confirm.button": 30,
        "table.rows": 100,
        "table.columns": 20,
        "plan.tasks": 50,
        "alert.text": 200,
        "command.name": 32,
        "command.description": 2000,
        "command.usage_hint": 1000,
    }
)
"""Each limit in characters, elements or seconds, by what it limits."""

BLOCK_COST = 125
"""What a block counts towards ``message.characters`` beside its texts."""

SURFACES = MappingProxyType(
    {
        "plan": {"message"},
        "task_card": {"message"},
        "alert": {"modal"},
        "table": {"message", "home"},
    }
)
TASK_STATUS = frozenset({"pending", "in_progress", "complete", "error"})
ALERT_LEVELS = frozenset({"default", "info", "warning", "error", "success"})


class PayloadError(TerminalRemoteError):
    """A payload that Slack would refuse; the message says where and why, without its texts."""

    default_code = "invalid_blocks"


def validate_message(payload: Json, *, update: bool = False) -> None:
    """Raise `PayloadError` unless `payload` (text, blocks) may be posted, or edited in."""
    text, blocks = payload.get("text"), payload.get("blocks") or []
    most = LIMITS["message.text.update" if update else "message.text"]
    problems: list[str] = []
    if not isinstance(text, str) or not text.strip():
        problems.append("text is empty")
    elif len(text) > most:
        problems.append(f"text is longer than {most}")
    problems += _blocks(blocks, surface="message")
    _raise(problems)


def validate_view(view: Json) -> None:
    """Raise `PayloadError` unless `view` may be opened as a modal or published as Home."""
    surface = str(view.get("type"))
    problems = [] if surface in {"modal", "home"} else ["type is neither modal nor home"]
    for name in ("title", "submit", "close"):
        if view.get(name) is not None or (name == "title" and surface == "modal"):
            problems += _text(view.get(name), LIMITS[f"view.{name}"], name, plain=True)
    for name in ("private_metadata", "callback_id"):
        if len(str(view.get(name) or "")) > LIMITS[f"view.{name}"]:
            problems.append(f"{name} is too long")
    problems += _blocks(view.get("blocks") or [], surface=surface)
    kinds = [block.get("type") for block in _objects(view.get("blocks"))]
    if surface == "modal" and "input" in kinds and not view.get("submit"):
        problems.append("an input needs a submit button")
    _raise(problems)


def weight(blocks: Sequence[Json]) -> int:
    """Return what blocks count towards ``message.characters``."""
    return BLOCK_COST * len(blocks) + sum(len(text) for text in _texts(list(blocks)))


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise PayloadError(f"Slack would refuse this message: {'; '.join(problems[:5])}.")


def _objects(value: object) -> list[Json]:
    listed = value if isinstance(value, (list, tuple)) else []
    return [item for item in listed if isinstance(item, Mapping)]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, str):
                if name in {"text", "title"}:
                    yield item
            else:
                yield from _texts(item)


def _blocks(value: object, *, surface: str) -> Iterator[str]:
    blocks = _objects(value)
    if not isinstance(value, (list, tuple)) or len(blocks) != len(value):
        yield "blocks is not a list of objects"
    kind = "message" if surface == "message" else "view"
    if len(blocks) > LIMITS[f"{kind}.blocks"]:
        yield f"more than {LIMITS[f'{kind}.blocks']} blocks"
    if surface == "message" and weight(blocks) > LIMITS["message.characters"]:
        yield f"the blocks together are longer than {LIMITS['message.characters']}"
    if sum(block.get("type") == "table" for block in blocks) > LIMITS["message.tables"]:
        yield "more than one table"
    yield from _repeated([block.get("block_id") for block in blocks], "block_id")
    yield from _repeated(list(action_ids(blocks)), "action_id")
    for index, block in enumerate(blocks):
        for problem in _block(block, surface):
            yield f"blocks/{index}: {problem}"


def _repeated(values: Sequence[object], name: str) -> Iterator[str]:
    present = [value for value in values if value is not None]
    if len(set(present)) != len(present):
        yield f"a {name} comes twice"
    if any(not value or len(str(value)) > LIMITS[name] for value in present):
        yield f"a {name} is empty or too long"


def action_ids(value: object) -> Iterator[str]:
    """Yield every ``action_id`` below `value`, in order."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from action_ids(item)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name == "action_id":
                yield str(item)
            else:
                yield from action_ids(item)


def _text(value: object, most: int, where: str, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(value, Mapping) or value.get("type") not in {"plain_text", "mrkdwn"}:
        yield f"{where} is no text object"
        return
    if plain and value["type"] != "plain_text":
        yield f"{where} must be plain text"
    text = value.get("text")
    if not isinstance(text, str) or not text.strip():
        yield f"{where} is empty"
    elif len(text) > most:
        yield f"{where} is longer than {most}"


def _count(value: object, most: int, where: str) -> Iterator[str]:
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= most:
        yield f"{where} must be 1 to {most}"


def _block(block: Json, surface: str) -> Iterator[str]:
    kind = str(block.get("type"))
    if kind not in _RULES or surface not in SURFACES.get(kind, {surface}):
        yield f"{kind} does not belong here"
    else:
        yield from _RULES[kind](block)


def _divider(_block: Json) -> Iterator[str]:
    yield from ()


def _header(block: Json) -> Iterator[str]:
    yield from _text(block.get("text"), LIMITS["header.text"], "text", plain=True)


def _alert(block: Json) -> Iterator[str]:
    yield from _text(block.get("text"), LIMITS["alert.text"], "text")
    if block.get("level", "default") not in ALERT_LEVELS:
        yield "unknown level"


def _context(block: Json) -> Iterator[str]:
    yield from _count(block.get("elements"), LIMITS["context.elements"], "elements")
    for element in _objects(block.get("elements")):
        yield from _text(element, LIMITS["context.text"], "element")


def _actions(block: Json) -> Iterator[str]:
    yield from _count(block.get("elements"), LIMITS["actions.elements"], "elements")
    for element in _objects(block.get("elements")):
        yield from _element(element)


def _input(block: Json) -> Iterator[str]:
    yield from _text(block.get("label"), LIMITS["input.label"], "label", plain=True)
    if block.get("hint") is not None:
        yield from _text(block["hint"], LIMITS["input.hint"], "hint", plain=True)


def _section(block: Json) -> Iterator[str]:
    if block.get("text") is None and not block.get("fields"):
        yield "a section says nothing"
    if block.get("text") is not None:
        yield from _text(block["text"], LIMITS["section.text"], "text")
    if "fields" in block:
        yield from _count(block["fields"], LIMITS["section.fields"], "fields")
        for item in _objects(block["fields"]):
            yield from _text(item, LIMITS["section.field"], "field")
    accessory = block.get("accessory")
    if isinstance(accessory, Mapping):
        yield from _element(accessory)


def _element(element: Json) -> Iterator[str]:
    if element.get("type") == "button":
        yield from _text(element.get("text"), LIMITS["button.text"], "button", plain=True)
        if len(str(element.get("value", ""))) > LIMITS["button.value"]:
            yield "value is too long"
    if element.get("type") in {"static_select", "overflow"}:
        most = LIMITS["overflow.options" if element["type"] == "overflow" else "options"]
        yield from _count(element.get("options"), most, "options")
        for option in _objects(element.get("options")):
            yield from _text(option.get("text"), LIMITS["option.text"], "option", plain=True)
            if not 1 <= len(str(option.get("value", ""))) <= LIMITS["option.value"]:
                yield "an option's value is empty or too long"
    if "placeholder" in element:
        yield from _text(element["placeholder"], LIMITS["placeholder"], "placeholder", plain=True)
    confirm = element.get("confirm")
    if isinstance(confirm, Mapping):
        yield from _text(confirm.get("title"), LIMITS["confirm.title"], "title", plain=True)
        yield from _text(confirm.get("text"), LIMITS["confirm.text"], "confirm text")
        for name in ("confirm", "deny"):
            yield from _text(confirm.get(name), LIMITS["confirm.button"], name, plain=True)


def _table(block: Json) -> Iterator[str]:
    rows = block.get("rows")
    yield from _count(rows, LIMITS["table.rows"], "rows")
    widths = set()
    for row in rows if isinstance(rows, (list, tuple)) else ():
        yield from _count(row, LIMITS["table.columns"], "columns")
        widths.add(len(row))
        if any(not cell.get("text") for cell in _objects(row) if cell.get("type") == "raw_text"):
            yield "a cell is empty"
    if len(widths) > 1:
        yield "rows of different length"


def _plan(block: Json) -> Iterator[str]:
    if not str(block.get("title") or "").strip():
        yield "title is empty"
    yield from _count(block.get("tasks"), LIMITS["plan.tasks"], "tasks")
    for task in _objects(block.get("tasks")):
        if not str(task.get("title") or "").strip() or not task.get("task_id"):
            yield "a task has no title or id"
        if task.get("status") not in TASK_STATUS:
            yield "unknown task status"


_RULES: Mapping[str, Callable[[Json], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "table": _table,
    "plan": _plan,
    "alert": _alert,
}


_UNSEEN = frozenset("\u00ad\u061c\ufeff") | {
    chr(c) for c in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))
}
_KEPT = frozenset("\u200d")
_ACTIVE = re.compile(
    r"(?<![^\W_])[*_~]|[*_~](?![^\W_])|`|&gt;|:(?=//|[\w+'-]+:)|@(?=here|channel|everyone)"
)
_TOKEN = re.compile(r"&(?:amp|lt|gt);|<[^<>]*>|.", re.DOTALL)
_GUARD = "\u2060"


def tidy(text: str, most: int = 0, *, empty: str = "-") -> str:
    """Return directory data as one line that shows what it is: for plain_text and raw_text.

    Controls, line breaks, direction marks and lone surrogates are gone; never empty.
    """
    kept = "".join(_visible(c) for c in text if c not in _UNSEEN or c in _KEPT)
    line = " ".join(kept.split()).strip(_GUARD + "\u200d")
    return clip(line, most) if most and line else line or empty


def _visible(c: str) -> str:
    category = unicodedata.category(c)
    if category == "Cs":
        return "\ufffd"
    return " " if category in {"Cc", "Zl", "Zp"} else c


def escape(text: str, most: int = 0) -> str:
    """Return directory data so that nothing of it is live in mrkdwn: no mention, link, markup.

    An invisible word joiner beside each character that would be markup where it stands keeps it
    from being that; within a word (``cost_center``, an address) nothing is added.
    """
    line = tidy(text, most)
    entities = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTIVE.sub(rf"{_GUARD}\g<0>{_GUARD}", entities)


def clip(text: str, most: int) -> str:
    """Cut text to `most` characters, ending in an ellipsis; a character stays whole.

    Neither an entity (``&amp;``, ``<@U1>``) nor a letter with its accents is cut in the middle.
    """
    if len(text) <= most:
        return text
    kept, length = [], 0
    for token in _TOKEN.findall(text):
        if length + len(token) > most - 1:
            break
        kept.append(token)
        length += len(token)
    rest = text[length : length + 1]
    while kept and (unicodedata.combining(rest or "a") or kept[-1] == "\u200d" or rest == "\u200d"):
        rest = kept.pop()
    return "".join(kept).rstrip() + "…"
