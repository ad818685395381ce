"""The directory's records as SCIM resources (RFC 7643), and which attributes of them are sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.demo.directory import Directory, GroupRecord, PersonRecord
from bot.demo.scim_filter import ENTERPRISE

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_CORE_PREFIX = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:(?:user|group):", re.IGNORECASE)
_ALWAYS = frozenset({"schemas", "id"})

Resource = dict[str, Any]
Tree = dict[str, "Tree"]


def etag(version: int) -> str:
    """A weak entity tag for this version of a resource (RFC 7644 §3.14)."""
    return f'W/"{version}"'


def user(record: PersonRecord, base: str) -> Resource:
    """A person as a User with the enterprise extension; ``base`` is the address of ``/scim/v2``."""
    person = record.person
    enterprise: Resource = {
        "employeeNumber": person.employee_number,
        "department": person.department,
    }
    if person.cost_center is not None:
        enterprise["costCenter"] = person.cost_center
    if person.manager_id is not None:
        reference = f"{base}/Users/{person.manager_id}"
        enterprise["manager"] = {"value": person.manager_id, "$ref": reference}
    return {
        "schemas": [USER, ENTERPRISE],
        "id": person.id,
        "userName": person.user_name,
        "name": {
            "formatted": person.display_name,
            "familyName": person.family_name,
            "givenName": person.given_name,
        },
        "displayName": person.display_name,
        "title": person.title,
        "locale": person.locale,
        "timezone": person.timezone,
        "active": person.active,
        "emails": [{"value": person.email, "type": "work", "primary": True}],
        "phoneNumbers": [{"value": person.phone, "type": "work"}],
        ENTERPRISE: enterprise,
        "meta": _meta("User", record, f"{base}/Users/{person.id}"),
    }


def group(record: GroupRecord, base: str, directory: Directory) -> Resource:
    """A group as a Group whose members are people and groups."""
    held = record.group
    people = [(directory.people[key].person.display_name, key) for key in held.people]
    groups = [(directory.groups[key].group.display_name, key) for key in held.groups]
    members = [_member(shown, key, f"{base}/Users/{key}", "User") for shown, key in people]
    members += [_member(shown, key, f"{base}/Groups/{key}", "Group") for shown, key in groups]
    return {
        "schemas": [GROUP],
        "id": held.id,
        "displayName": held.display_name,
        "members": members,
        "meta": _meta("Group", record, f"{base}/Groups/{held.id}"),
    }


def _member(shown: str, key: str, reference: str, kind: str) -> Resource:
    return {"value": key, "$ref": reference, "display": shown, "type": kind}


def _meta(kind: str, record: PersonRecord | GroupRecord, location: str) -> Resource:
    return {
        "resourceType": kind,
        "created": _stamp(record.created),
        "lastModified": _stamp(record.modified),
        "location": location,
        "version": etag(record.version),
    }


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def selection(attributes: str | None, excluded: str | None) -> Callable[[Resource], Resource]:
    """What ``attributes`` or ``excludedAttributes`` leave of a resource (RFC 7644 §3.9).

    Unknown names are ignored; ``id`` and ``schemas`` are always sent.

    Raises:
        ValueError: both are given, although they exclude each other.
    """
    if attributes is not None and excluded is not None:
        raise ValueError("attributes and excludedAttributes exclude each other.")
    if attributes is not None:
        wanted = _tree(attributes.split(","))
        return lambda resource: _kept(resource, wanted, always=_ALWAYS)
    if excluded is not None:
        unwanted = _tree(excluded.split(","))
        return lambda resource: _without(resource, unwanted, always=_ALWAYS)
    return lambda resource: resource


def _tree(paths: Iterable[str]) -> Tree:
    root: Tree = {}
    for path in paths:
        node = root
        for step in _steps(path.strip()):
            node = node.setdefault(step, {})
    return root


def _steps(path: str) -> list[str]:
    name, extension = _CORE_PREFIX.sub("", path).lower(), ENTERPRISE.lower()
    if name == extension:
        return [name]
    if name.startswith(f"{extension}:"):
        return [extension, *name.removeprefix(f"{extension}:").split(".")]
    return name.split(".") if name else []


def _kept(value: Any, wanted: Tree, *, always: frozenset[str] = frozenset()) -> Any:
    if isinstance(value, list):
        return [_kept(item, wanted) for item in value]
    if (not wanted and not always) or not isinstance(value, Mapping):
        return value
    return {
        key: _kept(part, wanted.get(key.lower(), {}))
        for key, part in value.items()
        if key.lower() in wanted or key in always
    }


def _without(value: Any, unwanted: Tree, *, always: frozenset[str] = frozenset()) -> Any:
    if isinstance(value, list):
        return [_without(item, unwanted) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _without(part, unwanted.get(key.lower(), {}))
        for key, part in value.items()
        if key in always or unwanted.get(key.lower()) != {}
    }
