"""How people name who gets a role: a mention, a Slack id or an e-mail address."""

from __future__ import annotations

import re

from core.errors import UsageError
from core.model.roles import Subject, SubjectKind

_USER = re.compile(r"(?:<@|@)?([UW][A-Z0-9]{6,30})>?")
_GROUP = re.compile(r"(?:<!subteam\^|!subteam\^|@)?(S[A-Z0-9]{6,30})>?")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")


def subject_of(text: str) -> Subject | str:
    """Return the person or user group of a mention or a bare Slack id; else an e-mail address.

    Raises `UsageError` for what is none of these.
    """
    if user := _USER.fullmatch(text):
        return Subject(kind=SubjectKind.USER, id=user[1])
    if group := _GROUP.fullmatch(text):
        return Subject(kind=SubjectKind.GROUP, id=group[1])
    if _EMAIL.fullmatch(text):
        return text
    raise UsageError(
        "That is no e-mail, @user or @group.",
        hint="Choose the name that Slack offers while you type, or give the e-mail.",
    )


def mention(subject: Subject) -> str:
    """Return how Slack's markup mentions a person or a user group."""
    if subject.kind is SubjectKind.USER:
        return f"<@{subject.id}>"
    return f"<!subteam^{subject.id}>"
