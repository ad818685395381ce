"""The form for a configuration: one modal, a step at a time, and a summary to save from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.slack.blocks import Block, actions, alert, button, context, modal, section
from bot.slack.ids import Act, StepMark, ViewId
from bot.slack.limits import escape
from bot.slack.views import fields
from core.model.account import ACCOUNT_FIELDS
from core.model.configuration import Draft, InvitationWay, MissingPolicy
from core.model.form import BY_KEY, KINDS, ONLY_ON_CREATE, ORG_UNITS, STEPS, WEEKDAYS, FieldSpec

SUMMARY, CHECKED = "summary", "checked"
ORDER = (*STEPS, SUMMARY)
TITLES = {
    "provider": "Provider",
    "signin": "Sign-in",
    "scope": "Scope",
    "mapping": "Attributes",
    "schedule": "Schedule",
    "alerts": "Channel and safety",
}
_EVERY = (("15 minutes", "15m"), ("hour", "1h"), ("6 hours", "6h"), ("12 hours", "12h"))
_WAYS = {
    InvitationWay.MAIL: "By mail, when they are provisioned",
    InvitationWay.STAGED: "Not until an operator sends them (`invite`)",
}


def step(draft: Draft, name: str, *, error: str = "") -> Block:
    """Return one step, filled with what the draft has; `error` is told on top."""
    blocks = _STEPS[name](draft)
    if error:
        blocks.insert(0, alert(error, "error"))
    first = name == ORDER[0] and draft.configuration is None
    blocks.append(_way_back(draft, name, anew=first))
    return modal_of(draft, name, blocks, submit=_submit(draft, name))


def working(draft_step: str) -> Block:
    """Return what is shown while the provider is asked or the draft is saved."""
    said = {
        "signin": "⏳ Signing in and looking round …",
        "mapping": "⏳ Looking at five people …",
        SUMMARY: "⏳ Saving …",
    }.get(draft_step, "⏳ One moment …")
    return modal("Configuration", [section(said)], callback_id=ViewId.NOTE)


def reading(draft: Draft) -> Block:
    """Return what is shown while the effect on people is worked out."""
    text = "⏳ Reading the directory to see what this means for people …"
    return modal_of(draft, CHECKED, [section(text)], submit=None)


def entered(step_name: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return what was entered in a step, by field; fields that the step does not show are left."""
    found = fields.Entered(values)
    known = STEPS.get(step_name, ())
    return {key: _value(found, key) for key in known if key in values}


def _value(found: fields.Entered, key: str) -> str:
    return found.choice(key) or found.channel(key) or found.text(key)


def after(name: str) -> str:
    """Return the step after one."""
    return ORDER[ORDER.index(name) + 1]


def step_of(field: str) -> str:
    """Return the step that asks for a field."""
    return next((name for name, known in STEPS.items() if field in known), ORDER[0])


def _submit(draft: Draft, name: str) -> str:
    if name == "signin":
        return "Sign in"
    if name == "mapping":
        return "Try it"
    return "Done" if draft.configuration else "Next"


def _mark(draft: Draft, name: str) -> StepMark:
    kind = BY_KEY.get(draft.fields.get("kind", ""))
    secrets = [each.key for each in kind.fields if each.secret] if kind else []
    return StepMark(
        draft=draft.id,
        step=name,
        kind=kind.key if kind else "",
        kept=bool(secrets) and all(draft.fields.get(key) for key in secrets),
    )


def modal_of(draft: Draft, name: str, blocks: Sequence[Block], *, submit: str | None) -> Block:
    """Return the form's modal at a step."""
    title = TITLES.get(name, "Edit" if draft.configuration else "Set up")
    return modal(
        title,
        blocks,
        callback_id=ViewId.WIZARD,
        submit=submit,
        close="Later",
        metadata=_mark(draft, name).pack(),
    )


def back_to(name: str) -> Block:
    """Return a button that shows an earlier step."""
    return button("Back", Act.STEP, name)


def _way_back(draft: Draft, name: str, *, anew: bool) -> Block:
    if draft.configuration is not None:
        return actions(back_to(SUMMARY))
    if anew:
        said = "What you enter is kept when you close this."
        clean = button("Begin anew", Act.ANEW)
        return section(f"_{said}_", accessory=clean)
    return actions(back_to(ORDER[ORDER.index(name) - 1]))


def _provider(draft: Draft) -> list[Block]:
    return [
        fields.written(
            "name",
            "Name",
            value=draft.fields.get("name", ""),
            example="people",
            hint="Letters, digits, - _ and . ; people type it in commands.",
            most=64,
        ),
        fields.menu(
            "kind",
            "Where the people come from",
            [(kind.label, kind.key, kind.about) for kind in KINDS],
            chosen=draft.fields.get("kind", ""),
        ),
    ]


def _signin(draft: Draft) -> list[Block]:
    kind = BY_KEY.get(draft.fields.get("kind", ""), KINDS[0])
    blocks: list[Block] = [section(f"*{kind.label}*\n{escape(kind.rights)}")]
    if kind.leavers:
        blocks.append(context(escape(kind.leavers)))
    return blocks + [_asked(each, draft.fields.get(each.key, "")) for each in kind.fields]


