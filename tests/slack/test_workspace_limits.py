import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo import limits
from bot.demo.refusals import RefusedError
from tests.support.figures import FULL


def plain(text="x", **more):
    return {"type": "plain_text", "text": text, **more}


def mrkdwn(text="x"):
    return {"type": "mrkdwn", "text": text}


def section(**more):
    return {"type": "section", "text": mrkdwn(), **more}


def option(value="v", text="x", **more):
    return {"text": plain(text), "value": value, **more}


def button(**more):
    return {"type": "button", "text": plain(), "action_id": "a", **more}


def menu(kind="static_select", **more):
    base = {"type": kind, "action_id": "a"}
    return {**base, "options": [option()], **more} if "static" in kind else {**base, **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def field(element=None, **more):
    chosen = element or {"type": "plain_text_input", "action_id": "a"}
    return {"type": "input", "label": plain(), "element": chosen, **more}


def rich(text="x", parts=1):
    run = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [run] * parts}


def cell(text="x"):
    return {"type": "raw_text", "text": text}


def table(rows=1, columns=1, text="x", **more):
    return {"type": "table", "rows": [[cell(text)] * columns] * rows, **more}


def task(**more):
    return {"type": "task_card", "task_id": "t", "title": "x", **more}


def plan(tasks=1, **more):
    return {"type": "plan", "title": "x", "tasks": [task()] * tasks, **more}


def confirm(**more):
    return {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain(), **more}


def context(*elements):
    return {"type": "context", "elements": list(elements)}


def header(text="x"):
    return {"type": "header", "text": plain(text)}


def image(**more):
    return {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "x", **more}


def modal(*blocks, **more):
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks), **more}


def without(thing, *names):
    return {name: value for name, value in thing.items() if name not in names}


BOX = {"text": mrkdwn(), "value": "v"}

