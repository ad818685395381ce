"""Attribute paths: what a mapping may name, and how a value is got out of a decoded record."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from core.providers.unreadable import Getter, UnusableValueError, plain

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

DEFAULT_PATHS: Final = frozenset(
    {
        "userName",
        "displayName",
        "name.givenName",
        "name.familyName",
        "emails",
        "title",
        "externalId",
        "locale",
        "timezone",
        "preferredLanguage",
        "userType",
        "phoneNumbers",
        "enterprise.employeeNumber",
        "enterprise.costCenter",
        "enterprise.organization",
        "enterprise.division",
        "enterprise.department",
        "enterprise.manager",
    }
)
_TEXTS: Final = frozenset(
    {
        "displayName",
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
        "externalId",
    }
)
_NAME_PARTS: Final = (
    "formatted",
    "familyName",
    "givenName",
    "middleName",
    "honorificPrefix",
    "honorificSuffix",
)
_MULTIVALUED: Final = frozenset(
    {"emails", "phoneNumbers", "ims", "photos", "roles", "entitlements", "groups"}
)
_ENTERPRISE_TEXTS: Final = (
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
)


class Valued(msgspec.Struct):
    """One value of a multi-valued attribute (RFC 7643 §2.4)."""

    value: str | None = None
    type: str | None = None
    primary: bool | str | None = None


class _Manager(msgspec.Struct):
    value: str | None = None
    displayName: str | None = None  # noqa: N815 - the name on the wire


_Name = msgspec.defstruct("_Name", [(part, str | None, None) for part in _NAME_PARTS])
_Enterprise = msgspec.defstruct(
    "_Enterprise",
    [
        *((text, str | None, None) for text in _ENTERPRISE_TEXTS),
        ("manager", _Manager | str | None, None),
    ],
)


def _default(kind: Any) -> Any:
    """Return what stands for an attribute that is not there: nothing, or an object of nothing."""
    for holder in (_Name, _Enterprise):
        if kind == holder | None:
            return msgspec.field(default_factory=holder)
    return None


def is_primary(value: Valued) -> bool:
    """Say whether a value is the preferred one; ``"true"`` as text is met in the field."""
    return value.primary is True or str(value.primary).lower() == "true"


def _first_value(values: list[Valued]) -> str | None:
    if len(values) < 2:  # noqa: PLR2004 - nothing to choose from
        return values[0].value if values else None
    chosen = next((one for one in values if is_primary(one)), values[0])
    return chosen.value


def _of_type(wanted: str) -> Getter:
    def get(values: list[Valued]) -> str | None:
        for one in values:
            if (one.type or "").lower() == wanted:
                return one.value
        return None

    return get


class AttributePlan:
    """The attributes that are wanted: what to ask for, how to decode, how to get each value.

    Attributes:
        struct: the type of a person's record; only what is wanted is looked at.
        getters: wanted path -> function from a decoded record to its value or None.
        texts: wanted paths of plain texts, in the order of what `read_texts` returns.
        others: the rest of the getters.
        selection: the ``attributes`` parameter (RFC 7644 §3.9).
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self._fields: dict[str, tuple[Any, str]] = {}
        self._add("id", str | None)
        self._add("userName", str | None)
        self._add("active", bool | str | None)
        self._add("emails", list[Valued] | None)
        paths = sorted(set(wanted) or DEFAULT_PATHS)
        self.getters: tuple[tuple[str, Getter], ...] = tuple(
            (path, self._compiled(path)) for path in paths
        )
        straight = {path: name for path, _ in self.getters if (name := self._straight(path))}
        self.texts = tuple(straight)
        self.others = tuple((path, get) for path, get in self.getters if path not in straight)
        self._get_texts = operator.attrgetter("id", "id", *straight.values())
        self.struct: type[msgspec.Struct] = msgspec.defstruct(
            "ScimUser",
            [(name, kind, _default(kind)) for name, (kind, _) in self._fields.items()],
            rename={name: wire for name, (_, wire) in self._fields.items()},
            gc=False,
        )
        asked = {"userName", "active", "emails"}
        self.selection = ",".join(sorted(asked | {_asked_for(path) for path in paths}))

    def read_texts(self, record: Any) -> tuple[str | None, ...]:
        """Return the values of `texts` in one step.

        Raises `AttributeError` if the record says null where an object belongs.
        """
        found: tuple[str | None, ...] = self._get_texts(record)
        return found[2:]

    def _straight(self, path: str) -> str:
        """Return where in the decoded record a plain text stands; nothing for other values."""
        schema, attribute = _extension(path)
        head, _, rest = attribute.partition(".")
        if schema == ENTERPRISE and attribute in _ENTERPRISE_TEXTS:
            return f"{self._add(schema, _Enterprise | None)}.{attribute}"
        if schema:
            return ""
        if head == "name" and rest in _NAME_PARTS:
            return f"{self._add('name', _Name | None)}.{rest}"
        if not rest and (head in _TEXTS or head in {"id", "userName"}):
            return self._add(head, str | None)
        return ""

    def _add(self, wire: str, kind: Any) -> str:
        """Make the record have this attribute and return its field's name."""
        for name, (_, known) in self._fields.items():
            if known == wire:
                return name
        name = f"field{len(self._fields)}" if wire not in _CORE else wire
        self._fields[name] = (kind, wire)
        return name

    def _compiled(self, path: str) -> Getter:
        if path == "active":
            return is_active
        schema, attribute = _extension(path)
        if schema == ENTERPRISE:
            return _within(self._add(schema, _Enterprise | None), _enterprise(attribute))
        if schema:
            return plain(_within(self._add(schema, dict[str, Any] | None), _key(attribute)))
        return self._core(path)

    def _core(self, path: str) -> Getter:
        head, _, rest = path.partition(".")
        if head in _MULTIVALUED:
            name = self._add(head, list[Valued] | None)
            return _within(name, _of_type(rest.lower()) if rest else _first_value)
        if head == "name" and rest in _NAME_PARTS:
            return _within(self._add("name", _Name | None), operator.attrgetter(rest))
        if rest:
            return plain(_within(self._add(head, dict[str, Any] | None), _key(rest)))
        if head in _TEXTS or head in _CORE:
            return operator.attrgetter(self._add(head, str | None))
        return plain(operator.attrgetter(self._add(head, Any)))


