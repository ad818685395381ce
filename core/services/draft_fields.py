"""From what was entered into the form for a configuration to a configuration, and back.

A form's fields become the text of a configuration file, a line a field, and are judged by the very
reader of that file; so a form and a file accept the same, and every error has its field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from core.model.configuration import ConfigurationSpec
from core.model.form import (
    BY_KEY,
    KINDS,
    ONLY_ON_CREATE,
    SECRET_KEYS,
    STEPS,
    WEEKDAYS,
    KindSpec,
)
from core.services.configuration_export import spec_document
from core.services.configuration_file import judge
from core.services.configuration_google import wrong_with_key
from core.services.secrets import is_reference

Fields = Mapping[str, str]
_LINE_OF = re.compile(r"^[a-z_]+: ")


_WRITTEN = frozenset(
    {
        "name",
        "provider",
        "scope",
        "mapping",
        "schedule",
        "channel",
        "guard",
        "invitations",
        "on_missing",
        "grace",
        "priority",
    }
)


def empty_fields() -> dict[str, str]:
    """Return what a new form begins with."""
    return {
        "kind": KINDS[0].key,
        "starts": "every",
        "every": "1h",
        "time": "02:00",
        "weekday": "Monday",
        "timezone": "UTC",
        "send": "mail",
        "percent": "10",
        "minimum": "5",
        "on_missing": "disable",
        "grace": "30d",
    }


def fields_of(spec: ConfigurationSpec) -> dict[str, str]:
    """Return the fields that a stored configuration fills."""
    document = spec_document(spec)
    provider = {key: str(value) for key, value in _table(document, "provider").items()}
    guard, scope = spec.guard, spec.scope
    kind = _kind_of(provider)
    return {
        **empty_fields(),
        **{key: provider[key] for key in STEPS["signin"] if key in provider},
        **_schedule_fields(_table(document, "schedule")),
        "name": spec.name,
        "kind": kind.key if kind else "",
        "groups": "\n".join(scope.groups),
        "domains": "\n".join(scope.domains),
        "org_units": "\n".join(scope.org_units),
        "filter": scope.filter,
        "mapping": "\n".join(_mapping_line(spec, name) for name in spec.mapping),
        "channel": spec.channel or "",
        "send": spec.invitations.value,
        "percent": str(guard.percent),
        "minimum": str(guard.minimum),
        "canaries": "\n".join(guard.canaries),
        "on_missing": spec.on_missing.value,
        "grace": str(document["grace"]),
        "priority": str(spec.priority or ""),
    }


def _mapping_line(spec: ConfigurationSpec, name: str) -> str:
    once = f" {ONLY_ON_CREATE}" if name in spec.only_on_create else ""
    return f"{name} = {spec.mapping[name]}{once}"


def _kind_of(provider: Mapping[str, str]) -> KindSpec | None:
    """Return the kind whose fields are those that are filled."""
    for kind in KINDS:
        needed = {each.key for each in kind.fields if not each.optional}
        if kind.type == provider["type"] and needed <= provider.keys():
            return kind
    return None


def _schedule_fields(schedule: Mapping[str, object]) -> dict[str, str]:
    if "every" in schedule:
        return {"starts": "every", "every": str(schedule["every"])}
    if "cron" not in schedule:
        return {"starts": "hand"}
    cron, zone = str(schedule["cron"]), str(schedule.get("timezone", "UTC"))
    found = re.fullmatch(r"(\d{1,2}) (\d{1,2}) \* \* (\*|[1-7])", cron)
    if not found:
        return {"starts": "cron", "cron": cron, "timezone": zone}
    clock = {"time": f"{int(found[2]):02}:{int(found[1]):02}", "timezone": zone}
    if found[3] == "*":
        return {"starts": "daily", **clock}
    return {"starts": "weekly", "weekday": WEEKDAYS[int(found[3]) - 1], **clock}


def _table(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def judged(
    fields: Fields, *, base: ConfigurationSpec | None = None
) -> tuple[ConfigurationSpec | None, dict[str, str]]:
    """Return the configuration that the fields describe, and what is wrong by field.

    `base` is the configuration that is edited: what no field is for stays as it is there. The
    configuration is None if anything is wrong.
    """
    lines, errors = _Lines(), _early(fields)
    _write(lines, fields, base)
    file, faults = judge(lines.text(), source="the form")
    for line, message in faults.found:
        errors.setdefault(lines.field_at(line), _plain(message))
    if errors or not file.configurations:
        return None, errors
    return file.configurations[0], {}


def wrong_in(step: str, entered: Fields, *, kind: str = "", kept: bool = False) -> dict[str, str]:
    """Return what is wrong with the fields of one step by themselves, by field.

    A secret may be anything, except that a service account's key has to be one; with `kept`, there
    is a secret already and none has to be entered.
    """
    chosen = BY_KEY.get(kind, KINDS[0])
    optional = {each.key for each in chosen.fields if each.secret and (each.optional or kept)}
    plain = {
        key: text
        for key, text in entered.items()
        if key not in SECRET_KEYS or not (text or key in optional)
    }
    _, errors = judged({**empty_fields(), **_STAND_IN, "kind": chosen.key, **plain})
    key = entered.get("service_account", "") if chosen.type == "google" else ""
    wrong = wrong_with_key(key) if key and not is_reference(key) else None
    if wrong is not None:
        errors["service_account"] = wrong
    return {field: text for field, text in errors.items() if field in STEPS[step]}


_STAND_IN = {
    "name": "stand-in",
    "url": "https://stand-in.invalid",
    "token_url": "https://stand-in.invalid",
    "token": "env:DIRSYNC_CREDENTIAL_X",
    "password": "env:DIRSYNC_CREDENTIAL_X",
    "certificate": "env:DIRSYNC_CREDENTIAL_X",
    "private_key": "env:DIRSYNC_CREDENTIAL_X",
    "client_secret": "env:DIRSYNC_CREDENTIAL_X",
    "tenant": "x",
    "username": "x",
    "client_id": "x",
    "admin": "admin@stand-in.invalid",
    "service_account": "env:DIRSYNC_CREDENTIAL_X",
    "file": "x.csv",
    "base": "dc=stand-in",
    "user": "x",
}


def _early(fields: Fields) -> dict[str, str]:
    """Return what has no line in a file."""
    errors = {}
    if fields.get("kind") not in BY_KEY:
        errors["kind"] = "Choose one of the list."
    for line in _lines_of(fields.get("mapping", "")):
        if "=" not in line:
            errors["mapping"] = "Write one attribute a line, as in: title = title"
    starts = fields.get("starts", "hand")
    if starts in {"daily", "weekly"} and not _clock(fields.get("time", "")):
        errors["time"] = "Expected a time such as 02:00."
    return errors


class _Lines:
    """Lines of a configuration file, each of one field."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []

    def add(self, field: str, text: str) -> None:
        self._lines.append((field, text))

    def text(self) -> str:
        return "\n".join(text for _, text in self._lines) + "\n"

    def field_at(self, line: int) -> str:
        return self._lines[line - 1][0]


