"""Block Kit samples that the page is looked at with: every block that an app sends."""

from typing import Any

Block = dict[str, Any]


def plain(text: str) -> Block:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Block:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: object) -> Block:
    """A section of mrkdwn."""
    return {"type": "section", "text": mrkdwn(text), **more}


def rich(*elements: Block) -> Block:
    """A rich_text block of one section."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": list(elements)}],
    }


def words(text: str, **style: bool) -> Block:
    """A text element of rich_text."""
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def button(text: str, action_id: str, **more: object) -> Block:
    """A button."""
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": "v1", **more}


def option(text: str, value: str, hint: str = "") -> Block:
    """An option of a menu or a group."""
    return {
        "text": plain(text),
        "value": value,
        **({"description": plain(hint)} if hint else {}),
    }


CONFIRM = {
    "title": plain("Cancel this cycle?"),
    "text": mrkdwn("What is applied stays. *Nothing further* happens."),
    "confirm": plain("Cancel cycle"),
    "deny": plain("Keep running"),
    "style": "danger",
}


def run_card(done: int = 3) -> list[Block]:
    """The card of a running cycle, with `done` of six steps complete."""
    steps = [
        ("Connect", "SCIM at people.example, 0.2 s"),
        ("Read", "120 people and 14 groups in 2 pages"),
        ("Compare", "118 known, 2 new"),
        ("Apply", "64 of 120"),
        ("Invite", "Waits for the changes"),
        ("Report", ""),
    ]
    tasks = []
    for at, (title, detail) in enumerate(steps):
        status = "complete" if at < done else "in_progress" if at == done else "pending"
        task: Block = {"type": "task_card", "task_id": f"t{at}", "title": title, "status": status}
        if detail:
            task["details"] = rich(words(detail))
        tasks.append(task)
    return [
        {"type": "header", "text": plain("Syncing people-scim")},
        {"type": "plan", "title": "Full cycle, started by hand", "tasks": tasks},
        {
            "type": "context",
            "elements": [
                mrkdwn("Started by <@U0OWNER001>"),
                mrkdwn("12 s"),
                mrkdwn("Next slot 02:00"),
            ],
        },
        {
            "type": "actions",
            "block_id": "run",
            "elements": [
                button("Details", "details"),
                button("Cancel", "cancel", style="danger", confirm=CONFIRM),
            ],
        },
    ]


RESULT: list[Block] = [
    {"type": "header", "text": plain(":large_yellow_circle: people-scim: Partial success")},
    {
        "type": "section",
        "fields": [
            mrkdwn("*Created*\n118"),
            mrkdwn("*Updated*\n0"),
            mrkdwn("*Unchanged*\n0"),
            mrkdwn("*Errors*\n2"),
        ],
    },
    section(
        ":warning: *1 person* has an attribute without a field: `costCenter`",
        block_id="repair",
        accessory=button("Map it", "map", style="primary"),
    ),
    {"type": "divider"},
    section(
        "*Licenses:* 100 of 100 used, 20 wait",
        block_id="more",
        accessory={
            "type": "overflow",
            "action_id": "more",
            "options": [option("Download log", "log"), option("Retry failed", "retry")],
        },
    ),
    {
        "type": "actions",
        "block_id": "result",
        "elements": [
            button("View errors", "errors", style="primary"),
            button("History", "history"),
            button("Open the provider", "open", url="/directory/"),
        ],
    },
]


def cell(text: str) -> Block:
    """A table's raw cell."""
    return {"type": "raw_text", "text": text}


TABLE: list[Block] = [
    section("*Last cycles of people-scim*"),
    {
        "type": "table",
        "column_settings": [{}, {"align": "right"}, {"align": "right"}, {"is_wrapped": True}],
        "rows": [
            [cell("Cycle"), cell("People"), cell("Errors"), cell("Result")],
            [
                cell("today 14:02"),
                cell("120"),
                cell("2"),
                rich(words("Partial success", bold=True), words(", one attribute has no field")),
            ],
            [cell("today 02:00"), cell("118"), cell("0"), cell("Success")],
            [cell("yesterday 02:00"), cell("1,118"), cell("0"), cell("Success")],
        ],
    },
    {
        "type": "actions",
        "block_id": "pages",
        "elements": [button("Prev", "prev"), button("Next", "next"), button("CSV", "csv")],
    },
]

