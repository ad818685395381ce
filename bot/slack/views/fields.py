"""What people enter in modals: the inputs, and reading them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.slack.blocks import Block, plain
from bot.slack.limits import LIMITS

REASON = "reason"
"""The block of `reason`."""
_LONGEST_REASON = 300
ENTERED = "entered"
"""The action id of inputs, made distinct by a number; the block id tells them apart."""
Option = tuple[str, str] | tuple[str, str, str]
"""Label and value, and a line of explanation where it needs one."""


def reason(*, optional: bool = False, hint: str = "") -> Block:
    """Return the input for why somebody decides as they do."""
    told = "Shown in the channel and kept in the audit."
    return written(
        REASON, "Why?", hint=f"{told} {hint}".rstrip(), optional=optional, most=_LONGEST_REASON
    )


def written(
    block_id: str,
    label: str,
    *,
    value: str = "",
    example: str = "",
    hint: str = "",
    optional: bool = False,
    lines: bool = False,
    most: int = 1000,
) -> Block:
    """Return an input for text; with `lines`, for several lines of it."""
    element: Block = {"type": "plain_text_input", "action_id": ENTERED, "max_length": most}
    if value:
        element["initial_value"] = value[:most]
    if example:
        element["placeholder"] = plain(example, LIMITS["placeholder"])
    if lines:
        element["multiline"] = True
    return _input(block_id, label, element, hint=hint, optional=optional)


def one_of(
    block_id: str, label: str, options: Sequence[Option], *, chosen: str = "", hint: str = ""
) -> Block:
    """Return radio buttons, of which one is chosen."""
    made = [_option(option) for option in options]
    element: Block = {"type": "radio_buttons", "action_id": ENTERED, "options": made}
    return _input(block_id, label, element | _initial(made, chosen), hint=hint, optional=False)


def menu(
    block_id: str,
    label: str,
    options: Sequence[Option],
    *,
    chosen: str = "",
    hint: str = "",
    optional: bool = False,
) -> Block:
    """Return a menu of which one is chosen."""
    made = [_option(option) for option in options[: LIMITS["options"]]]
    element: Block = {"type": "static_select", "action_id": ENTERED, "options": made}
    return _input(block_id, label, element | _initial(made, chosen), hint=hint, optional=optional)


def channel(block_id: str, label: str, *, chosen: str = "", hint: str = "") -> Block:
    """Return a menu of channels, none of which has to be chosen."""
    element: Block = {"type": "channels_select", "action_id": ENTERED}
    if chosen:
        element["initial_channel"] = chosen
    return _input(block_id, label, element, hint=hint, optional=True)


def _input(block_id: str, label: str, element: Block, *, hint: str, optional: bool) -> Block:
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, LIMITS["input.label"]),
        "element": element,
        "optional": optional,
    }
    return block | {"hint": plain(hint, LIMITS["input.hint"])} if hint else block


def _option(option: Option) -> Block:
    made: Block = {"text": plain(option[0], LIMITS["option.text"]), "value": option[1]}
    if len(option) > 2:  # noqa: PLR2004 - label, value, explanation
        made["description"] = plain(option[2], LIMITS["option.text"])
    return made


def _initial(made: Sequence[Block], chosen: str) -> Block:
    found = next((option for option in made if option["value"] == chosen), None)
    return {"initial_option": found} if found else {}


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered into a modal; whatever is missing or of another type is empty."""

    values: Mapping[str, object]

    def text(self, block_id: str) -> str:
        """Return a text without the blanks round it."""
        value = self._of(block_id).get("value")
        return value.strip() if isinstance(value, str) else ""

    def choice(self, block_id: str) -> str:
        """Return the value of the option that was chosen."""
        chosen = self._of(block_id).get("selected_option")
        value = chosen.get("value") if isinstance(chosen, Mapping) else None
        return value if isinstance(value, str) else ""

    def channel(self, block_id: str) -> str:
        """Return the id of the channel that was chosen."""
        value = self._of(block_id).get("selected_channel")
        return value if isinstance(value, str) else ""

    def _of(self, block_id: str) -> Mapping[str, object]:
        block = self.values.get(block_id)
        first = next(iter(block.values()), None) if isinstance(block, Mapping) else None
        return first if isinstance(first, Mapping) else {}