def _write(lines: _Lines, fields: Fields, base: ConfigurationSpec | None) -> None:
    document = spec_document(base) if base else {}
    lines.add("name", "configurations:")
    lines.add("name", f"  - name: {_quoted(fields.get('name', ''))}")
    _write_provider(lines, fields, _table(document, "provider"))
    _write_lists(lines, fields, _table(document, "scope"))
    _write_schedule(lines, fields)
    _write_guard(lines, fields, _table(document, "guard"))
    if fields.get("channel"):
        lines.add("channel", f"    channel: {_quoted(fields['channel'])}")
    lines.add("send", f"    invitations: {{send: {_quoted(fields.get('send', 'mail'))}}}")
    lines.add("on_missing", f"    on_missing: {_quoted(fields.get('on_missing', 'disable'))}")
    lines.add("grace", f"    grace: {_quoted(fields.get('grace', '30d'))}")
    if fields.get("priority", "").strip():
        lines.add("priority", f"    priority: {_number(fields['priority'])}")
    for key, kept in document.items():
        if key not in _WRITTEN:
            lines.add("name", f"    {key}: {json.dumps(kept)}")


def _write_provider(lines: _Lines, fields: Fields, before: Mapping[str, object]) -> None:
    kind = BY_KEY.get(fields.get("kind", ""), KINDS[0])
    lines.add(kind.fields[0].key, "    provider:")
    lines.add("kind", f"      type: {kind.type}")
    for each in kind.fields:
        value = fields.get(each.key, "").strip()
        if value or not each.optional:
            lines.add(each.key, f"      {each.key}: {_quoted(value)}")
    if before.get("type") == kind.type:
        for key, kept in before.items():
            if key != "type" and key not in STEPS["signin"]:
                lines.add("kind", f"      {key}: {json.dumps(kept)}")


