"""The values of a configuration file that have rules of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from ruamel.yaml.nodes import MappingNode, Node

from core.engine.expressions import check, is_path, nearest, slip
from core.errors import ConfigurationError, UsageError
from core.model.account import ACCOUNT_FIELDS
from core.services.schedule_words import check_cron, check_interval, nearest_zone
from core.services.yaml_nodes import (
    Faults,
    WrongHereError,
    boolean,
    duration,
    entries,
    expression_text,
    table,
    text,
    texts,
)
from core.settings import CREDENTIAL_PREFIX, is_loopback

LONGEST = timedelta(days=3650)


def name(node: Node) -> str:
    """Return a configuration's name."""
    value = text(node)
    if not re.fullmatch(r"[^\W_](?:[\w.-]{0,62}[^\W_])?", value, re.ASCII):
        raise WrongHereError(
            "expected up to 64 letters, digits, -, _ and ., beginning with a letter or digit."
        )
    return value


def secret(node: Node) -> str:
    """Return a reference to a secret, never a secret."""
    value = text(node)
    kind, _, rest = value.partition(":")
    if kind == "env" and re.fullmatch(re.escape(CREDENTIAL_PREFIX) + r"[A-Z0-9_]+", rest):
        return value
    if kind == "stored" and re.fullmatch(r"s-[0-9a-z]{8}", rest):
        return value
    if kind == "file" and rest and not rest.startswith("/") and ".." not in rest.split("/"):
        return value
    raise WrongHereError(
        f"expected a reference, env:{CREDENTIAL_PREFIX}… or file:… (a path inside the "
        "credentials folder). A secret itself does not belong in this file; if this was one, "
        "replace it where it is used."
    )


def url(node: Node) -> str:
    """Return an https URL; plain http for loopback only; nobody signs in inside a URL."""
    value = text(node)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise WrongHereError("expected a URL.") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise WrongHereError("expected a URL that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise WrongHereError("expected a URL without a user name or password in it.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise WrongHereError("expected https; plain http is accepted for loopback only.")
    return value


def domains(node: Node) -> tuple[str, ...]:
    """Return mail domains, case-folded and without repetitions."""
    found = [_domain(each) for each in texts(node)]
    return tuple(dict.fromkeys(found))


def _domain(value: str) -> str:
    plain = value.strip().rstrip(".").casefold()
    label = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
    if not re.fullmatch(rf"{label}(?:\.{label})*", plain) or len(plain) > 253:  # noqa: PLR2004 - RFC 1035
        raise WrongHereError("expected domains such as example.com, without @ or *.")
    return plain


@dataclass(frozen=True, slots=True)
class MappingPart:
    """A mapping as it is written.

    Attributes:
        paths: account attribute -> provider attribute path or CEL expression.
        only_on_create: those that are written only when a person is created.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    only_on_create: tuple[str, ...] = ()


def mapping(node: Node, faults: Faults, known: Iterable[str] = ()) -> MappingPart:
    """Return which attribute comes from where: a text, or ``{from: …, only_on_create: true}``.

    `known` are the provider's usual attributes, to notice a slip.

    An attribute that the account has no field for is accepted here: the engine warns about it
    for each person who has a value.
    """
    found: dict[str, str] = {}
    once: list[str] = []
    attributes = tuple(known)
    for key, value in entries(node):
        try:
            name = _attribute(str(key.value))
            if isinstance(value, MappingNode):
                found[name] = _detailed(name, value, once, faults, attributes)
            else:
                found[name] = _source(value, faults, attributes)
        except WrongHereError as error:
            faults.add(value, f"mapping: {error}")
    return MappingPart(found, tuple(sorted(once)))


def _detailed(name: str, node: Node, once: list[str], faults: Faults, known: Sequence[str]) -> str:
    """Return the source of an attribute that is written as a table; note it if only on create."""
    rows = table(node, f"mapping: {name}", ("from", "only_on_create"), faults)
    if rows.read("only_on_create", boolean, default=False):
        if name == "email":
            raise WrongHereError(
                "people are told apart by email, so it cannot be written only on create."
            )
        once.append(name)
    return rows.need("from", lambda part: _source(part, faults, known), "")


def _attribute(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", key):
        fields = ", ".join(sorted(ACCOUNT_FIELDS))
        raise WrongHereError(f"expected an account attribute as the key, such as {fields}.")
    return key


def _source(node: Node, faults: Faults, known: Sequence[str]) -> str:
    value = expression_text(node)
    if is_path(value):
        near = nearest(value, known)
        if near:
            raise WrongHereError(slip(value, near))
        return value
    if not re.search(r"[()+?\"'\[\]=<>!&|]|\s", value):
        raise WrongHereError(
            "expected an attribute path such as enterprise.department, or an expression."
        )
    _check(node, value, faults, known, label="mapping", condition=False)
    return value


def scope_filter(node: Node, faults: Faults, known: Iterable[str]) -> str:
    """Return a CEL expression that comes to true for whoever is in scope."""
    value = expression_text(node)
    _check(node, value, faults, known, label="filter", condition=True)
    return value


def _check(
    node: Node, value: str, faults: Faults, known: Iterable[str], *, label: str, condition: bool
) -> None:
    try:
        check(value, known=known, condition=condition)
    except ConfigurationError as error:
        faults.add_at(node, error.line or 1, f"{label}: {error.message}")


def channel(node: Node) -> str:
    """Return a Slack channel id."""
    value = text(node)
    if not re.fullmatch(r"[CGD][A-Z0-9]{2,30}", value):
        raise WrongHereError(
            "expected a Slack channel id such as C0123456789 (in the channel's details, at the "
            "bottom), not its name."
        )
    return value


def interval(node: Node) -> timedelta:
    """Return how often a cycle starts."""
    try:
        return check_interval(duration(node))
    except UsageError:
        raise WrongHereError("expected a duration from 1m to 3650d.") from None


def grace(node: Node) -> timedelta:
    """Return how long somebody stays disabled."""
    value = duration(node)
    if value > LONGEST:
        raise WrongHereError("expected a duration of at most 3650d.")
    return value


def cron(node: Node) -> str:
    """Return a cron expression of five fields that has a next time."""
    try:
        return check_cron(text(node))
    except UsageError as error:
        raise WrongHereError(
            f"expected a cron expression such as 0 2 * * *. {error.message}"
        ) from None


def timezone(node: Node) -> str:
    """Return the name of a time zone of the IANA database."""
    value = text(node)
    if value not in available_timezones():
        raise WrongHereError(f"expected a time zone such as Europe/Berlin.{nearest_zone(value)}")
    return ZoneInfo(value).key
