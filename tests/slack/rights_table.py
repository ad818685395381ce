"""Who may do what, written down by hand: nothing here is read from the program.

A verb, a button or a form that is new needs its line here; `test_app_rights.py` says which is
missing. ``{cycle}`` and its like are filled in by the scene.
"""

from __future__ import annotations

ANYONE, VIEWER, OPERATOR, ADMIN = "anyone", "viewer", "operator", "admin"
NOBODY = "nobody"
"""There is nothing to do, for whoever tries: it means nothing, or only shows."""
OUTSIDE = "outside"
"""No full member of the workspace: may do nothing, not even what anyone may."""
LADDER = (ANYONE, VIEWER, OPERATOR, ADMIN)

COMMANDS = {
    "": ANYONE,
    "status": ANYONE,
    "status people-scim": ANYONE,
    "help": ANYONE,
    "help sync": ANYONE,
    "history": VIEWER,
    "history --status partial --since 7d": VIEWER,
    "show {cycle}": VIEWER,
    "users": VIEWER,
    "users --status invited --search a": VIEWER,
    "user {email}": VIEWER,
    "why {email}": VIEWER,
    "licenses": VIEWER,
    "licenses --unused 30d": VIEWER,
    "licenses --trend": VIEWER,
    "licenses ask --unused 30d": ADMIN,
    "conflicts": VIEWER,
    "conflicts --of people-scim --kept": VIEWER,
    "conflicts keep {email}": ADMIN,
    "conflicts move {email}": ADMIN,
    "conflicts priority": ADMIN,
    "sync": OPERATOR,
    "sync people-scim --full": OPERATOR,
    "sync people-scim --preview": OPERATOR,
    "sync people-scim --user {email}": OPERATOR,
    "preview": OPERATOR,
    "cancel": OPERATOR,
    "cancel {cycle}": OPERATOR,
    "activate {email}": OPERATOR,
    "activate --waiting 1": OPERATOR,
    "invite {email}": OPERATOR,
    "invite {email} --resend": OPERATOR,
    "invite {email} --by mail": OPERATOR,
    "invite --all": OPERATOR,
    "invite --all --sure 0": OPERATOR,
    "free {email}": ADMIN,
    "free {email} --sure": ADMIN,
    "release": ADMIN,
    "release {held}": ADMIN,
    "licenses set 20": ADMIN,
    "licenses keep 1 --group Everyone": ADMIN,
    "licenses release --group Everyone": ADMIN,
    "notify": ADMIN,
    "notify #{channel} failures": ADMIN,
    "notify off #{channel}": ADMIN,
    "notify mute licenses for 4h": ADMIN,
    "notify unmute": ADMIN,
    "notify test": ADMIN,
    "roles": ADMIN,
    "roles grant <@{bystander}> admin": ADMIN,
    "roles revoke <@{granted}>": ADMIN,
    "apps": ADMIN,
    "apps list": ADMIN,
    "apps create portal": ADMIN,
    "apps revoke portal": ADMIN,
    "setup": ADMIN,
    "edit people-scim": ADMIN,
    "schedule people-scim": ADMIN,
    "schedule people-scim daily 02:00 Europe/Berlin": ADMIN,
    "schedule people-scim off": ADMIN,
    "schedule people-scim freeze fri 18:00 until mon 06:00": ADMIN,
    "audit": ADMIN,
    "audit --since 7d": ADMIN,
    "audit verify": ADMIN,
    "disable people-scim": ADMIN,
    "enable people-scim": ADMIN,
    "delete people-scim": ADMIN,
}
"""What is typed -> the least role that may."""

