"""Filling in modals: what each kind of element yields for an answer given in plain words."""

from collections.abc import Iterator, Mapping

Node = Mapping[str, object]

_WRITTEN = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
_SIMPLE = {
    "users_select": "user",
    "conversations_select": "conversation",
    "channels_select": "channel",
    "multi_users_select": "users",
    "multi_conversations_select": "conversations",
    "multi_channels_select": "channels",
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "date_time",
}
_MANY = {"multi_static_select", "checkboxes", "multi_external_select"}


def answer(element: Node, wanted: object) -> dict[str, object]:
    """Return the state of an element answered with `wanted`.

    Options are given by text or value (a list of them where several may be chosen). Raises
    LookupError for an option that is not offered.
    """
    kind = str(element["type"])
    if kind in _WRITTEN:
        return {"type": kind, "value": None if wanted is None else str(wanted)}
    if kind in _SIMPLE:
        return {"type": kind, f"selected_{_SIMPLE[kind]}": wanted}
    if kind in _MANY:
        names = wanted if isinstance(wanted, (list, tuple)) else [wanted]
        return {"type": kind, "selected_options": [_option(element, name) for name in names]}
    return {"type": kind, "selected_option": _option(element, wanted)}


def _option(element: Node, wanted: object) -> Node:
    if isinstance(wanted, dict):
        return wanted
    for option in options(element):
        text = option["text"]
        if wanted in {option["value"], text["text"] if isinstance(text, dict) else text}:
            return option
    raise LookupError(f"{wanted} is not among the options")


def options(element: Node) -> Iterator[Node]:
    """Yield every option of a menu, those of groups included."""
    groups = element.get("option_groups")
    for holder in (element, *(groups if isinstance(groups, list) else ())):
        listed = holder.get("options")
        yield from listed if isinstance(listed, list) else ()


def initial_state(view: Node) -> dict[str, dict[str, Node]]:
    """Return `state.values` of a view that nobody has touched yet."""
    state: dict[str, dict[str, Node]] = {}
    for block_id, element in inputs(view):
        first = {"type": element["type"], **dict(_initial(element))}
        state.setdefault(block_id, {})[str(element["action_id"])] = first
    return state


def _initial(element: Node) -> Iterator[tuple[str, object]]:
    for name, value in element.items():
        if name == "initial_value":
            yield "value", value
        elif name.startswith("initial_"):
            yield "selected_" + name.removeprefix("initial_"), value


def inputs(view: Node) -> Iterator[tuple[str, Node]]:
    """Yield the elements of a view's input blocks with their block's id."""
    blocks = view["blocks"]
    for block in blocks if isinstance(blocks, list) else ():
        element = block.get("element")
        if isinstance(element, dict):
            yield str(block["block_id"]), element


def find_input(view: Node, name: str) -> tuple[str, Node] | None:
    """Return the input that has this block_id or action_id."""
    for block_id, element in inputs(view):
        if name in {block_id, element["action_id"]}:
            return block_id, element
    return None
