"""Slack's Block Kit reference as tables: composition objects, elements and blocks.

Sources: docs.slack.dev/reference/block-kit (blocks, block-elements, composition-objects).
"""

from collections.abc import Mapping
from functools import cache

from bot.demo import laws
from bot.demo.rules import Anything, Bool, Int, Items, Kinds, Obj, Rule, Str

MESSAGE, MODAL, HOME = "message", "modal", "home"
EVERYWHERE = frozenset({MESSAGE, MODAL, HOME})

ANY = Anything()
BOOL = Bool()
ID = Str(most=255)
DATE = Str(pattern=r"^\d{4}-\d\d-\d\d$", what="date")
TIME = Str(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", what="time")
URL = Str(most=3000, pattern=r"^(https?|mailto|slack):", what="url")
NUMERIC = Str(pattern=r"^-?\d+(\.\d+)?$", what="number")


def plain(most: int, least: int = 1) -> Rule:
    """Return the rule of a plain_text object of at most `most` characters."""
    return Kinds(table={"plain_text": _text(most, least, "emoji")})


def text(most: int) -> Rule:
    """Return the rule of a plain_text or mrkdwn object of at most `most` characters."""
    tables = {"plain_text": _text(most, 1, "emoji"), "mrkdwn": _text(most, 1, "verbatim")}
    return Kinds(table=tables)


def _text(most: int, least: int, flag: str) -> Rule:
    return Obj(
        required={"type": ANY, "text": Str(least=least, most=most)},
        optional={flag: BOOL},
    )


CONFIRM = Obj(
    required={"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    optional={"style": Str(choices=frozenset({"primary", "danger"}))},
)
DISPATCH = Obj(
    optional={
        "trigger_actions_on": Items(
            of=Str(choices=frozenset({"on_enter_pressed", "on_character_entered"})), most=2
        )
    }
)
FILTER = Obj(
    optional={
        "include": Items(of=Str(choices=frozenset({"im", "mpim", "private", "public"}))),
        "exclude_external_shared_channels": BOOL,
        "exclude_bot_users": BOOL,
    }
)


def _option(label: Rule, **more: Rule) -> Rule:
    return Obj(
        required={"text": label, "value": Str(most=150)},
        optional={"description": plain(75), **more},
    )


OPTION = _option(plain(75))
BOX = Obj(
    required={"text": text(75), "value": Str(most=150)},
    optional={"description": text(75)},
)
OPTIONS = Items(of=OPTION, most=100)
GROUPS = Items(of=Obj(required={"label": plain(75), "options": OPTIONS}), most=100)

_BASE: Mapping[str, Rule] = {"action_id": ID, "focus_on_load": BOOL}
_ASKING: Mapping[str, Rule] = {**_BASE, "confirm": CONFIRM}
_SELECT: Mapping[str, Rule] = {**_ASKING, "placeholder": plain(150)}
_MULTI: Mapping[str, Rule] = {**_SELECT, "max_selected_items": Int(least=1)}
_WRITTEN: Mapping[str, Rule] = {
    **_BASE,
    "placeholder": plain(150),
    "dispatch_action_config": DISPATCH,
}


def _element(
    required: Mapping[str, Rule] | None = None,
    optional: Mapping[str, Rule] | None = None,
    *rules_between: laws.Law,
) -> Rule:
    return Obj(
        required={"type": ANY, **(required or {})}, optional=optional or {}, laws=rules_between
    )


IMAGE = _element(
    {"alt_text": Str(most=2000)}, {"image_url": URL, "slack_file": ANY}, laws.one_picture
)
_STATIC: Mapping[str, Rule] = {"options": OPTIONS, "option_groups": GROUPS}
_IDS = Items(of=Str())

ELEMENTS: Mapping[str, Rule] = {
    "button": _element(
        {"text": plain(75)},
        {
            "action_id": ID,
            "value": Str(most=2000),
            "url": URL,
            "style": Str(choices=frozenset({"primary", "danger"})),
            "confirm": CONFIRM,
            "accessibility_label": Str(most=75),
        },
    ),
    "overflow": _element(
        {"options": Items(of=_option(plain(75), url=URL), most=5)},
        {"action_id": ID, "confirm": CONFIRM},
    ),
    "static_select": _element(
        None, {**_SELECT, **_STATIC, "initial_option": OPTION}, laws.options, laws.initial_known
    ),
    "multi_static_select": _element(
        None,
        {**_MULTI, **_STATIC, "initial_options": OPTIONS},
        laws.options,
        laws.initial_known,
    ),
    "external_select": _element(
        None, {**_SELECT, "initial_option": OPTION, "min_query_length": Int(least=0)}
    ),
    "multi_external_select": _element(
        None, {**_MULTI, "initial_options": OPTIONS, "min_query_length": Int(least=0)}
    ),
    "users_select": _element(None, {**_SELECT, "initial_user": Str()}),
    "multi_users_select": _element(None, {**_MULTI, "initial_users": _IDS}),
    "conversations_select": _element(
        None,
        {
            **_SELECT,
            "initial_conversation": Str(),
            "default_to_current_conversation": BOOL,
            "response_url_enabled": BOOL,
            "filter": FILTER,
        },
    ),
    "multi_conversations_select": _element(
        None,
        {
            **_MULTI,
            "initial_conversations": _IDS,
            "default_to_current_conversation": BOOL,
            "filter": FILTER,
        },
    ),
    "channels_select": _element(
        None, {**_SELECT, "initial_channel": Str(), "response_url_enabled": BOOL}
    ),
    "multi_channels_select": _element(None, {**_MULTI, "initial_channels": _IDS}),
    "radio_buttons": _element(
        {"options": Items(of=BOX, most=10)},
        {**_ASKING, "initial_option": BOX},
        laws.initial_known,
    ),
    "checkboxes": _element(
        {"options": Items(of=BOX, most=10)},
        {**_ASKING, "initial_options": Items(of=BOX, most=10)},
        laws.initial_known,
    ),
    "datepicker": _element(None, {**_SELECT, "initial_date": DATE}),
    "timepicker": _element(None, {**_SELECT, "initial_time": TIME, "timezone": Str()}),
    "datetimepicker": _element(None, {**_ASKING, "initial_date_time": Int(least=10**9)}),
    "plain_text_input": _element(
        None,
        {
            **_WRITTEN,
            "initial_value": Str(least=0, most=3000),
            "multiline": BOOL,
            "min_length": Int(most=3000),
            "max_length": Int(least=1, most=3000),
        },
        laws.lengths,
    ),
    "email_text_input": _element(None, {**_WRITTEN, "initial_value": Str(least=0)}),
    "url_text_input": _element(None, {**_WRITTEN, "initial_value": Str(least=0)}),
    "number_input": _element(
        {"is_decimal_allowed": BOOL},
        {**_WRITTEN, "initial_value": NUMERIC, "min_value": NUMERIC, "max_value": NUMERIC},
        laws.values,
    ),
    "image": IMAGE,
}

_MENUS = frozenset(name for name in ELEMENTS if name.endswith("_select"))
_PICKERS = frozenset({"datepicker", "timepicker", "radio_buttons", "checkboxes"}) | _MENUS
_ONLY_IN_MODALS = frozenset({"email_text_input", "url_text_input", "number_input"})
_PARENTS: Mapping[str, frozenset[str]] = {
    "section": _PICKERS | {"button", "overflow", "image"},
    "actions": _PICKERS | {"button", "overflow", "datetimepicker"},
    "input": _PICKERS | _ONLY_IN_MODALS | {"plain_text_input", "datetimepicker"},
}


def elements(parent: str, surface: str) -> Rule:
    """Return the rule of the elements that a block of type `parent` may hold on `surface`."""
    names = _PARENTS[parent] if surface == MODAL else _PARENTS[parent] - _ONLY_IN_MODALS
    return Kinds(table={name: ELEMENTS[name] for name in names})


_STYLE = Obj(optional=dict.fromkeys(("bold", "italic", "strike", "code", "underline"), BOOL))


def _inline(required: Mapping[str, Rule], **optional: Rule) -> Rule:
    return Obj(required={"type": ANY, **required}, optional={"style": _STYLE, **optional})


INLINE = Kinds(
    table={
        "text": _inline({"text": Str()}),
        "link": _inline({"url": URL}, text=Str(), unsafe=BOOL),
        "user": _inline({"user_id": Str()}),
        "usergroup": _inline({"usergroup_id": Str()}),
        "channel": _inline({"channel_id": Str()}),
        "emoji": _inline({"name": Str()}, unicode=Str()),
        "date": _inline({"timestamp": Int(), "format": Str()}, url=URL, fallback=Str()),
        "broadcast": _inline({"range": Str(choices=frozenset({"here", "channel", "everyone"}))}),
    }
)
_RUN = Items(of=INLINE, least=0)
_SECTION = Obj(required={"type": ANY, "elements": _RUN})
_FRAMED = Obj(required={"type": ANY, "elements": _RUN}, optional={"border": Int(most=1)})
_LIST = Obj(
    required={
        "type": ANY,
        "style": Str(choices=frozenset({"bullet", "ordered"})),
        "elements": Items(of=Kinds(table={"rich_text_section": _SECTION})),
    },
    optional={"indent": Int(most=8), "offset": Int(), "border": Int(most=1)},
)
_RICH_PARTS = Kinds(
    table={
        "rich_text_section": _SECTION,
        "rich_text_preformatted": _FRAMED,
        "rich_text_quote": _FRAMED,
        "rich_text_list": _LIST,
    }
)


def _rich(most: int = 1000) -> Rule:
    return Obj(
        required={"type": ANY, "elements": Items(of=_RICH_PARTS, most=most)},
        optional={"block_id": ID},
    )


_CELL = Kinds(table={"raw_text": Obj(required={"type": ANY, "text": Str()}), "rich_text": _rich()})
_COLUMN = Obj(
    optional={
        "align": Str(choices=frozenset({"left", "center", "right"})),
        "is_wrapped": BOOL,
    }
)
_SOURCE = Obj(required={"type": Str(choices=frozenset({"url"})), "url": URL, "text": Str()})
_ONE_RICH = Kinds(table={"rich_text": _rich(most=1)})
_TASK_FIELDS: Mapping[str, Rule] = {
    "block_id": ID,
    "status": Str(choices=frozenset({"pending", "in_progress", "complete", "error"})),
    "details": _ONE_RICH,
    "output": _ONE_RICH,
    "sources": Items(of=_SOURCE),
}


def _block(
    required: Mapping[str, Rule],
    optional: Mapping[str, Rule] | None = None,
    *rules_between: laws.Law,
) -> Rule:
    return Obj(
        required={"type": ANY, **required},
        optional={"block_id": ID, **(optional or {})},
        laws=rules_between,
    )


TASK = _block({"task_id": Str(), "title": Str()}, _TASK_FIELDS)
_LEVELS = frozenset({"default", "info", "warning", "error", "success"})

PLACES: Mapping[str, frozenset[str]] = {
    "table": frozenset({MESSAGE, HOME}),
    "plan": frozenset({MESSAGE}),
    "task_card": frozenset({MESSAGE}),
    "markdown": frozenset({MESSAGE}),
    "alert": frozenset({MODAL}),
}


@cache
def blocks(surface: str) -> Kinds:
    """Return the rule of a block on a surface: message, modal or home."""
    table: dict[str, Rule] = {
        "section": _block(
            {},
            {
                "text": text(3000),
                "fields": Items(of=text(2000), most=10),
                "accessory": elements("section", surface),
                "expand": BOOL,
            },
            laws.section_says_something,
        ),
        "header": _block({"text": plain(150)}),
        "divider": _block({}),
        "image": _block(
            {"alt_text": Str(most=2000)},
            {"image_url": URL, "slack_file": ANY, "title": plain(2000)},
            laws.one_picture,
        ),
        "context": _block({"elements": Items(of=_context_parts(), most=10)}),
        "actions": _block(
            {"elements": Items(of=elements("actions", surface), most=25)},
            None,
            laws.action_ids_differ,
        ),
        "input": _block(
            {"label": plain(2000), "element": elements("input", surface)},
            {"hint": plain(2000), "optional": BOOL, "dispatch_action": BOOL},
        ),
        "rich_text": _rich(),
        "markdown": _block({"text": Str(most=12_000)}),
        "table": _block(
            {"rows": Items(of=Items(of=_CELL, most=20), most=100)},
            {"column_settings": Items(of=_COLUMN, most=20)},
        ),
        "task_card": TASK,
        "plan": _block(
            {"title": Str()}, {"tasks": Items(of=Kinds(table={"task_card": TASK}), most=50)}
        ),
        "alert": _block({"text": text(200)}, {"level": Str(choices=_LEVELS)}),
    }
    return Kinds(
        table={
            name: rule for name, rule in table.items() if surface in PLACES.get(name, EVERYWHERE)
        }
    )


def _context_parts() -> Rule:
    words = {"plain_text": _text(3000, 1, "emoji"), "mrkdwn": _text(3000, 1, "verbatim")}
    return Kinds(table={**words, "image": IMAGE})