_CORE: Final = frozenset({"id", "userName", "active", "emails"})


def is_active(record: Any) -> bool:
    """Return ``active``; nothing said means that the person may sign in (RFC 7643 §4.1.1).

    The texts "true" and "false" are met in the field. Raises `UnusableValueError` for other texts.
    """
    value = record.active
    if value is None or value is True or value is False:
        return value is not False
    lowered = value.lower()
    if lowered not in {"true", "false"}:
        raise UnusableValueError("text")
    return bool(lowered == "true")


def _extension(path: str) -> tuple[str, str]:
    """Split a path into an extension's URN and the attribute in it; no URN for core attributes."""
    if path.startswith("enterprise."):
        return ENTERPRISE, path.removeprefix("enterprise.")
    if path.lower().startswith("urn:"):
        schema, _, attribute = path.rpartition(":")
        return schema, attribute
    return "", path


def _asked_for(path: str) -> str:
    schema, attribute = _extension(path)
    head = attribute.partition(".")[0]
    return f"{schema}:{head}" if schema else head


def _within(name: str, inner: Getter) -> Getter:
    outer = operator.attrgetter(name)

    def get(record: Any) -> object:
        holder = outer(record)
        return None if holder is None else inner(holder)

    return get


def _enterprise(attribute: str) -> Getter:
    head, _, rest = attribute.partition(".")
    if head == "manager":
        return _manager_name if rest == "displayName" else _manager_id
    if head in _ENTERPRISE_TEXTS:
        return operator.attrgetter(head)
    return lambda _: None


def _manager_id(record: Any) -> object:
    manager = record.manager
    return manager.value if isinstance(manager, _Manager) else manager


def _manager_name(record: Any) -> object:
    manager = record.manager
    return manager.displayName if isinstance(manager, _Manager) else None


def _key(path: str) -> Getter:
    first, *others = path.split(".")

    def get(holder: Any) -> object:
        value = holder.get(first)
        for key in others:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return get