def _asked(spec: FieldSpec, value: str) -> Block:
    hint, shown = spec.hint, value
    typed = spec.secret and value.startswith("stored:")
    if typed:
        shown = ""
        hint = "A secret is kept, encrypted. Leave this empty to keep it, or enter another one."
    return fields.written(
        spec.key,
        spec.label,
        value=shown,
        example=spec.example,
        hint=hint,
        optional=spec.optional or typed,
        lines=spec.lines,
        most=3000 if spec.lines else 2000,
    )


def _scope(draft: Draft) -> list[Block]:
    return [
        section("Who is provisioned. Leave all empty for *everybody* in the directory."),
        fields.written(
            "groups",
            "Groups, one a line",
            value=draft.fields.get("groups", ""),
            example="Engineering",
            hint="By name or by id; groups inside them count too.",
            optional=True,
            lines=True,
            most=3000,
        ),
        fields.written(
            "domains",
            "Mail domains, one a line",
            value=draft.fields.get("domains", ""),
            example="example.com",
            hint="With groups and domains, people have to be in both.",
            optional=True,
            lines=True,
            most=3000,
        ),
        *_org_units(draft),
        fields.written(
            "filter",
            "Filter",
            value=draft.fields.get("filter", ""),
            example='userType == "Employee"',
            hint="A CEL expression over the provider's attributes that has to be true of them.",
            optional=True,
            most=2000,
        ),
    ]


def _org_units(draft: Draft) -> list[Block]:
    """Return the input for org units where the provider has any, or some were entered."""
    value = draft.fields.get("org_units", "")
    kind = BY_KEY.get(draft.fields.get("kind", ""), KINDS[0])
    if not (kind.org_units or value):
        return []
    return [_asked(kind.org_units or ORG_UNITS, value)]


def _mapping(draft: Draft) -> list[Block]:
    known = ", ".join(sorted(ACCOUNT_FIELDS))
    return [
        section(
            "Names, user name and e-mail are taken over as usual. Say here which other attributes "
            "are, one a line: the account's attribute = the provider's, or a CEL expression. "
            f"A line that ends with `{ONLY_ON_CREATE}` is written when somebody is created, and "
            "never afterwards."
        ),
        fields.written(
            "mapping",
            "Attributes",
            value=draft.fields.get("mapping", ""),
            example="title = title",
            optional=True,
            lines=True,
            most=3000,
        ),
        context(f"The account has: {known}."),
    ]


def _schedule(draft: Draft) -> list[Block]:
    value = draft.fields.get
    every = value("every", "1h")
    options = list(_EVERY)
    if every not in [short for _, short in options]:
        options.append((every, every))
    return [
        fields.one_of(
            "starts",
            "It starts",
            [
                ("By hand only", "hand"),
                ("Every so often", "every"),
                ("Every day at a time", "daily"),
                ("Every week at a time", "weekly"),
                ("By a cron expression", "cron"),
            ],
            chosen=value("starts", "every"),
        ),
        fields.menu("every", "Every", [*options], chosen=every),
        fields.written(
            "time",
            "Time, for daily and weekly",
            value=value("time", ""),
            most=5,
            example="02:00",
            optional=True,
        ),
        fields.menu(
            "weekday",
            "Day, for weekly",
            [(d, d) for d in WEEKDAYS],
            chosen=value("weekday", "Monday"),
        ),
        fields.written(
            "cron",
            "Cron expression",
            value=value("cron", ""),
            most=100,
            example="0 2 * * 1-5",
            optional=True,
        ),
        fields.written(
            "timezone",
            "Time zone",
            value=value("timezone", "UTC"),
            most=64,
            example="Europe/Berlin",
        ),
    ]


def _alerts(draft: Draft) -> list[Block]:
    value = draft.fields.get
    ways = [(text.replace("`", ""), way.value) for way, text in _WAYS.items()]
    return [
        fields.channel(
            "channel",
            "Channel for its cards and alerts",
            chosen=value("channel", ""),
            hint="Empty: the default channel. The app must be in it.",
        ),
        fields.menu("send", "Invitations", ways, chosen=value("send", "mail")),
        fields.written(
            "percent",
            "Hold removals over this many percent",
            most=3,
            value=value("percent", "10"),
            hint="Per cycle and per 24 hours; an admin then decides by name.",
        ),
        fields.written(
            "minimum", "But always let through as many as", most=7, value=value("minimum", "5")
        ),
        fields.written(
            "canaries",
            "People who must be in every reading, one a line",
            lines=True,
            value=value("canaries", ""),
            optional=True,
            most=2000,
            hint="E-mails. If one is missing, the reading is not trusted and nobody is removed.",
        ),
        fields.one_of(
            "on_missing",
            "Who leaves the directory",
            [
                ("is disabled, and deleted after a while", MissingPolicy.DISABLE.value),
                ("is kept as they are", MissingPolicy.KEEP.value),
            ],
            chosen=value("on_missing", "disable"),
        ),
        fields.written(
            "grace", "Delete the disabled after", most=6, value=value("grace", "30d"), example="30d"
        ),
        fields.written(
            "priority",
            "Priority among the configurations",
            most=4,
            value=value("priority", ""),
            optional=True,
            hint="1 goes first where several mean the same person; empty: the older one does.",
        ),
    ]


_STEPS = {
    "provider": _provider,
    "signin": _signin,
    "scope": _scope,
    "mapping": _mapping,
    "schedule": _schedule,
    "alerts": _alerts,
}