def _write_lists(lines: _Lines, fields: Fields, before: Mapping[str, object]) -> None:
    scope: dict[str, object] = {
        key: _lines_of(fields.get(key, "")) for key in ("groups", "domains", "org_units")
    }
    scope["filter"] = " ".join(fields.get("filter", "").split())
    scope = {key: value for key, value in scope.items() if value}
    others = {key: value for key, value in before.items() if key not in STEPS["scope"]}
    if scope or others:
        lines.add("groups", "    scope:")
        for key, listed in scope.items():
            lines.add(key, f"      {key}: {json.dumps(listed)}")
        for key, kept in others.items():
            lines.add("groups", f"      {key}: {json.dumps(kept)}")
    pairs = [line.partition("=") for line in _lines_of(fields.get("mapping", "")) if "=" in line]
    if pairs:
        lines.add("mapping", "    mapping:")
        for key, _, path in pairs:
            lines.add("mapping", f"      {_quoted(key.strip())}: {_mapped_from(path.strip())}")


def _mapped_from(path: str) -> str:
    """Return the source of an attribute as the file has it."""
    plain = path.removesuffix(ONLY_ON_CREATE).rstrip()
    once = plain != path
    return f"{{from: {_quoted(plain)}, only_on_create: true}}" if once else _quoted(path)


def _write_schedule(lines: _Lines, fields: Fields) -> None:
    starts, zone = fields.get("starts", "hand"), _quoted(fields.get("timezone", "UTC"))
    if starts == "hand":
        return
    lines.add("starts", "    schedule:")
    if starts == "every":
        lines.add("every", f"      every: {_quoted(fields.get('every', ''))}")
        return
    hour, minute = _clock(fields.get("time", "")) or (0, 0)
    day = fields.get("weekday", "")
    number = WEEKDAYS.index(day) + 1 if day in WEEKDAYS else 1
    cron = {
        "daily": f"{minute} {hour} * * *",
        "weekly": f"{minute} {hour} * * {number}",
    }.get(starts, fields.get("cron", ""))
    lines.add("cron", f"      cron: {_quoted(cron)}")
    lines.add("timezone", f"      timezone: {zone}")


def _write_guard(lines: _Lines, fields: Fields, before: Mapping[str, object]) -> None:
    lines.add("percent", "    guard:")
    for key in ("percent", "minimum"):
        lines.add(key, f"      {key}: {_number(fields.get(key, ''))}")
    lines.add("canaries", f"      canaries: {json.dumps(_lines_of(fields.get('canaries', '')))}")
    if before.get("protected"):
        lines.add("percent", f"      protected: {json.dumps(before['protected'])}")
    if "max_creations" in before:
        lines.add("percent", f"      max_creations: {before['max_creations']}")


def _clock(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text.strip())
    return (int(found[1]), int(found[2])) if found else None


def _lines_of(text: str) -> Sequence[str]:
    return [line.strip() for line in re.split(r"[\n\r]+", text) if line.strip()]


def _number(text: str) -> str:
    return text.strip() if re.fullmatch(r"[0-9]{1,9}", text.strip()) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text)


def _plain(message: str) -> str:
    """Return a reader's message for a field: without the key in front of it."""
    plain = _LINE_OF.sub("", message)
    return plain[:1].upper() + plain[1:]
