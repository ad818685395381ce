"""The attribute mapping: from a provider's record to the account's attributes."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from core.engine.expressions import Expression, is_path
from core.engine.matching import is_address, match_key
from core.errors import RecordError
from core.model.account import ACCOUNT_FIELDS, shown_name
from core.model.configuration import Configuration
from core.model.cycle import Problem, Severity
from core.model.directory import ProviderUser

MAX_LENGTH = 1000
"""Characters of one attribute; more is not applied."""

_DROPPED = {"Cc", "Cs"}
_ENCODER = msgspec.json.Encoder()
_blake2b = hashlib.blake2b
_PROBLEMS = msgspec.json.Decoder(list[Problem])

Getter = Callable[[ProviderUser], object]


class Mapped(NamedTuple):
    """A record in the account's terms. `profile` and `problems` are JSON texts.

    `digest` is that of the profile with the person's id, so that no two people have the same.
    """

    user_name: str
    display_name: str
    email: str
    match_key: str
    profile: str
    digest: bytes
    problems: str


def getter(path: str) -> Getter | None:
    """Compile an attribute path; ``emails`` is the primary address, None a plain attribute."""
    if path == "userName":
        return lambda user: user.user_name
    if path in {"emails", "emails.value", "email"}:
        return lambda user: user.emails[0] if user.emails else user.attributes.get(path)
    if path in {"id", "externalId"}:
        return lambda user: user.attributes.get(path, user.external_id)
    return None


def value_kind(value: object) -> str:
    """Name the kind of a value for people, never the value."""
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "object" if isinstance(value, Mapping) else "list"


def problems_text(problems: list[Problem]) -> str:
    """Return problems as the JSON list that is stored, or an empty string for none."""
    return msgspec.json.encode(problems).decode() if problems else ""


def with_problem(mapped: Mapped, problem: Problem) -> Mapped:
    """Return a mapped record with one problem more."""
    found = _PROBLEMS.decode(mapped.problems) if mapped.problems else []
    return mapped._replace(problems=problems_text([*found, problem]))


class Mapper:
    """The mapping of one configuration, compiled once and used for every record.

    Attributes are taken in the order of their names, so that equal profiles are equal texts.
    Those of `only_on_create` are mapped and left out of the digest: a person whose others are
    unchanged is unchanged.
    """

    def __init__(self, mapping: Mapping[str, str], *, only_on_create: Iterable[str] = ()) -> None:
        self._once = frozenset(only_on_create)
        paths = {field: path for field, path in mapping.items() if is_path(path)}
        compiled = [(field, path, getter(path)) for field, path in sorted(paths.items())]
        self._fields = [one for one in compiled if one[0] in ACCOUNT_FIELDS]
        self._homeless = [one for one in compiled if one[0] not in ACCOUNT_FIELDS]
        self._names = [field for field, _, _ in self._fields]
        self._paths = [path for _, path, _ in self._fields]
        self._blanks = [""] * len(self._fields)
        self._got = [
            (place, get) for place, (_, _, get) in enumerate(self._fields) if get is not None
        ]
        self._worked_out = [
            (field, Expression(text))
            for field, text in sorted(mapping.items())
            if field not in paths
        ]

    @classmethod
    def of(cls, configuration: Configuration) -> Mapper:
        """Return a configuration's mapping."""
        return cls(configuration.mapping, only_on_create=configuration.spec.only_on_create)

    def map(self, user: ProviderUser) -> Mapped:
        """Map one record; what cannot be applied becomes a problem of this person."""
        problems: list[Problem] = []
        profile = self._at_once(user)
        if profile is None:
            profile = self._one_by_one(user, problems)
        attributes = user.attributes
        for field, path, get in self._homeless:
            value = attributes.get(path) if get is None else get(user)
            if value not in (None, "", [], {}):
                problems.append(_homeless(field, path, value))
        if self._worked_out:
            profile = self._with_expressions(user, profile, problems)
        return _finish(user, profile, problems, once=self._once)

    def _with_expressions(
        self, user: ProviderUser, profile: dict[str, str], problems: list[Problem]
    ) -> dict[str, str]:
        """Add what expressions come to; one that fails is a warning of this person."""
        for field, expression in self._worked_out:
            try:
                value = expression.evaluate(user)
            except RecordError as error:
                problems.append(_failed(field, error))
                continue
            if field not in ACCOUNT_FIELDS:
                if value not in (None, "", [], {}):
                    problems.append(_homeless(field, field, value))
                continue
            text = "" if value is None else _text(value, field, problems)
            if text:
                profile[field] = text
        return dict(sorted(profile.items()))

    def _at_once(self, user: ProviderUser) -> dict[str, str] | None:
        """Map a record of ordinary texts, or return None; nearly everybody's record is one."""
        texts: list[Any] = list(map(user.attributes.get, self._paths, self._blanks))
        for place, get in self._got:
            texts[place] = get(user) or ""
        try:
            whole = "|".join(texts)
        except TypeError:
            return None
        if len(whole) > MAX_LENGTH or not whole.isprintable():
            return None
        if whole != whole.strip() or " |" in whole or "| " in whole:
            texts = [text.strip() for text in texts]
        profile = dict(zip(self._names, texts, strict=True))
        if "" in texts:
            return {field: text for field, text in profile.items() if text}
        return profile

    def _one_by_one(self, user: ProviderUser, problems: list[Problem]) -> dict[str, str]:
        profile: dict[str, str] = {}
        attributes = user.attributes
        for field, path, get in self._fields:
            value = attributes.get(path) if get is None else get(user)
            text = "" if value is None else _text(value, path, problems)
            if text:
                profile[field] = text
        return profile