FORBIDDEN_BLOCKS = {
    "51 blocks": ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "blocks are no array": ({"type": "section"}, "must provide an array [json-pointer:/blocks]"),
    "a block is no object": (["x"], "must provide an object [json-pointer:/blocks/0]"),
    "no type": ([{"text": plain()}], "missing required field: type [json-pointer:/blocks/0]"),
    "unknown block": ([{"type": "marquee"}], "unsupported type: marquee"),
    "type is a number": ([{"type": 7}], "unsupported type: 7"),
    "unknown property": ([section(colour="red")], "invalid additional property: colour"),
    "long block_id": ([section(block_id="b" * 256)], "must be less than 256 characters"),
    "block_id is a number": ([section(block_id=1)], "must provide a string"),
    "two equal block_ids": ([section(block_id="b")] * 2, "`block_id` b already exists"),
    "section of nothing": ([{"type": "section"}], "missing required field: text"),
    "section empty": ([section(text=mrkdwn(""))], "must be more than 0 characters"),
    "section long": ([section(text=mrkdwn("x" * 3001))], "must be less than 3001 characters"),
    "section text is a string": ([section(text="x")], "must provide an object"),
    "text is null": ([section(text=mrkdwn(None))], "must provide a string"),
    "emoji in mrkdwn": (
        [section(text={**mrkdwn(), "emoji": True})],
        "invalid additional property: emoji",
    ),
    "11 fields": ([section(fields=[mrkdwn()] * 11)], "no more than 10 items allowed"),
    "no fields": ([section(fields=[])], "no fewer than 1 items allowed"),
    "long field": ([section(fields=[mrkdwn("x" * 2001)])], "must be less than 2001 characters"),
    "input as accessory": (
        [section(accessory={"type": "plain_text_input", "action_id": "a"})],
        "unsupported type: plain_text_input",
    ),
    "long header": ([header("x" * 151)], "must be less than 151 characters"),
    "empty header": ([header("")], "must be more than 0 characters"),
    "mrkdwn header": (
        [{"type": "header", "text": mrkdwn()}],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    "11 in a context": ([context(*[mrkdwn()] * 11)], "no more than 10 items allowed"),
    "empty context": ([context()], "no fewer than 1 items allowed"),
    "button in a context": ([context(button())], "unsupported type: button"),
    "26 actions": (
        [actions(*(button(action_id=str(n)) for n in range(26)))],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "no actions": ([actions()], "no fewer than 1 items allowed"),
    "two equal action_ids": ([actions(button(), button())], "`action_id` a already exists"),
    "image among actions": ([actions(image())], "unsupported type: image"),
    "button long": ([actions(button(text=plain("x" * 76)))], "must be less than 76 characters"),
    "button empty": ([actions(button(text=plain("")))], "must be more than 0 characters"),
    "button mrkdwn": ([actions(button(text=mrkdwn()))], "unsupported type: mrkdwn"),
    "button without text": ([actions(without(button(), "text"))], "missing required field: text"),
    "button value": ([actions(button(value="v" * 2001))], "must be less than 2001 characters"),
    "button style": ([actions(button(style="default"))], "must be a valid enum value: default"),
    "button url": ([actions(button(url="nowhere"))], "must be a valid url"),
    "long action_id": ([actions(button(action_id="a" * 256))], "must be less than 256 characters"),
    "empty action_id": ([actions(button(action_id=""))], "must be more than 0 characters"),
    "confirm title": (
        [actions(button(confirm=confirm(title=plain("x" * 101))))],
        "must be less than 101 characters",
    ),
    "confirm text": (
        [actions(button(confirm=confirm(text=plain("x" * 301))))],
        "must be less than 301 characters",
    ),
    "confirm button": (
        [actions(button(confirm=confirm(deny=plain("x" * 31))))],
        "must be less than 31 characters",
    ),
    "confirm without deny": (
        [actions(button(confirm=without(confirm(), "deny")))],
        "missing required field: deny",
    ),
    "101 options": ([actions(menu(options=[option()] * 101))], "no more than 100 items allowed"),
    "no options": ([actions(menu(options=[]))], "no fewer than 1 items allowed"),
    "options missing": (
        [actions(without(menu(), "options"))],
        "must provide one of: options, option_groups",
    ),
    "options and groups": (
        [actions(menu(option_groups=[{"label": plain(), "options": [option()]}]))],
        "must provide one of: options, option_groups",
    ),
    "option text": ([actions(menu(options=[option(text="x" * 76)]))], "less than 76 characters"),
    "option value": ([actions(menu(options=[option("v" * 151)]))], "less than 151 characters"),
    "option value empty": ([actions(menu(options=[option("")]))], "more than 0 characters"),
    "option description": (
        [actions(menu(options=[option(description=plain("x" * 76))]))],
        "must be less than 76 characters",
    ),
    "initial option unknown": (
        [actions(menu(initial_option=option("other")))],
        "initial option must be one of the options",
    ),
    "initial options unknown": (
        [section(accessory=menu("multi_static_select", initial_options=[option("w")]))],
        "initial options must be among the options",
    ),
    "placeholder": ([actions(menu(placeholder=plain("x" * 151)))], "less than 151 characters"),
    "6 in an overflow": (
        [actions({"type": "overflow", "action_id": "a", "options": [option()] * 6})],
        "no more than 5 items allowed",
    ),
    "11 radio buttons": (
        [actions({"type": "radio_buttons", "action_id": "a", "options": [BOX] * 11})],
        "no more than 10 items allowed",
    ),
    "no checkboxes": (
        [actions({"type": "checkboxes", "action_id": "a", "options": []})],
        "no fewer than 1 items allowed",
    ),
    "a day that is none": (
        [actions(menu("datepicker", initial_date="1.7.2026"))],
        "must be a valid date",
    ),
    "a time that is none": (
        [actions(menu("timepicker", initial_time="24:00"))],
        "must be a valid time",
    ),
    "none selectable": (
        [section(accessory=menu("multi_users_select", max_selected_items=0))],
        "must be between 1",
    ),
    "image without alt_text": ([without(image(), "alt_text")], "missing required field: alt_text"),
    "image without source": (
        [without(image(), "image_url")],
        "must provide one of: image_url, slack_file",
    ),
    "image alt_text": ([image(alt_text="x" * 2001)], "must be less than 2001 characters"),
    "image url": ([image(image_url="ftp://x.example/a")], "must be a valid url"),
    "rich text of nothing": ([{"type": "rich_text", "elements": []}], "no fewer than 1 items"),
    "rich text empty run": ([rich("")], "must be more than 0 characters"),
    "rich text unknown part": (
        [{"type": "rich_text", "elements": [{"type": "section", "elements": []}]}],
        "unsupported type: section",
    ),
    "101 rows": ([table(rows=101)], "no more than 100 items allowed"),
    "21 columns": ([table(columns=21)], "no more than 20 items allowed"),
    "empty cell": ([table(text="")], "must be more than 0 characters"),
    "mrkdwn cell": ([{"type": "table", "rows": [[mrkdwn()]]}], "unsupported type: mrkdwn"),
    "column alignment": (
        [table(column_settings=[{"align": "middle"}])],
        "must be a valid enum value: middle",
    ),
    "two tables": ([table(), table()], "only_one_table_allowed"),
    "51 tasks": ([plan(51)], "no more than 50 items allowed"),
    "task status": ([plan(tasks=1), task(status="done")], "must be a valid enum value: done"),
    "task details as text": ([task(details="soon")], "must provide an object"),
    "task details of two": ([task(details=rich(parts=2))], "no more than 1 items allowed"),
    "plan without title": ([without(plan(), "title")], "missing required field: title"),
    "plan of sections": ([plan(tasks=0) | {"tasks": [section()]}], "unsupported type: section"),
    "long markdown": ([{"type": "markdown", "text": "x" * 12_001}], "less than 12001 characters"),
    "alert in a message": ([{"type": "alert", "text": mrkdwn()}], "unsupported type: alert"),
    "number input in a message": (
        [field({"type": "number_input", "action_id": "a", "is_decimal_allowed": False})],
        "unsupported type: number_input",
    ),
}

FORBIDDEN_VIEWS = {
    "not an object": ("modal", "must provide an object [json-pointer:/view]"),
    "no title": (without(modal(), "title"), "missing required field: title [json-pointer:/view]"),
    "no blocks": (without(modal(), "blocks"), "missing required field: blocks"),
    "home as modal": ({"type": "home", "blocks": []}, "unsupported type: home"),
    "title": (modal(title=plain("x" * 25)), "must be less than 25 characters"),
    "empty title": (modal(title=plain("")), "must be more than 0 characters"),
    "submit": (modal(submit=plain("x" * 25)), "must be less than 25 characters"),
    "close": (modal(close=plain("x" * 25)), "must be less than 25 characters"),
    "mrkdwn title": (modal(title=mrkdwn()), "unsupported type: mrkdwn"),
    "101 blocks": (modal(*[section()] * 101), "no more than 100 items allowed"),
    "metadata": (modal(private_metadata="x" * 3001), "must be less than 3001 characters"),
    "callback_id": (modal(callback_id="x" * 256), "must be less than 256 characters"),
    "external_id": (modal(external_id="x" * 256), "must be less than 256 characters"),
    "notify is a word": (modal(notify_on_close="yes"), "must provide a boolean"),
    "input, no submit": (without(modal(field()), "submit"), "missing required field: submit"),
    "input without label": (modal(without(field(), "label")), "missing required field: label"),
    "button as input": (modal(field(button())), "unsupported type: button"),
    "long label": (modal(field(label=plain("x" * 2001))), "must be less than 2001 characters"),
    "long hint": (modal(field(hint=plain("x" * 2001))), "must be less than 2001 characters"),
    "lengths crossed": (
        modal(
            field({"type": "plain_text_input", "action_id": "a", "min_length": 9, "max_length": 3})
        ),
        "min_length must not be greater than max_length",
    ),
    "3001 characters allowed": (
        modal(field({"type": "plain_text_input", "action_id": "a", "max_length": 3001})),
        "must be between 1 and 3000",
    ),
    "numbers crossed": (
        modal(
            field(
                {
                    "type": "number_input",
                    "action_id": "a",
                    "is_decimal_allowed": False,
                    "min_value": "9",
                    "max_value": "3",
                }
            )
        ),
        "min_value must not be greater than max_value",
    ),
    "two focuses": (
        modal(*(field({"type": "plain_text_input", "action_id": "a", "focus_on_load": True}),) * 2),
        "focus_on_load can only be set on one element",
    ),
    "two equal block_ids": (modal(*[section(block_id="b")] * 2), "`block_id` b already exists"),
    "table in a modal": (modal(table()), "unsupported type: table"),
    "plan in a modal": (modal(plan()), "unsupported type: plan"),
    "markdown in a modal": (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    "long alert": (modal({"type": "alert", "text": plain("x" * 201)}), "less than 201 characters"),
    "alert level": (
        modal({"type": "alert", "text": plain(), "level": "fatal"}),
        "must be a valid enum value: fatal",
    ),
}

FORBIDDEN_HOMES = {
    "modal as home": (modal(), "unsupported type: modal"),
    "titled": ({"type": "home", "blocks": [], "title": plain()}, "invalid additional property"),
    "plan": ({"type": "home", "blocks": [plan()]}, "unsupported type: plan"),
    "alert": ({"type": "home", "blocks": [{"type": "alert", "text": plain()}]}, "unsupported type"),
}


def refused(check, *args, **more):
    with pytest.raises(RefusedError) as caught:
        check(*args, **more)
    return caught.value


def test_the_lists_are_as_long_as_promised():
    assert len(FORBIDDEN_BLOCKS) + len(FORBIDDEN_VIEWS) + len(FORBIDDEN_HOMES) >= 100


@pytest.mark.parametrize("name", FORBIDDEN_BLOCKS)
def test_a_forbidden_message_is_refused_with_slacks_error_and_pointer(name):
    blocks, said = FORBIDDEN_BLOCKS[name]
    error = refused(limits.check_blocks, blocks)
    assert error.code == "invalid_blocks"
    assert any(said in message for message in error.messages), error.messages
    assert all(message.startswith("[ERROR] ") for message in error.messages)
    assert all("[json-pointer:/blocks" in message for message in error.messages)


@pytest.mark.parametrize("name", FORBIDDEN_VIEWS)
def test_a_forbidden_modal_is_refused_with_slacks_error_and_pointer(name):
    view, said = FORBIDDEN_VIEWS[name]
    error = refused(limits.check_view, view, kind="modal")
    assert error.code == "invalid_arguments"
    assert any(said in message for message in error.messages), error.messages


@pytest.mark.parametrize("name", FORBIDDEN_HOMES)
def test_a_forbidden_home_tab_is_refused(name):
    view, said = FORBIDDEN_HOMES[name]
    error = refused(limits.check_view, view, kind="home")
    assert error.code == "invalid_arguments"
    assert any(said in message for message in error.messages), error.messages


def test_all_blocks_together_have_a_limit_of_their_own():
    limits.check_blocks([section(text=mrkdwn("x" * 3000))] * 4)
    error = refused(limits.check_blocks, [section(text=mrkdwn("x" * 3000))] * 5)
    assert error.code == "msg_blocks_too_long"
    limits.check_blocks([{"type": "divider"}] * 50)


def test_table_cells_and_tasks_count_towards_all_blocks_together():
    assert refused(limits.check_blocks, [table(100, 20, "x" * 7)]).code == "msg_blocks_too_long"
    long = task(details=rich("x" * 500))
    crowded = plan(tasks=0) | {"tasks": [long] * 30}
    assert refused(limits.check_blocks, [crowded]).code == "msg_blocks_too_long"


def test_a_text_has_a_limit_and_is_a_string():
    limits.check_text("x" * 40_000)
    assert refused(limits.check_text, "x" * 40_001).code == "msg_too_long"
    assert refused(limits.check_text, ["x"]).code == "invalid_arguments"


GOOD_BLOCKS = [
    section(text=mrkdwn("x" * 3000)),
    section(fields=[mrkdwn("x" * 200)] * 10),
    without(section(fields=[plain()]), "text"),
    section(accessory=menu("multi_static_select", initial_options=[option()])),
    header("x" * 150),
    {"type": "divider"},
    image(title=plain("x")),
    context(mrkdwn(), plain(), image()),
    actions(*(button(action_id=str(n), value="v", style="danger") for n in range(25))),
    actions(button(confirm=confirm(style="danger")), menu("users_select", action_id="b")),
    actions(
        without(menu(option_groups=[{"label": plain(), "options": [option()]}]), "options"),
        menu("datepicker", action_id="d", initial_date="2026-07-01"),
        menu("timepicker", action_id="t", initial_time="23:59"),
        {"type": "checkboxes", "action_id": "c", "options": [BOX], "initial_options": [BOX]},
        {"type": "radio_buttons", "action_id": "r", "options": [BOX], "initial_option": BOX},
        {"type": "overflow", "action_id": "o", "options": [option()] * 5},
    ),
    field(),
    rich("hello"),
    {"type": "markdown", "text": "# x"},
    table(100, 20, column_settings=[{"align": "right"}, {"is_wrapped": True}]),
    plan(50),
    task(status="in_progress", details=rich(), output=rich()),
]


@pytest.mark.parametrize("block", GOOD_BLOCKS, ids=lambda block: block["type"])
def test_what_slack_allows_in_a_message_is_accepted(block):
    before = json.dumps(block)
    limits.check_blocks([block])
    assert json.dumps(block) == before


GOOD_INPUTS = [
    {"type": "plain_text_input", "action_id": "a", "multiline": True, "min_length": 1},
    {"type": "email_text_input", "action_id": "a", "placeholder": plain()},
    {"type": "url_text_input", "action_id": "a"},
    {"type": "number_input", "action_id": "a", "is_decimal_allowed": True, "min_value": "-1.5"},
    {"type": "external_select", "action_id": "a", "min_query_length": 0},
    {"type": "multi_external_select", "action_id": "a"},
    menu("conversations_select", filter={"include": ["public"]}),
    menu("multi_channels_select", max_selected_items=3),
    menu(initial_option=option()),
]


@pytest.mark.parametrize("element", GOOD_INPUTS, ids=lambda element: element["type"])
def test_what_slack_allows_as_an_input_is_accepted_in_a_modal(element):
    alert = {"type": "alert", "text": mrkdwn("x" * 200), "level": "warning"}
    limits.check_view(modal(field(element, optional=True), alert), kind="modal")


def test_a_home_tab_of_100_blocks_with_a_table_is_accepted():
    limits.check_view({"type": "home", "blocks": [section()] * 99 + [table()]}, kind="home")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "blocks", "fields", "rows", "tasks"]),
            inner | st.sampled_from(["section", "actions", "table", "plan", "plain_text"]),
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300 if FULL else 60)
@given(JSON)
def test_anything_at_all_is_accepted_or_refused(value):
    for check in (
        limits.check_blocks,
        limits.check_text,
        lambda view: limits.check_view(view, kind="modal"),
        lambda view: limits.check_view(view, kind="home"),
    ):
        with contextlib.suppress(RefusedError):
            check(value)


@settings(max_examples=200 if FULL else 60)
@given(st.sampled_from(GOOD_BLOCKS), st.data())
def test_a_good_block_with_a_piece_missing_or_odd_is_never_a_crash(block, data):
    name = data.draw(st.sampled_from([*block]))
    odd = {**block, name: data.draw(JSON)}
    for blocks in ([without(block, name)], [odd]):
        with contextlib.suppress(RefusedError):
            limits.check_blocks(blocks)