PLAYGROUND: list[Block] = [
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    words("Bold", bold=True),
                    words(", "),
                    words("italic", italic=True),
                    words(", "),
                    words("struck", strike=True),
                    words(", "),
                    words("code", code=True),
                    words(" and "),
                    {"type": "user", "user_id": "U0ADMIN001"},
                    words(" "),
                    {"type": "emoji", "name": "tada"},
                    words(" <b>not markup</b> &amp; left alone"),
                ],
            },
            {
                "type": "rich_text_list",
                "style": "ordered",
                "elements": [
                    {"type": "rich_text_section", "elements": [words("first")]},
                    {"type": "rich_text_section", "elements": [words("second")]},
                ],
            },
            {"type": "rich_text_quote", "elements": [words("a quote")]},
            {"type": "rich_text_preformatted", "elements": [words("userName eq ada")]},
        ],
    },
    {"type": "markdown", "text": "# Title\n**bold** and [link](https://a.example)\n- one\n- two"},
    {"type": "image", "image_url": "/static/icon.svg", "alt_text": "The mark", "title": plain("M")},
    {
        "type": "actions",
        "block_id": "play",
        "elements": [
            {
                "type": "static_select",
                "action_id": "pick",
                "placeholder": plain("Pick one"),
                "options": [option("Success", "s", "as expected"), option("Failure", "f")],
            },
            {"type": "users_select", "action_id": "who", "placeholder": plain("A person")},
            {"type": "conversations_select", "action_id": "where", "placeholder": plain("Where")},
            {"type": "datepicker", "action_id": "day", "initial_date": "2025-10-09"},
            {"type": "timepicker", "action_id": "at", "initial_time": "02:00"},
        ],
    },
    {"type": "from_the_future"},
]


def field(block_id: str, label: str, element: Block, **more: object) -> Block:
    """An input block; its element's action is called like the block."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": {"action_id": block_id, **element},
        **more,
    }


def modal(title: str = "Edit configuration") -> Block:
    """A modal with an input of each kind."""
    return {
        "type": "modal",
        "title": plain(title),
        "submit": plain("Save"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "alert",
                "level": "warning",
                "text": mrkdwn("Saving starts a *full* cycle."),
            },
            field("name", "Name", {"type": "plain_text_input", "min_length": 3, "max_length": 40}),
            field(
                "limit",
                "Removals allowed per cycle",
                {
                    "type": "number_input",
                    "is_decimal_allowed": False,
                    "min_value": "0",
                    "max_value": "100",
                    "initial_value": "10",
                },
                hint=plain("More than that are held until somebody approves."),
            ),
            field("mail", "Contact", {"type": "email_text_input"}, optional=True),
            field("base", "Address", {"type": "url_text_input"}, optional=True),
            field(
                "scope",
                "Who is in scope",
                {
                    "type": "radio_buttons",
                    "initial_option": option("Everyone", "all"),
                    "options": [
                        option("Everyone", "all"),
                        option("Groups", "groups", "Only members of the groups you choose"),
                    ],
                },
            ),
            field(
                "groups",
                "Groups",
                {
                    "type": "multi_static_select",
                    "placeholder": plain("Choose groups"),
                    "options": [option("Engineering", "eng"), option("Sales", "sal")],
                },
                optional=True,
            ),
            field(
                "alerts",
                "Tell the channel",
                {
                    "type": "checkboxes",
                    "options": [option("Failure", "failure"), option("Partial success", "partial")],
                },
                optional=True,
            ),
            field("channel", "Channel", {"type": "channels_select"}, optional=True),
            field("note", "Reason", {"type": "plain_text_input", "multiline": True}, optional=True),
        ],
    }


HOME: Block = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Directory sync")},
        {"type": "context", "elements": [mrkdwn("Last checked <!date^1760000000^{time}|earlier>")]},
        section(
            "*people-scim*  :large_green_circle: Success\n120 people, next slot 02:00",
            block_id="cfg",
            accessory=button("Sync now", "sync", style="primary"),
        ),
        {"type": "divider"},
        {
            "type": "section",
            "fields": [mrkdwn("*Licenses*\n100 of 100"), mrkdwn("*Waiting*\n20")],
        },
        *TABLE[1:2],
        {
            "type": "actions",
            "block_id": "home",
            "elements": [button("History", "history"), button("Licenses", "licenses")],
        },
    ],
}