def _finish(
    user: ProviderUser,
    profile: dict[str, str],
    problems: list[Problem],
    *,
    once: frozenset[str],
) -> Mapped:
    email = profile.get("email", "")
    if not is_address(email):
        problems.append(_no_email(email))
        profile.pop("email", None)
        email = ""
    user_name = profile.get("user_name") or email or user.external_id
    body = _ENCODER.encode(profile)
    told = _ENCODER.encode({f: v for f, v in profile.items() if f not in once}) if once else body
    name = user.external_id.encode("utf-8", "surrogatepass")
    return Mapped(
        user_name,
        shown_name(profile) or user_name,
        email,
        match_key(email),
        body.decode(),
        _blake2b(told + name, digest_size=16).digest(),
        problems_text(problems) if problems else "",
    )


def _text(value: object, path: str, problems: list[Problem]) -> str:
    """Return a value as clean text, or an empty string with the reason among the problems."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        value = repr(value)
    if not isinstance(value, str):
        problems.append(_wrong_kind(path, value))
        return ""
    if len(value) > MAX_LENGTH:
        problems.append(_too_long(path))
        return ""
    return (value if value.isprintable() else _clean(value, path, problems)).strip()


def _clean(value: str, path: str, problems: list[Problem]) -> str:
    kept = "".join(c for c in value if unicodedata.category(c) not in _DROPPED)
    if len(kept) != len(value):
        problems.append(_control(path))
    return kept


def _homeless(field: str, path: str, value: object) -> Problem:
    return Problem(
        severity=Severity.WARNING,
        code="attribute_without_field",
        message=f"The attribute {path} has no equivalent field in the account ({field}).",
        attribute=path,
        value_kind=value_kind(value),
        hint=f"Map {path} to one of the account's fields, or take it out of the mapping.",
    )


def _failed(field: str, error: RecordError) -> Problem:
    return Problem(
        severity=Severity.WARNING,
        code=error.code,
        message=f"{field}: {error.message}",
        attribute=field,
        hint=error.hint,
    )


def _wrong_kind(path: str, value: object) -> Problem:
    kind = value_kind(value)
    return Problem(
        severity=Severity.WARNING,
        code="attribute_wrong_kind",
        message=f"The attribute {path} holds a {kind} where text is needed.",
        attribute=path,
        value_kind=kind,
        hint=f"Map a part of {path} that is text, or correct it in the directory.",
    )


def _too_long(path: str) -> Problem:
    return Problem(
        severity=Severity.WARNING,
        code="attribute_too_long",
        message=f"The attribute {path} is longer than {MAX_LENGTH} characters.",
        attribute=path,
        value_kind="text",
        hint=f"Shorten {path} in the directory.",
    )


def _control(path: str) -> Problem:
    return Problem(
        severity=Severity.WARNING,
        code="attribute_control_characters",
        message=f"The attribute {path} has characters that cannot be shown; they were left out.",
        attribute=path,
        value_kind="text",
        hint=f"Remove line breaks and control characters from {path} in the directory.",
    )


def _no_email(email: str) -> Problem:
    return Problem(
        severity=Severity.ERROR,
        code="no_email",
        message="The record's e-mail address is not valid."
        if email
        else "The record has no e-mail address.",
        attribute="email",
        value_kind="text" if email else "",
        hint="Give this person an address in the directory, or map email to another attribute.",
    )
