"""What makes a record unreadable, in words for whoever can correct it at the provider."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from core.errors import RecordError
from core.model.directory import ProviderUser

MAX_TEXT: Final = 10_000
"""Characters of one attribute's value; longer ones are that person's error."""

MAX_ID: Final = 512
MAX_NUMBER: Final = 2**63

_WRONG_TYPE: Final = re.compile(r"got `(\w+)`")
_WHERE: Final = re.compile(r"at `\$\.?(.*)`")
_INDEX: Final = re.compile(r"\[[^\]]*\]")
_KINDS: Final = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "yes or no",
    "array": "list",
    "object": "object",
    "null": "nothing",
}

Getter = Callable[[Any], object]

UNDECODABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What decoding a record may raise."""


class UnusableValueError(ValueError):
    """A value that no account attribute can hold; `kind` says what it is."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def plain(get: Getter) -> Getter:
    """Let through texts, truth values and numbers of usual size only."""

    def guarded(record: Any) -> object:
        value = get(record)
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, (int, float)):
            if abs(value) < MAX_NUMBER:
                return value
            raise UnusableValueError("number")
        raise UnusableValueError("list" if isinstance(value, list) else "object")

    return guarded


def examine(user: ProviderUser, raw: bytes) -> None:
    """Raise `RecordError` for a text that is too long or has a NUL."""
    if len(raw) <= MAX_TEXT and b"\\u0000" not in raw:
        return
    _examine_value(user.external_id, "id")
    _examine_value(user.user_name, "userName")
    for address in user.emails:
        _examine_value(address, "emails")
    for path, value in user.attributes.items():
        _examine_value(value, path)


def _examine_value(value: object, path: str) -> None:
    if not isinstance(value, str):
        return
    if len(value) > MAX_TEXT:
        raise wrong(path, "text", what=f"longer than {MAX_TEXT} characters")
    if "\x00" in value:
        raise wrong(path, "text", what="text with a NUL character in it")


def unreadable(error: Exception) -> RecordError:
    """Return the person's error for one of `UNDECODABLE`."""
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        kind, where = _WRONG_TYPE.search(text), _WHERE.search(text)
        path = _INDEX.sub("", where.group(1)) if where else ""
        return wrong(path.strip("."), _KINDS.get(kind.group(1), "other") if kind else "number")
    if isinstance(error, RecursionError):
        return wrong("", "object", what="nested too deeply")
    return wrong("", "text", what="broken text")


def wrong(attribute: str, kind: str, *, what: str = "") -> RecordError:
    """Return the error for an attribute (or the whole record) with a value of a wrong kind."""
    subject = f"its {attribute}" if attribute else "it"
    return RecordError(
        f"The record cannot be read: {subject} is {what or f'a value of the kind {kind}'}.",
        hint="Correct the record at the identity provider.",
        attribute=attribute,
        value_kind=kind,
    )


def missing(attribute: str) -> RecordError:
    """Return the error for a record without an attribute that it needs."""
    return RecordError(
        f"The record cannot be read: it has no usable {attribute}.",
        hint="Correct the record at the identity provider.",
        attribute=attribute,
        value_kind="nothing",
    )