ACTS = [
    ("run", "status", ANYONE),
    ("run", "users", VIEWER),
    ("run", "sync people-scim", OPERATOR),
    ("run", "licenses set 20", ADMIN),
    ("run", "roles grant <@{bystander}> admin", ADMIN),
    ("pick", "status people-scim", ANYONE),
    ("pick", "preview people-scim", OPERATOR),
    ("page", "0:{history}", VIEWER),
    ("page", "0:{sync}", OPERATOR),
    ("details", "{cycle}|", VIEWER),
    ("errors", "{cycle}|", VIEWER),
    ("log", "{cycle}|", VIEWER),
    ("plan", "{preview}|", VIEWER),
    ("apply", "{preview}|{plan}", OPERATOR),
    ("again", "{cycle}|", OPERATOR),
    ("cancel", "{cycle}|", OPERATOR),
    ("review", "{held}|", ADMIN),
    ("release", "{held}|{held_digest}", ADMIN),
    ("reject", "{held}|{held_digest}", ADMIN),
    ("held_csv", "{held_cycle}|", ADMIN),
    ("licenses", "20|10", ADMIN),
    ("keep", "1|10|0|RXZlcnlvbmU=", ADMIN),
    ("schedule", "{configuration_id}|{revision}|{hourly}", ADMIN),
    ("audit_csv", "audit --since=7d", ADMIN),
    ("sign_in", "people-scim", ADMIN),
    ("activate", "{person}|{person_status}", OPERATOR),
    ("invite", "{person}|{person_status}", OPERATOR),
    ("accept", "1|1", NOBODY),
    ("ask", "30|1", ADMIN),
    ("still_needed", "1|", NOBODY),
    ("give_back", "1|", NOBODY),
    ("free", "{person}|{person_status}", ADMIN),
    ("seen", "alert:sync_failed:{cycle}|sync_failed:", OPERATOR),
    ("mute", "alert:sync_failed:{cycle}|sync_failed:", OPERATOR),
    ("unmute", "alert:sync_failed:{cycle}|sync_failed:", OPERATOR),
    ("stay", "1|1", ADMIN),
    ("move", "1|1", ADMIN),
    ("rule", "every|0", ADMIN),
    ("step", "scope", ADMIN),
    ("anew", "", ADMIN),
    ("made_up", "{cycle}|", NOBODY),
]
"""``action_id``, value of the button, the least role that may."""

IN_FORMS = {"step": ("wizard", "{draft}|provider||-"), "anew": ("wizard", "{draft}|provider||-")}
"""``action_id`` of those that stand in a form -> its ``callback_id`` and ``private_metadata``."""

FORMS = [
    ("disable", "{configuration}|{revision}", {"reason": {"value": "why not"}}, ADMIN),
    (
        "delete",
        "{configuration}|{revision}",
        {
            "name": {"value": "people-scim"},
            "reason": {"value": "why not"},
            "people": {"selected_option": {"value": "disable"}},
        },
        ADMIN,
    ),
    ("reject", "{held}|{held_digest}", {"reason": {"value": "why not"}}, ADMIN),
    ("release", "{held}|{held_digest}", {}, ADMIN),
    ("wizard", "{draft}|schedule||-", {}, ADMIN),
    ("wizard", "{draft}|summary||-", {}, ADMIN),
    ("home", "", {}, NOBODY),
    ("note", "", {}, NOBODY),
    ("made_up", "{configuration}|{revision}", {}, NOBODY),
]
"""``callback_id``, ``private_metadata``, what was entered by block, the least role that may."""

KINDS = {
    "owner": ADMIN,
    "workspace admin": ADMIN,
    "admin by DIRSYNC_ADMINS": ADMIN,
    "granted admin": ADMIN,
    "admin by a user group": ADMIN,
    "granted operator": OPERATOR,
    "operator by a user group": OPERATOR,
    "viewer by DIRSYNC_VIEWERS": VIEWER,
    "granted viewer": VIEWER,
    "viewer by a user group": VIEWER,
    "member": ANYONE,
    "member of a user group without a role": ANYONE,
    "former workspace admin": ANYONE,
    "former granted admin": ANYONE,
    "former member of the admins' user group": ANYONE,
    "member of a disabled user group of admins": ANYONE,
    "guest": OUTSIDE,
    "guest with a grant": OUTSIDE,
    "guest in the admins' user group": OUTSIDE,
    "single-channel guest": OUTSIDE,
    "deactivated admin": OUTSIDE,
    "deactivated owner": OUTSIDE,
    "bot": OUTSIDE,
    "bot with a grant": OUTSIDE,
    "Slack Connect outsider": OUTSIDE,
    "Slack Connect outsider in the admins' user group": OUTSIDE,
    "owner of another workspace": OUTSIDE,
    "admin of another workspace with a grant": OUTSIDE,
    "somebody unknown to Slack": OUTSIDE,
}
"""The kinds of people, where settings and grants name somebody -> the role each has."""

EMPTY = {
    "owner": ADMIN,
    "workspace admin": ADMIN,
    "member": ANYONE,
    "former workspace admin": ANYONE,
    "guest": OUTSIDE,
    "bot": OUTSIDE,
    "Slack Connect outsider": OUTSIDE,
    "owner of another workspace": OUTSIDE,
}
"""The kinds of people where nobody is named anywhere: still not everybody is an admin."""


def may(person: str, least: str) -> bool:
    """Whether somebody of a role may do what takes `least`."""
    return person != OUTSIDE and LADDER.index(person) >= LADDER.index(least)
