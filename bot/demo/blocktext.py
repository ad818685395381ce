"""Block Kit as plain text: for transcripts, and for finding a message by what it says."""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

Node = Mapping[str, object]
Names = Mapping[str, str]

STATUS = {"pending": "·", "in_progress": "…", "complete": "✓", "error": "✗"}
_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


def message_text(message: Node, names: Names) -> str:
    """Return what a message shows: its blocks, or its text where it has none; then its files."""
    blocks = _nodes(message.get("blocks"))
    shown = blocks_text(blocks, names) if blocks else mrkdwn(str(message.get("text", "")), names)
    files = [f"[file {file.get('name')}]" for file in _nodes(message.get("files"))]
    return "\n".join([shown, *files]) if shown else "\n".join(files)


def view_text(view: Node, names: Names) -> str:
    """Return what a modal or the Home tab shows."""
    title = f"┌ {_text(view.get('title'), names)}" if view.get("title") else "┌ Home"
    buttons = [f"[{_text(view[name], names)}]" for name in ("close", "submit") if view.get(name)]
    body = blocks_text(_nodes(view.get("blocks")), names)
    return "\n".join([title, body, *([" ".join(buttons)] if buttons else [])])


def blocks_text(blocks: Sequence[Node], names: Names) -> str:
    """Return blocks as lines of text."""
    lines: list[str] = []
    for block in blocks:
        write = _WRITERS.get(str(block.get("type")), _unknown)
        lines.extend(write(block, names))
    return "\n".join(lines)


def mrkdwn(text: str, names: Names) -> str:
    """Return Slack's markup with links, mentions and entities spelt out."""

    def spelt(match: re.Match[str]) -> str:
        target, label = match.group(1), match.group(2)
        if target.startswith(("@", "#")):
            sign = target[0]
            return sign + names.get(target[1:], label or target[1:])
        if target.startswith("!"):
            word, _, group = target[1:].partition("^")
            return label or "@" + names.get(group, word)
        return f"{label} ({target})" if label else target

    return html.unescape(_LINK.sub(spelt, text))


def label(element: Node) -> str:
    """Return what an interactive element is called on the screen."""
    text = element.get("text") or element.get("placeholder")
    return str(text.get("text")) if isinstance(text, dict) else str(element.get("action_id", ""))


def _nodes(value: object) -> list[Node]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object, names: Names) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    text = str(value.get("text", ""))
    return mrkdwn(text, names) if value.get("type") == "mrkdwn" else text


def _element(element: Node) -> str:
    kind = str(element.get("type"))
    if kind == "button":
        return f"[{label(element)}]"
    if kind == "overflow":
        return "[⋯ " + " | ".join(label(option) for option in _nodes(element["options"])) + "]"
    if kind == "image":
        return f"({element.get('alt_text')})"
    return f"[{label(element)} ▾]"


def _header(block: Node, names: Names) -> Iterator[str]:
    yield f"# {_text(block.get('text'), names)}"


def _section(block: Node, names: Names) -> Iterator[str]:
    if block.get("text"):
        yield _text(block["text"], names)
    for field in _nodes(block.get("fields")):
        yield "  " + _text(field, names).replace("\n", " ")
    if isinstance(block.get("accessory"), dict):
        yield _element(block["accessory"])  # type: ignore[arg-type]


def _context(block: Node, names: Names) -> Iterator[str]:
    parts = _nodes(block.get("elements"))
    yield "  " + " · ".join(
        _element(part) if part["type"] == "image" else _text(part, names) for part in parts
    )


def _actions(block: Node, names: Names) -> Iterator[str]:  # noqa: ARG001 - writers share a shape
    yield " ".join(_element(element) for element in _nodes(block.get("elements")))


def _divider(block: Node, names: Names) -> Iterator[str]:  # noqa: ARG001 - likewise
    yield "─" * 20


def _image(block: Node, names: Names) -> Iterator[str]:  # noqa: ARG001 - likewise
    yield f"({block.get('alt_text')})"


def _input(block: Node, names: Names) -> Iterator[str]:
    optional = " (optional)" if block.get("optional") else ""
    yield f"{_text(block.get('label'), names)}{optional}: ____"
    if block.get("hint"):
        yield "  " + _text(block["hint"], names)


def _markdown(block: Node, names: Names) -> Iterator[str]:  # noqa: ARG001 - likewise
    yield str(block.get("text", ""))


def _alert(block: Node, names: Names) -> Iterator[str]:
    yield f"! {block.get('level', 'default')}: {_text(block.get('text'), names)}"


def _rich(block: Node, names: Names) -> Iterator[str]:
    for part in _nodes(block.get("elements")):
        if part.get("type") == "rich_text_list":
            for item in _nodes(part.get("elements")):
                yield "• " + _run(item, names)
        else:
            yield _run(part, names)


def _run(part: Node, names: Names) -> str:
    return "".join(_inline(item, names) for item in _nodes(part.get("elements")))


def _inline(item: Node, names: Names) -> str:
    match item.get("type"):
        case "user":
            return "@" + names.get(str(item.get("user_id")), str(item.get("user_id")))
        case "channel":
            return "#" + names.get(str(item.get("channel_id")), str(item.get("channel_id")))
        case "emoji":
            return f":{item.get('name')}:"
        case "date":
            return str(item.get("fallback", item.get("timestamp")))
        case "link":
            return str(item.get("text") or item.get("url"))
        case _:
            return str(item.get("text", ""))


def _table(block: Node, names: Names) -> Iterator[str]:
    listed = block.get("rows")
    rows = (
        [[_cell(cell, names) for cell in row] for row in listed] if isinstance(listed, list) else []
    )
    wide = max((len(row) for row in rows), default=0)
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(wide)]
    for row in rows:
        yield " | ".join(cell.ljust(widths[at]) for at, cell in enumerate(row)).rstrip()


def _cell(cell: Node, names: Names) -> str:
    return str(cell["text"]) if cell["type"] == "raw_text" else " ".join(_rich(cell, names))


def _plan(block: Node, names: Names) -> Iterator[str]:
    yield f"▸ {block.get('title')}"
    for task in _nodes(block.get("tasks")):
        yield from _task(task, names)


def _task(task: Node, names: Names) -> Iterator[str]:
    parts = [part for name in ("details", "output") for part in _said(task.get(name), names)]
    said = f": {' '.join(parts)}" if parts else ""
    yield f"  {STATUS.get(str(task.get('status')), '·')} {task.get('title')}{said}"


def _said(rich: object, names: Names) -> Iterator[str]:
    if isinstance(rich, dict):
        yield from _rich(rich, names)


def _unknown(block: Node, names: Names) -> Iterator[str]:  # noqa: ARG001 - likewise
    yield f"({block.get('type')})"


_WRITERS: Mapping[str, Callable[[Node, Names], Iterator[str]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "alert": _alert,
    "rich_text": _rich,
    "table": _table,
    "plan": _plan,
    "task_card": _task,
}


def confirm_text(element: Node, *, accepted: bool) -> str:
    """Return what a confirmation asked and which of its buttons was chosen."""
    confirm = element["confirm"]
    if not isinstance(confirm, dict):
        return ""
    chosen = _text(confirm["confirm" if accepted else "deny"], {})
    return f"{_text(confirm['title'], {})} {_text(confirm['text'], {})} [{chosen}]"
