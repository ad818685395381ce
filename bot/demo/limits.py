"""What Slack's documentation forbids of messages and views, written independently of the app."""

from collections.abc import Iterator, Mapping
from itertools import islice

from bot.demo import block_rules, laws
from bot.demo.refusals import RefusedError
from bot.demo.rules import Anything, Bool, Items, Kinds, Obj, Problem, Rule, Str

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_TEXT = 40_000
UPDATE_TEXT = 4_000
ALL_BLOCKS = 13_200
"""Characters of all texts of a message's blocks together, as Slack counts them."""
BLOCK_COST = 125
"""What an empty block counts towards `ALL_BLOCKS`, as measured in slackapi/bolt-js issue 2509."""
SHOWN = 20


def check_text(text: object, *, most: int = MESSAGE_TEXT) -> None:
    """Refuse a message's text that is not a string (invalid_arguments) or too long."""
    if text is not None and not isinstance(text, str):
        raise RefusedError("invalid_arguments", messages=["[ERROR] must provide a string"])
    if isinstance(text, str) and len(text) > most:
        raise RefusedError("msg_too_long")


def check_blocks(blocks: object) -> None:
    """Refuse a message's blocks: invalid_blocks with pointers, or msg_blocks_too_long."""
    listed = Items(of=block_rules.blocks(block_rules.MESSAGE), least=0, most=MESSAGE_BLOCKS)
    _refuse("invalid_blocks", listed.problems(blocks, "/blocks"))
    if isinstance(blocks, list):
        _refuse("invalid_blocks", laws.block_ids_differ(blocks, "/blocks"))
        _refuse("invalid_blocks", _one_table(blocks))
        if blocks and weight(blocks) > ALL_BLOCKS:
            raise RefusedError("msg_blocks_too_long")


def check_view(view: object, *, kind: str) -> None:
    """Refuse a view for a modal or for the Home tab: invalid_arguments with pointers."""
    _refuse("invalid_arguments", _view_problems(view, kind))


def weight(blocks: list[object]) -> int:
    """Return what a message's blocks count towards `ALL_BLOCKS`."""
    return BLOCK_COST * (len(blocks) - 1) + sum(map(len, _texts(blocks)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and name in {"text", "title"}:
                yield item
            elif not isinstance(item, str):
                yield from _texts(item)


def _refuse(code: str, problems: Iterator[Problem]) -> None:
    found = list(islice(problems, SHOWN))
    if found:
        bare = [str(problem).removeprefix("[ERROR] ") for problem in found]
        messages = [str(problem) for problem in found]
        raise RefusedError(code, messages=messages, fields={"errors": bare})


def _one_table(blocks: list[object]) -> Iterator[Problem]:
    tables = [block for block in blocks if isinstance(block, dict) and block["type"] == "table"]
    if len(tables) > 1:
        yield Problem(message="only_one_table_allowed", at="/blocks")


def _view_problems(view: object, kind: str) -> Iterator[Problem]:
    found = [*_VIEWS[kind].problems(view, "/view")]
    yield from found
    if not found and isinstance(view, dict):
        yield from laws.block_ids_differ(view["blocks"], "/view/blocks")


def _view_rule(kind: str) -> Kinds:
    common: dict[str, Rule] = {
        "private_metadata": Str(least=0, most=3000),
        "callback_id": Str(least=0, most=255),
        "external_id": Str(least=0, most=255),
    }
    modal: dict[str, Rule] = {
        "close": block_rules.plain(24),
        "submit": block_rules.plain(24),
        "clear_on_close": Bool(),
        "notify_on_close": Bool(),
        "submit_disabled": Bool(),
    }
    blocks = Items(of=block_rules.blocks(kind), least=0, most=VIEW_BLOCKS)
    required: dict[str, Rule] = {"type": Anything(), "blocks": blocks}
    if kind == block_rules.HOME:
        return Kinds(
            table={"home": Obj(required=required, optional=common, laws=(laws.one_focus,))}
        )
    rule = Obj(
        required={**required, "title": block_rules.plain(24)},
        optional={**common, **modal},
        laws=(laws.inputs_need_submit, laws.one_focus),
    )
    return Kinds(table={"modal": rule})


_VIEWS: Mapping[str, Kinds] = {
    kind: _view_rule(kind) for kind in (block_rules.MODAL, block_rules.HOME)
}
