"""The rules of Block Kit that join several properties, named after what they demand."""

from collections.abc import Iterator

from bot.demo.rules import Law, Object, Problem, Problems

__all__ = [
    "Law",
    "action_ids_differ",
    "block_ids_differ",
    "initial_known",
    "inputs_need_submit",
    "lengths",
    "one_focus",
    "one_picture",
    "options",
    "section_says_something",
    "values",
]


def _dicts(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def section_says_something(block: Object, at: str) -> Problems:
    """A section has text or fields."""
    if "text" not in block and "fields" not in block:
        yield Problem(message="missing required field: text", at=at)


def one_picture(element: Object, at: str) -> Problems:
    """An image comes from a URL or from a Slack file, one of both."""
    if ("image_url" in element) == ("slack_file" in element):
        yield Problem(message="must provide one of: image_url, slack_file", at=at)


def options(element: Object, at: str) -> Problems:
    """A static menu has options or option groups, one of both."""
    if ("options" in element) == ("option_groups" in element):
        yield Problem(message="must provide one of: options, option_groups", at=at)


def _offered(element: Object) -> list[object]:
    found: list[object] = [*_dicts(element.get("options"))]
    for group in _dicts(element.get("option_groups")):
        found.extend(_dicts(group.get("options")))
    return found


def initial_known(element: Object, at: str) -> Problems:
    """What is chosen at first is exactly one of what is offered."""
    offered = _offered(element)
    if "initial_option" in element and element["initial_option"] not in offered:
        yield Problem(message="initial option must be one of the options", at=at)
    for chosen in _dicts(element.get("initial_options")):
        if chosen not in offered:
            yield Problem(message="initial options must be among the options", at=at)


def lengths(element: Object, at: str) -> Problems:
    """The least length of an input is not above its greatest."""
    least, most = element.get("min_length"), element.get("max_length")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Problem(message="min_length must not be greater than max_length", at=at)


def values(element: Object, at: str) -> Problems:
    """The least value of a number input is not above its greatest."""
    least, most = element.get("min_value"), element.get("max_value")
    if isinstance(least, str) and isinstance(most, str) and float(least) > float(most):
        yield Problem(message="min_value must not be greater than max_value", at=at)


def _twice(ids: Iterator[tuple[str, str]], name: str) -> Problems:
    seen: set[str] = set()
    for value, at in ids:
        if value in seen:
            yield Problem(message=f"`{name}` {value} already exists", at=at)
        seen.add(value)


def action_ids_differ(block: Object, at: str) -> Problems:
    """No two elements of one block have the same action_id."""
    listed = enumerate(_dicts(block["elements"]))
    ids = ((item.get("action_id"), f"{at}/elements/{index}/action_id") for index, item in listed)
    yield from _twice(
        ((value, where) for value, where in ids if isinstance(value, str)), "action_id"
    )


def block_ids_differ(blocks: list[object], at: str) -> Problems:
    """No two blocks of one message or view have the same block_id."""
    listed = enumerate(_dicts(blocks))
    ids = ((block.get("block_id"), f"{at}/{index}/block_id") for index, block in listed)
    yield from _twice(
        ((value, where) for value, where in ids if isinstance(value, str)), "block_id"
    )


def inputs_need_submit(view: Object, at: str) -> Problems:
    """A modal that has an input has a submit button."""
    has_input = any(block.get("type") == "input" for block in _dicts(view.get("blocks")))
    if has_input and "submit" not in view:
        yield Problem(message="missing required field: submit", at=at)


def one_focus(view: Object, at: str) -> Problems:
    """At most one element of a view takes the focus when it loads."""
    found = 0
    for block in _dicts(view.get("blocks")):
        parts = [block.get("element"), block.get("accessory"), *_dicts(block.get("elements"))]
        found += sum(isinstance(part, dict) and part.get("focus_on_load") is True for part in parts)
    if found > 1:
        yield Problem(message="focus_on_load can only be set on one element", at=at)
